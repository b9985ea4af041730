/** Tasks: modules of the user that hold data and a metric. @module */
import { pathToFileURL } from "node:url";
import type { CalibrationItem } from "../quant/statistics.ts";
import type { Validate } from "../search/subject.ts";

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
  const { validation, validate } = exports;
  const calibration = calibrationOf(exports, file);
  if (!Array.isArray(validation)) throw wrong(exports, file, "validation", "an array");
  if (typeof validate !== "function") throw wrong(exports, file, "validate", "a function (model, data) => metric");
  return { calibration, validation, validate: validate as Validate<unknown> };
}

/**
 * The `calibration` that a module exports, whatever else it does or does not.
 *
 * @throws {Error} Where it cannot be imported.
 * @throws {TypeError} Where the export is missing or of another kind.
 */
export async function importCalibration(file: string): Promise<Task["calibration"]> {
  return calibrationOf(await importModule(file), file);
}

type Exports = Readonly<Record<string, unknown>>;

function calibrationOf(exports: Exports, file: string): Task["calibration"] {
  const { calibration } = exports;
  if (!isIterable(calibration)) throw wrong(exports, file, "calibration", "an iterable of model inputs");
  return calibration;
}

function wrong(exports: Exports, file: string, name: string, wanted: string): TypeError {
  return new TypeError(`"${file}" must export "${name}", ${wanted}: it is ${kindOf(exports[name])}`);
}

async function importModule(file: string): Promise<Exports> {
  try {
    return await import(pathToFileURL(file).href) as Exports;
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
