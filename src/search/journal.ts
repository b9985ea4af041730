/** What has been measured, kept so that a search which was killed goes on where it stopped. @module */

/** Where a journal is kept. `journalFile` of `@acqua/acqua/journal-file` keeps it in a file. */
export interface Journal {
  /** All that was appended before, as lines that end in a line feed; empty where there is nothing. */
  read(): Promise<string>;
  /** Appends a line; it is kept for good when the promise resolves. */
  append(line: string): Promise<void>;
}

/** What a journal belongs to: names of the model and the data, and the options that the measurements depend on. */
export interface JournalHeader {
  /** A digest of the model. */
  readonly model: string;
  /** A digest of the calibration items. */
  readonly calibration: string;
  /** A digest of the validation items. */
  readonly validation: string;
  /** The options, by name, as JSON has them. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A measurement as JSON has it. */
export type JournalEntry = Readonly<Record<string, unknown>>;

/** Measurements by key. */
export interface Records {
  /** Measurements that were there when the journal was opened. */
  readonly resumed: number;
  /** A measurement, or `undefined` where it has not been made. */
  find(key: string): JournalEntry | undefined;
  /** Keeps a measurement. */
  add(key: string, entry: JournalEntry): Promise<void>;
}

const FORMAT = "acqua search journal 1";

/**
 * Opens the records of a search.
 *
 * @param journal Where they are kept, or `null` for memory only.
 * @throws {RangeError} Where the journal belongs to another model, other data or other options; all that differs is named.
 * @throws {SyntaxError} Where it is no journal. An unfinished last line is left out: a kill may cut it.
 */
export async function openRecords(journal: Journal | null, header: JournalHeader): Promise<Records> {
  const entries = new Map<string, JournalEntry>();
  const lines = (await journal?.read() ?? "").split("\n").slice(0, -1);
  lines.forEach((text, i) => {
    const line = parse(text, i);
    if (i === 0) checkHeader(line, header);
    else entries.set(String(line["key"]), line);
  });
  if (journal && lines.length === 0) await journal.append(`${JSON.stringify({ format: FORMAT, ...header })}\n`);
  return {
    resumed: entries.size,
    find: (key) => entries.get(key),
    async add(key, entry): Promise<void> {
      entries.set(key, entry);
      await journal?.append(`${JSON.stringify({ key, ...entry })}\n`);
    },
  };
}

function parse(text: string, index: number): JournalEntry {
  try {
    return JSON.parse(text) as JournalEntry;
  } catch (cause) {
    throw new SyntaxError(`Cannot read the journal: line ${index + 1} is not JSON`, { cause });
  }
}

function checkHeader(found: JournalEntry, wanted: JournalHeader): void {
  if (found["format"] !== FORMAT) {
    throw new SyntaxError(`Cannot read the journal: its first line must say "${FORMAT}", got ${text(found["format"])}`);
  }
  const differences: string[] = [];
  for (
    const [name, label] of [["model", "the model"], ["calibration", "the calibration set"], [
      "validation",
      "the validation set",
    ]] as const
  ) {
    if (found[name] !== wanted[name]) differences.push(label);
  }
  const options = (found["options"] ?? {}) as Readonly<Record<string, unknown>>;
  for (const name of new Set([...Object.keys(options), ...Object.keys(wanted.options)])) {
    const [before, now] = [text(options[name]), text(wanted.options[name])];
    if (before !== now) differences.push(`option "${name}" (${before} in the journal, ${now} now)`);
  }
  if (differences.length > 0) {
    throw new RangeError(`Cannot continue from the journal: it was written with another ${list(differences)}`);
  }
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? "not set";
}

function list(parts: readonly string[]): string {
  return parts.map((part) => part.replace(/^the /, "")).join(", and another ");
}

/** A journal in memory, for tests and for trying a search out. */
export function memoryJournal(initial = ""): Journal & { readonly text: () => string } {
  let kept = initial;
  return {
    read: () => Promise.resolve(kept),
    append(line): Promise<void> {
      kept += line;
      return Promise.resolve();
    },
    text: () => kept,
  };
}
