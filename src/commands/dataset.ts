/** .npy files to the items of a data set. @module */
import type { ValueInfo } from "../graph/graph.ts";
import type { CalibrationItem } from "../quant/statistics.ts";
import { batches, batchOf, type ItemInputs } from "../search/batches.ts";
import { allocate, type DType, sizeOf, type Tensor } from "../tensor/tensor.ts";
import { UsageError } from "./arguments.ts";
import { readBytes } from "./files.ts";
import { readNpy } from "./npy.ts";

/**
 * Reads items from one .npy file for each input of a model; the first axis counts the items.
 *
 * @param option The option that names the files, for messages.
 * @param words Its values: `NAME=FILE`, or just `FILE` for a model with one input.
 * @throws {UsageError} Where the words do not name each input once.
 * @throws {Error} Where a file cannot be read or does not fit the model; the message names it.
 */
export async function readItems(
  inputs: readonly ValueInfo[],
  option: string,
  words: readonly string[],
): Promise<ItemInputs[]> {
  const files = filesOf(inputs, option, words);
  const columns: { name: string; file: string; items: Tensor[] }[] = [];
  for (const input of inputs) {
    const file = files.get(input.name)!;
    columns.push({ name: input.name, file, items: itemsOf(input, file, readNpy(await readBytes(file), file)) });
  }
  const [first, ...others] = columns;
  if (!first) throw new RangeError("The model has no inputs");
  for (const { file, items } of others) {
    if (items.length !== first.items.length) {
      throw new RangeError(`"${first.file}" holds ${first.items.length} items and "${file}" holds ${items.length}`);
    }
  }
  return first.items.map((_, i) => Object.fromEntries(columns.map(({ name, items }) => [name, items[i]!])));
}

/** Reads the class of each of `count` items. */
export async function readLabels(file: string, count: number): Promise<number[]> {
  const { shape, data } = readNpy(await readBytes(file), file);
  if (shape.length === 0 || sizeOf(shape) !== shape[0]) {
    throw new RangeError(`Labels in "${file}" must have the shape [${count}]: they have [${shape}]`);
  }
  if (data.length !== count) {
    throw new RangeError(`"${file}" holds ${data.length} labels for ${count} items`);
  }
  return Array.from(data, (label, i) => {
    if (Number.isInteger(label) && label >= 0) return label;
    throw new RangeError(`Labels in "${file}" must be whole numbers from 0 on: label ${i} is ${label}`);
  });
}

/** The items of `--calibration`, each as a batch of one. Throws what {@linkcode readItems} does. */
export async function readCalibration(
  inputs: readonly ValueInfo[],
  words: readonly string[],
): Promise<CalibrationItem[]> {
  return Array.from(batches(inputs, await readItems(inputs, "calibration", words), 1), (batch) => batch.inputs);
}

/**
 * The file of each input that the words of an option name.
 *
 * @throws {UsageError} Where a word names no input, or two name one.
 */
export function filesOf(inputs: readonly ValueInfo[], option: string, words: readonly string[]): Map<string, string> {
  const names = inputs.map(({ name }) => `"${name}"`).join(", ");
  const files = new Map<string, string>();
  for (const word of words) {
    const named = inputs.find(({ name }) => word.startsWith(`${name}=`));
    const [, stranger] = word.match(/^([^/\\=]*)=/) ?? [];
    if (!named && stranger !== undefined) {
      throw new UsageError(`--${option} ${word}: the model has no input "${stranger}"; its inputs are ${names}`);
    }
    if (!named && inputs.length !== 1) {
      throw new UsageError(
        `--${option} ${word}: the model has several inputs (${names}), write --${option} NAME=${word}`,
      );
    }
    const { name } = named ?? inputs[0]!;
    if (files.has(name)) throw new UsageError(`--${option} is given twice for input "${name}"`);
    files.set(name, named ? word.slice(name.length + 1) : word);
  }
  const missing = inputs.filter(({ name }) => !files.has(name)).map(({ name }) => `"${name}"`);
  if (missing.length > 0) throw new UsageError(`--${option} is missing for input ${missing.join(", ")}`);
  return files;
}

function itemsOf(input: ValueInfo, file: string, array: Tensor): Tensor[] {
  const [count, ...shape] = array.shape;
  if (count === undefined) throw new RangeError(`"${file}" holds a single number: its first axis must count the items`);
  if (count === 0) throw new RangeError(`"${file}" holds no items: its shape is [${array.shape}]`);
  try {
    batchOf([input], { [input.name]: { dtype: array.dtype, shape, data: array.data } });
  } catch {
    throw new RangeError(
      `"${file}" of shape [${array.shape.join(", ")}] holds items of [${shape.join(", ")}]; ` +
        `input "${input.name}" wants ${wantedItems(input)}`,
    );
  }
  const data = cast(array, input, file);
  const size = sizeOf(shape);
  return Array.from({ length: count }, (_, i) => ({
    dtype: input.dtype,
    shape,
    data: data.subarray(i * size, (i + 1) * size),
  }));
}

function wantedItems({ shape }: ValueInfo): string {
  const list = (dims: readonly (number | string)[]): string => `[${dims.join(", ")}]`;
  const own = shape ?? [];
  return own.length > 0 ? `items of ${list(own.slice(1))} (or of ${list(own)})` : "single numbers";
}

const INTEGERS: ReadonlySet<DType> = new Set(["i8", "u8", "i32", "i64", "bool"]);

function cast({ dtype, shape, data }: Tensor, input: ValueInfo, file: string): Tensor["data"] {
  const size = sizeOf(shape.slice(1));
  const own = dtype === input.dtype ? data : allocate(input.dtype, data.length);
  const whole = INTEGERS.has(input.dtype);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (!Number.isFinite(value)) {
      throw new RangeError(
        `"${file}" holds ${value} in item ${Math.floor(i / size)}: all elements must be finite numbers`,
      );
    }
    if (own === data) continue;
    own[i] = value;
    if (whole && (own[i] !== value || !Number.isInteger(value))) {
      throw new RangeError(
        `"${file}" holds ${value} in item ${Math.floor(i / size)}: input "${input.name}" takes ${input.dtype} elements`,
      );
    }
  }
  return own;
}
