/** Tasks: modules of the user that hold data and a metric. @module */
import { pathToFileURL } from "node:url";
import type { CalibrationItem } from "../quant/statistics.ts";
import type { Validate } from "../search/accuracy_control.ts";

/** What `quantize --task` is given. */
export interface Task {
  /** Inputs that the ranges of activations are taken from. */
  readonly calibration: Iterable<CalibrationItem> | AsyncIterable<CalibrationItem>;
  /** Items that the metric is computed on. */
  readonly validation: readonly unknown[];
  /** The metric. */
  readonly validate: Validate<unknown>;
}

/**
 * Imports a module that exports `calibration`, `validation` and `validate`.
 *
 * @throws {Error} Where it cannot be imported.
 * @throws {TypeError} Where an export is missing or of another kind.
 */
export async function importTask(file: string): Promise<Task> {
  const exports = await importModule(file);
  const { calibration, validation, validate } = exports;
  const wrong = (name: string, wanted: string): TypeError =>
    new TypeError(`"${file}" must export "${name}", ${wanted}: it is ${kindOf(exports[name])}`);
  if (!isIterable(calibration)) throw wrong("calibration", "an iterable of model inputs");
  if (!Array.isArray(validation)) throw wrong("validation", "an array");
  if (typeof validate !== "function") throw wrong("validate", "a function (model, data) => metric");
  return { calibration, validation, validate: validate as Validate<unknown> };
}

async function importModule(file: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(file).href) as Record<string, unknown>;
  } catch (error) {
    throw new Error(`Cannot import "${file}": ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

function isIterable(value: unknown): value is Iterable<CalibrationItem> | AsyncIterable<CalibrationItem> {
  return typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

function kindOf(value: unknown): string {
  return value === undefined ? "missing" : value === null ? "null" : `of type ${typeof value}`;
}
