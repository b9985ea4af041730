/** Gather. @module */
import type { Binding } from "../gpu/launch.ts";
import { allocate, type KnownType, normalizeAxis, sizeOf, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { indexedLaunch } from "./_indexed.ts";
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
