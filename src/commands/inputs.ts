/** Inputs to measure a model with. @module */
import type { ValueInfo } from "../graph/graph.ts";
import { batches } from "../search/batches.ts";
import { allocate, type DType, sizeOf, type Tensor } from "../tensor/tensor.ts";
import { UsageError } from "./arguments.ts";
import { readItems } from "./dataset.ts";

/** Inputs of a model, by name. */
export type Inputs = Readonly<Record<string, Tensor>>;

/**
 * The first batch of the items in .npy files.
 *
 * @param words The values of `--input`: `NAME=FILE`, or just `FILE` for a model with one input.
 * @param batch How many items to take where the model leaves that open.
 * @throws {UsageError} Where the files hold fewer.
 */
export async function firstBatch(
  inputs: readonly ValueInfo[],
  words: readonly string[],
  batch: number | undefined,
): Promise<Inputs> {
  const items = await readItems(inputs, "input", words);
  if (batch !== undefined && items.length < batch) {
    throw new UsageError(`--batch is ${batch}, and the files of --input hold ${items.length} items`);
  }
  const [first] = batches(inputs, items.slice(0, batch), batch);
  if (batch !== undefined && first!.size !== batch) {
    throw new UsageError(`--batch is ${batch}, and the model takes ${first!.size} at once`);
  }
  return first!.inputs;
}

/**
 * Random inputs, the same for the same shapes: floats in [-1, 1), whole numbers 0 and 1, which serve as indices too.
 *
 * @param shapes The values of `--shape`: `NAME=1,3,224,224`.
 * @param batch The size of a first axis that the model leaves open.
 * @throws {UsageError} Where a size stays open: the input and the axis are named.
 */
export function randomInputs(
  inputs: readonly ValueInfo[],
  shapes: readonly string[],
  batch: number | undefined,
): Inputs {
  const given = shapesOf(inputs, shapes);
  const takes = ({ name, shape }: ValueInfo): boolean =>
    !given.has(name) && (typeof shape?.[0] === "string" || shape?.[0] === batch);
  if (batch !== undefined && !inputs.some(takes)) {
    throw new UsageError(`--batch is ${batch}, and no input leaves its first axis open`);
  }
  return Object.fromEntries(inputs.map((input, i) => {
    const shape = given.get(input.name) ?? closed(input, batch);
    return [input.name, randomTensor(input.dtype, shape, i + 1)];
  }));
}

function shapesOf(inputs: readonly ValueInfo[], words: readonly string[]): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const word of words) {
    const at = word.lastIndexOf("=");
    const name = word.slice(0, Math.max(0, at));
    if (at < 0) throw new UsageError(`--shape must be NAME=SIZE,SIZE,..., got "${word}"`);
    if (!inputs.some((input) => input.name === name)) {
      const names = inputs.map((input) => `"${input.name}"`).join(", ");
      throw new UsageError(`--shape ${word}: the model has no input "${name}"; its inputs are ${names}`);
    }
    if (shapes.has(name)) throw new UsageError(`--shape is given twice for input "${name}"`);
    const sizes = word.slice(at + 1).split(",").map((size) => /^\s*\d+\s*$/.test(size) ? Number(size) : NaN);
    if (!sizes.every((size) => size >= 1)) {
      throw new UsageError(`--shape ${word}: sizes must be whole numbers of at least 1`);
    }
    shapes.set(name, sizes);
  }
  return shapes;
}

/** The declared shape with its first axis set, where that is what is open. */
function closed({ name, shape }: ValueInfo, batch: number | undefined): number[] {
  if (shape === null) {
    throw new UsageError(`input "${name}" has no declared shape: give it with --shape ${name}=SIZE,...`);
  }
  return shape.map((dim, axis) => {
    if (typeof dim === "number") return dim;
    if (axis === 0 && batch !== undefined) return batch;
    throw new UsageError(
      `input "${name}" of [${shape.join(", ")}] leaves axis ${axis} ("${dim}") open: give it with ` +
        `${axis === 0 ? "--batch N or " : ""}--shape ${name}=SIZE,...`,
    );
  });
}

function randomTensor(dtype: DType, shape: readonly number[], seed: number): Tensor {
  const data = allocate(dtype, sizeOf(shape));
  let state = Math.imul(seed, 0x9e3779b9) >>> 0;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = dtype === "f32" ? state / 2 ** 31 - 1 : state >>> 31;
  }
  return { dtype, shape, data };
}
