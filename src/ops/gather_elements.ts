/** GatherElements and GatherND. @module */
import { allocate, type KnownType, normalizeAxis, sizeOf, stridesOf, type TensorType } from "../tensor/tensor.ts";
import { eachPosition, indexOf } from "./_nd.ts";
import { numberOf, type Op, type OpFactory, required } from "./op.ts";

/** An index counted from the front. */
export function frontIndex(name: string, index: number, size: number): number {
  const front = index < 0 ? index + size : index;
  if (front < 0 || front >= size) {
    throw new RangeError(`${name} index must lie in [-${size}, ${size}): current value is ${index}`);
  }
  return front;
}

/** GatherElements: each element from another position along an axis. */
export const gatherElements: OpFactory = (attributes): Op => {
  const axisOf = ({ shape }: TensorType): number => normalizeAxis(numberOf(attributes, "axis", 0), shape.length);
  return {
    infer: ([data, indices]) => [{ dtype: required(data, "data").dtype, shape: required(indices, "indices").shape }],
    reference: ([input, given]) => {
      const [x, indices] = [required(input, "data"), required(given, "indices")];
      const [axis, strides] = [axisOf(x), stridesOf(x.shape)];
      const y = allocate(x.dtype, indices.data.length);
      eachPosition(indices.shape, (position, i) => {
        const index = frontIndex("GatherElements", indices.data[i]!, x.shape[axis]!);
        y[i] = x.data[indexOf(position.with(axis, index), strides)]!;
      });
      return [{ dtype: x.dtype, shape: indices.shape, data: y }];
    },
  };
};

/** GatherND: slices whose positions are the last axis of the indices. */
export const gatherNd: OpFactory = (attributes): Op => {
  const batch = numberOf(attributes, "batch_dims", 0);
  const typeOf = (x: KnownType, indices: KnownType): TensorType => {
    const depth = indices.shape.at(-1);
    if (depth === undefined || batch + depth > x.shape.length) {
      throw new RangeError(`GatherND cannot take indices of shape [${indices.shape}] into [${x.shape}]`);
    }
    return { dtype: x.dtype, shape: [...indices.shape.slice(0, -1), ...x.shape.slice(batch + depth)] };
  };
  return {
    infer: ([x, indices]) => [typeOf(required(x, "data"), required(indices, "indices"))],
    reference: ([input, given]) => {
      const [x, indices] = [required(input, "data"), required(given, "indices")];
      const { dtype, shape } = typeOf(x, indices);
      const depth = indices.shape.at(-1)!;
      const strides = stridesOf(x.shape);
      const run = sizeOf(x.shape.slice(batch + depth));
      const tuples = sizeOf(indices.shape.slice(0, -1));
      const perBatch = tuples / sizeOf(x.shape.slice(0, batch));
      const y = allocate(dtype, sizeOf(shape));
      for (let tuple = 0; tuple < tuples; tuple++) {
        let at = Math.floor(tuple / perBatch) * sizeOf(x.shape.slice(batch));
        for (let d = 0; d < depth; d++) {
          at += frontIndex("GatherND", indices.data[tuple * depth + d]!, x.shape[batch + d]!) * strides[batch + d]!;
        }
        y.set(x.data.subarray(at, at + run), tuple * run);
      }
      return [{ dtype, shape, data: y }];
    },
  };
};
