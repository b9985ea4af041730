/** Gather. @module */
import type { Binding } from "../gpu/launch.ts";
import { allocate, type KnownType, normalizeAxis, sizeOf, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { indexedLaunch } from "./_indexed.ts";
import type { Moved } from "./_movement.ts";
import { same } from "./_strided.ts";
import { numberOf, type Op, type OpFactory, required } from "./op.ts";

/** Gather. On a GPU, indices out of range pick the first or last row. */
export const gather: OpFactory = (attributes): Op => {
  const axisOf = ({ shape }: TensorType): number => normalizeAxis(numberOf(attributes, "axis", 0), shape.length);
  const typeOf = (x: KnownType, indices: KnownType): TensorType => {
    if (indices.dtype !== "i64" && indices.dtype !== "i32") {
      throw new TypeError(`Gather "indices" must be i32 or i64: current type is ${indices.dtype}`);
    }
    const axis = axisOf(x);
    return { dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] };
  };
  return {
    infer: ([x, indices]) => [typeOf(required(x, "data"), required(indices, "indices"))],
    reference: ([x, indices]) => {
      const [data, rows] = [required(x, "data"), required(indices, "indices")];
      return [pick(data, rows, axisOf(data), typeOf(data, rows))];
    },
    moves: ([x, indices]) => {
      const [data, rows] = [required(x, "data"), required(indices, "indices")];
      const moved = movedBy(data, rows, axisOf(data), typeOf(data, rows).shape);
      return moved && [moved];
    },
    lower: ([x, indices]) => {
      const [data, { data: known, shape }] = [required(x, "data"), required(indices, "indices")];
      const axis = axisOf(data);
      const table: Binding = known
        ? { packed: { source: known, key: "gather", pack: () => Int32Array.from(known) } }
        : { input: 1 };
      return [indexedLaunch({
        dtype: data.dtype,
        outer: sizeOf(data.shape.slice(0, axis)),
        rows: [data.shape[axis]!, sizeOf(shape)],
        columns: null,
        inner: sizeOf(data.shape.slice(axis + 1)),
        table,
      })];
    },
  };
};

/** What known indices that lie at even distances move, or `null`: such a Gather is a Slice. */
function movedBy(
  x: KnownType,
  { data, shape: picks }: KnownType,
  axis: number,
  shape: readonly number[],
): Moved | null {
  const dim = x.shape[axis]!;
  if (!data || data.length === 0 || picks.length > 1) return null;
  const rows = Array.from(data, (index) => index < 0 ? index + dim : index);
  const [start, step] = [rows[0]!, rows.length > 1 ? rows[1]! - rows[0]! : 1];
  if (rows.some((row, i) => row < 0 || row >= dim || row !== start + i * step) || step === 0) return null;
  const placements = x.shape.map((size, i) =>
    i === axis ? { axis, start, step, low: 0, high: rows.length } : same(i, size)
  );
  if (picks.length === 1) return { shape, placements, fill: 0 };
  return { shape, placements: placements.filter((_, i) => i !== axis), fill: 0, picked: { axis, position: start } };
}

function pick(x: Tensor, indices: Tensor, axis: number, { dtype, shape }: TensorType): Tensor {
  const data = allocate(dtype, sizeOf(shape));
  const dim = x.shape[axis]!;
  const inner = sizeOf(x.shape.slice(axis + 1));
  let next = 0;
  for (let outer = 0; outer < sizeOf(x.shape.slice(0, axis)); outer++) {
    for (const index of indices.data) {
      const row = index < 0 ? index + dim : index;
      if (row < 0 || row >= dim) {
        throw new RangeError(`Gather index must lie in [-${dim}, ${dim}): current value is ${index}`);
      }
      data.set(x.data.subarray((outer * dim + row) * inner, (outer * dim + row + 1) * inner), next);
      next += inner;
    }
  }
  return { dtype, shape, data };
}
