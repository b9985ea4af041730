/** Whether commands tune kernels. @module */
import type { BackendOptions } from "../runtime/backend.ts";
import type { Arguments, Option } from "./arguments.ts";
import { tuningFile } from "./tuning_file.ts";

/** The option of commands that run models. */
export const NO_TUNE: Option = {
  name: "no-tune",
  help: "neither time variants of kernels nor use what was found before",
};

/** How a command opens its backend. */
export function tuningOf(args: Arguments): BackendOptions {
  return args.has("no-tune") ? {} : { tuning: tuningFile() };
}
