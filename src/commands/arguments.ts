/** Words of the command line to values. @module */
import { parseArgs as untyped } from "@std/cli/parse-args";

/** An option of a command. */
export interface Option {
  /** The name, without the leading `--`. */
  readonly name: string;
  /** What its value is called in the help; a flag where it is missing. */
  readonly value?: string;
  /** Whether it can be given several times. */
  readonly repeated?: true;
  /** What it does, in one line. */
  readonly help: string;
}

/** A command line that is understood. */
export interface Arguments {
  /** All words, as they were given. */
  readonly words: readonly string[];
  /** The words that belong to no option. */
  readonly positionals: readonly string[];
  /** Whether a flag or option is given. */
  has(name: string): boolean;
  /** The value of an option, where it is given. */
  value(name: string): string | undefined;
  /** All values of a repeated option. */
  values(name: string): readonly string[];
}

/** A command line that cannot be understood; the message says why in one line. */
export class UsageError extends Error {
  /** The name of the class. */
  override readonly name = "UsageError";
}

interface ParseOptions {
  readonly string: readonly string[];
  readonly boolean: readonly string[];
  readonly collect: readonly string[];
  readonly unknown: (word: string, key?: string) => boolean;
}

const parse = untyped as (words: readonly string[], options: ParseOptions) => Record<string, unknown>;

/**
 * Reads a command line.
 *
 * @throws {UsageError} Where an option is unknown, lacks its value, has one that it does not take, or is given twice.
 */
export function parseArguments(words: readonly string[], options: readonly Option[]): Arguments {
  const valued = options.filter(({ value }) => value !== undefined).map(({ name }) => name);
  const flags = options.filter(({ value }) => value === undefined).map(({ name }) => name);
  const parsed = parse(joined(words.map((word) => word === "-h" ? "--help" : word), new Set(valued), new Set(flags)), {
    string: [...valued, "_"],
    boolean: flags,
    collect: valued,
    unknown: (word, key) => {
      if (key === undefined) return true;
      throw new UsageError(`unknown option ${word.replace(/=.*/s, "")}`);
    },
  });
  const values = (name: string): string[] => parsed[name] as string[] | undefined ?? [];
  for (const { name, value, repeated } of options) {
    if (value !== undefined && !repeated && values(name).length > 1) {
      throw new UsageError(`option --${name} is given more than once`);
    }
  }
  return {
    words,
    positionals: (parsed._ as (string | number)[]).map(String),
    has: (name) => flags.includes(name) ? parsed[name] === true : values(name).length > 0,
    value: (name) => values(name)[0],
    values,
  };
}

/** Ties each value to its option with `=`, so that a value may begin with a minus sign. */
function joined(words: readonly string[], valued: ReadonlySet<string>, flags: ReadonlySet<string>): string[] {
  const result: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "--") return [...result, ...words.slice(i)];
    const [, name = "", assigned] = word.match(/^--([^=]+)(=.*)?$/s) ?? [];
    if (flags.has(name) && assigned !== undefined) throw new UsageError(`option --${name} takes no value`);
    if (!valued.has(name)) {
      result.push(word);
      continue;
    }
    const value = assigned === undefined ? words[++i] : assigned.slice(1);
    if (value === undefined || value === "" || (assigned === undefined && value.startsWith("--"))) {
      throw new UsageError(`option --${name} needs a value`);
    }
    result.push(`--${name}=${value}`);
  }
  return result;
}

/**
 * The one model that a command is given.
 *
 * @throws {UsageError} Where there is none, or another word too.
 */
export function modelOf({ positionals: [model, ...others] }: Arguments): string {
  if (model === undefined) throw new UsageError("MODEL is missing");
  if (others.length > 0) throw new UsageError(`one MODEL is wanted, got "${others[0]}" too`);
  return model;
}

/**
 * The value of an option as a finite number.
 *
 * @throws {UsageError} Where it is not.
 */
export function numberOf(args: Arguments, name: string): number | undefined {
  const text = args.value(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new UsageError(`--${name} must be a number, got "${text}"`);
  return value;
}

/**
 * The value of an option as a whole number of at least 1.
 *
 * @throws {UsageError} Where it is not.
 */
export function countOf(args: Arguments, name: string): number | undefined {
  const value = numberOf(args, name);
  if (value !== undefined && (!Number.isSafeInteger(value) || value < 1)) {
    throw new UsageError(`--${name} must be a whole number of at least 1, got "${args.value(name)}"`);
  }
  return value;
}

/**
 * The value of an option that must be one of a few words.
 *
 * @throws {UsageError} Where it is not.
 */
export function choiceOf<T extends string>(args: Arguments, name: string, choices: readonly T[]): T | undefined {
  const text = args.value(name);
  const choice = choices.find((own) => own === text);
  if (text !== undefined && choice === undefined) {
    throw new UsageError(`--${name} must be ${choices.map((own) => `"${own}"`).join(" or ")}, got "${text}"`);
  }
  return choice;
}

/** The value of an option as words between commas. */
export function listOf(args: Arguments, name: string): string[] | undefined {
  return args.value(name)?.split(",").map((word) => word.trim()).filter((word) => word !== "");
}
