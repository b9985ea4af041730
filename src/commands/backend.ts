/** The backend that a command runs models on. @module */
import type { Backend } from "../runtime/backend.ts";
import { openBackend } from "../runtime/open.ts";
import { type Arguments, choiceOf, type Option } from "./arguments.ts";
import type { Terminal } from "./command.ts";
import { tuningFile } from "./tuning_file.ts";

/** The options of commands that run models. */
export const BACKEND_OPTIONS: readonly Option[] = [
  { name: "backend", value: "NAME", help: "webgpu or cpu (default: webgpu where there is an adapter)" },
  { name: "no-tune", help: "neither time variants of kernels nor use what was found before" },
];

/**
 * The backend that is asked for.
 *
 * @throws {UsageError} Where it is none.
 */
export function backendOf(args: Arguments): Backend["name"] | undefined {
  return choiceOf(args, "backend", ["webgpu", "cpu"]);
}

/** Opens the backend that is asked for, and tells where it is the slow one for want of an adapter. */
export async function openOwn(args: Arguments, terminal: Terminal): Promise<Backend> {
  const name = backendOf(args);
  const backend = await openBackend(name, args.has("no-tune") ? {} : { tuning: tuningFile() });
  if (backend.name === "cpu" && name === undefined) {
    terminal.error("no WebGPU adapter was found: running on the CPU, which is slow");
  }
  return backend;
}
