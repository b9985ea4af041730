/** Runs single items through models that want them in batches. @module */
import type { ValueInfo } from "../graph/graph.ts";
import type { Model } from "../runtime/model.ts";
import { allocate, sizeOf, type Tensor } from "../tensor/tensor.ts";

/** The inputs of a model for one item: one entry for each input, without a batch axis where the model has one. */
export type ItemInputs = Readonly<Record<string, Tensor>>;

/** Items that are run at once where the model leaves that open. */
const PREFERRED = 32;

/**
 * How many items a model takes at once: a number, `"any"`, or `null` where its inputs have no batch axis.
 *
 * @throws {RangeError} Where an item does not fit the inputs; the input, its shape and the item's are named.
 */
export function batchOf(inputs: readonly ValueInfo[], item: ItemInputs): number | "any" | null {
  const batches = inputs.map((input) => [input.name, batchOfInput(input, item[input.name])] as const);
  const [first, ...others] = batches;
  if (!first) return null;
  let batch = first[1];
  for (const [name, other] of others) {
    if (batch === other || (typeof batch === "number" && other === "any")) continue;
    if (batch === "any" && typeof other === "number") batch = other;
    else {throw new RangeError(
        `Inputs "${first[0]}" and "${name}" take different numbers of items: ${batch} and ${other}`,
      );}
  }
  return batch;
}

function batchOfInput({ name, shape }: ValueInfo, item: Tensor | undefined): number | "any" | null {
  if (!item) throw new RangeError(`The item has no value for input "${name}"`);
  if (shape === null) return "any";
  const fits = (wanted: readonly (number | string)[]): boolean =>
    wanted.length === item.shape.length &&
    wanted.every((dim, axis) => typeof dim === "string" || dim === item.shape[axis]);
  if (fits(shape)) return null;
  const [batch, ...rest] = shape;
  if (batch !== undefined && fits(rest)) return typeof batch === "number" ? batch : "any";
  throw new RangeError(
    `Input "${name}" wants [${shape.join(", ")}], or that without its first axis for each item; ` +
      `got an item of [${item.shape.join(", ")}]`,
  );
}

/**
 * Cuts items into model inputs, each of the size that the model takes; the last piece is filled up with its last item.
 *
 * @param inputs The inputs of the model.
 * @param preferred Items at once where the model leaves that open.
 */
export function* batches(
  inputs: readonly ValueInfo[],
  items: readonly ItemInputs[],
  preferred: number = PREFERRED,
): Generator<{ readonly inputs: ItemInputs; readonly start: number; readonly count: number; readonly size: number }> {
  if (items.length === 0) return;
  const batch = batchOf(inputs, items[0]!);
  const size = batch === "any" ? Math.ceil(items.length / Math.ceil(items.length / preferred)) : batch ?? 1;
  for (let start = 0; start < items.length; start += size) {
    const piece = items.slice(start, start + size);
    const count = piece.length;
    if (batch === null) {
      yield { inputs: piece[0]!, start, count, size };
      continue;
    }
    while (piece.length < size) piece.push(piece[count - 1]!);
    const stacked = inputs.map(({ name }) => [name, stack(name, piece.map((item) => item[name]))] as const);
    yield { inputs: Object.fromEntries(stacked), start, count, size };
  }
}

function stack(name: string, parts: readonly (Tensor | undefined)[]): Tensor {
  const first = parts[0]!;
  const size = sizeOf(first.shape);
  const data = allocate(first.dtype, size * parts.length);
  parts.forEach((part, i) => {
    if (!part || part.dtype !== first.dtype || part.shape.join() !== first.shape.join()) {
      throw new RangeError(
        `Items of one batch must be alike: input "${name}" has [${first.shape}] and ` +
          (part ? `${part.dtype} [${part.shape}]` : "no value"),
      );
    }
    data.set(part.data, i * size);
  });
  return { dtype: first.dtype, shape: [parts.length, ...first.shape], data };
}

/**
 * Runs a model on single items, in batches where it takes them, and yields each item's outputs in order.
 *
 * @throws {RangeError} Where an item does not fit the model, or an output does not hold one part for each item.
 */
export async function* runItems(model: Model, items: readonly ItemInputs[]): AsyncGenerator<ItemInputs> {
  for (const { inputs, count, size } of batches(model.inputs, items)) {
    const outputs = Object.entries(await model.run(inputs));
    for (let i = 0; i < count; i++) {
      yield Object.fromEntries(
        outputs.map(([name, output]) => [name, size === 1 ? output : part(name, output, i, size)]),
      );
    }
  }
}

function part(name: string, { dtype, shape, data }: Tensor, index: number, count: number): Tensor {
  if (shape[0] !== count) {
    throw new RangeError(
      `Output "${name}" of a batch of ${count} items must have ${count} as its first dimension, got [${shape}]`,
    );
  }
  const size = data.length / count;
  return { dtype, shape: [1, ...shape.slice(1)], data: data.subarray(index * size, (index + 1) * size) };
}
