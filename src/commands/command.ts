/** What a command of the command line is. @module */
import type { Arguments, Option } from "./arguments.ts";

/** Where a command writes. */
export interface Terminal {
  /** Writes a line of results. */
  out(text: string): void;
  /** Writes a line of messages. */
  error(text: string): void;
  /** Replaces the last line of messages, or clears it; `null` where messages do not go to a screen. */
  readonly rewrite: ((text: string) => void) | null;
}

/** A command of the command line. */
export interface Command {
  /** What it does, in one line. */
  readonly summary: string;
  /** How it is called, without the program's name. */
  readonly usage: string;
  /** More lines for its help. */
  readonly notes?: readonly string[];
  /** Its options. */
  readonly options: readonly Option[];
  /**
   * Does the work.
   *
   * @returns The exit code.
   * @throws {UsageError} Where the command line is wrong.
   */
  run(args: Arguments, terminal: Terminal): Promise<number>;
}

/** Exit codes. */
export const EXIT = { done: 0, failed: 1, usage: 2, notReached: 3 } as const;
