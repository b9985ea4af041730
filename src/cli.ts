/**
 * The command line: `deno run --allow-read --allow-write --allow-env jsr:@acqua/acqua/cli --help`.
 *
 * @module
 */
import { type Option, parseArguments, UsageError } from "./commands/arguments.ts";
import { type Command, EXIT, type Terminal } from "./commands/command.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { profileCommand } from "./commands/profile.ts";
import { quantizeCommand } from "./commands/quantize.ts";
import { rankCommand } from "./commands/rank.ts";
import { runCommand } from "./commands/run.ts";

const COMMANDS: Readonly<Record<string, Command>> = {
  quantize: quantizeCommand,
  rank: rankCommand,
  run: runCommand,
  inspect: inspectCommand,
  profile: profileCommand,
};

const COMMON: readonly Option[] = [
  { name: "debug", help: "show where an error comes from" },
  { name: "help", help: "show this help" },
];

export type { Terminal };

/**
 * Runs a command line.
 *
 * @param words The words after the program's name.
 * @param terminal Where results and messages go.
 * @returns The exit code: 0 done, 1 failed, 2 wrong command line, 3 the drop could not be kept.
 */
export async function main(words: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = words;
  if (name === "--help" || name === "-h" || name === "help") {
    terminal.out(overview());
    return EXIT.done;
  }
  if (name === undefined || !Object.hasOwn(COMMANDS, name)) {
    const problem = name === undefined ? "a command is missing" : `unknown command "${name}"`;
    terminal.error(`acqua: ${problem}; usage: acqua ${Object.keys(COMMANDS).join("|")} ... (acqua --help shows more)`);
    return EXIT.usage;
  }
  const command = COMMANDS[name]!;
  let debug = rest.includes("--debug");
  try {
    const args = parseArguments(rest, [...command.options, ...COMMON]);
    debug = args.has("debug");
    if (args.has("help")) {
      terminal.out(helpOf(command));
      return EXIT.done;
    }
    return await command.run(args, terminal);
  } catch (error) {
    if (debug) terminal.error(error instanceof Error ? traceOf(error) : String(error));
    const message = oneLine(error);
    if (!(error instanceof UsageError)) {
      if (!debug) terminal.error(`acqua ${name}: ${message}`);
      return EXIT.failed;
    }
    terminal.error(`acqua ${name}: ${message}; usage: acqua ${command.usage} (acqua ${name} --help shows more)`);
    return EXIT.usage;
  }
}

function oneLine(error: unknown): string {
  const [first = "", ...others] = (error instanceof Error ? error.message || error.name : String(error)).split(
    /\s*\n\s*/,
  );
  return others.length > 0 ? `${first} ${others.join("; ")}` : first;
}

function traceOf(error: Error): string {
  const trace = error.stack ?? String(error);
  return error.cause instanceof Error ? `${trace}\nCaused by: ${traceOf(error.cause)}` : trace;
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  return [
    "Usage: acqua COMMAND ...",
    "",
    ...Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "acqua COMMAND --help shows the options of a command.",
  ].join("\n");
}

function helpOf({ summary, usage, notes = [], options }: Command): string {
  const labelled = [...options, ...COMMON].map((
    { name, value, help },
  ) => [`--${name}${value ? ` ${value}` : ""}`, help]);
  const width = Math.max(...labelled.map(([label]) => label!.length));
  return [
    `Usage: acqua ${usage}`,
    "",
    `${summary}.`,
    ...notes,
    "",
    ...labelled.map(([label, help]) => `  ${label!.padEnd(width)}  ${help}`),
  ].join("\n");
}

/** The width of the screen, or the usual one where it is not known. */
function columns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

/** The terminal that the program runs in. */
function ownTerminal(): Terminal {
  let shown = false;
  const write = (text: string): void => {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  };
  const clear = (): void => {
    if (shown) write("\r\x1b[2K");
    shown = false;
  };
  return {
    out(text): void {
      clear();
      console.log(text);
    },
    error(text): void {
      clear();
      console.error(text);
    },
    rewrite: !Deno.stderr.isTerminal() ? null : (text) => {
      clear();
      write(text.slice(0, columns() - 1));
      shown = text !== "";
    },
  };
}

if (import.meta.main) Deno.exit(await main(Deno.args, ownTerminal()));
