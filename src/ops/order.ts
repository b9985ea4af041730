/** Operators that look for the greatest and least along an axis: ArgMax, ArgMin and TopK. @module */
import type { Attributes } from "../graph/graph.ts";
import { allocate, type KnownType, normalizeAxis, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { eachLine, linesOf } from "./_nd.ts";
import { NUMBERS, requireType } from "./_pointwise.ts";
import { knownNumbers, numberOf, type Op, type OpFactory, required } from "./op.ts";

/** The index of the greatest element along an axis. */
export const argMax: OpFactory = (attributes): Op => extreme("ArgMax", attributes, (a, b) => a > b);

/** The index of the least element along an axis. */
export const argMin: OpFactory = (attributes): Op => extreme("ArgMin", attributes, (a, b) => a < b);

function extreme(name: string, attributes: Attributes, better: (a: number, b: number) => boolean): Op {
  const keep = numberOf(attributes, "keepdims", 1) !== 0;
  const last = numberOf(attributes, "select_last_index", 0) !== 0;
  const axisOf = ({ shape }: TensorType): number => normalizeAxis(numberOf(attributes, "axis", 0), shape.length);
  const typeOf = (x: KnownType): TensorType => {
    requireType(name, x, NUMBERS);
    const axis = axisOf(x);
    return { dtype: "i64", shape: x.shape.flatMap((dim, i) => i !== axis ? [dim] : keep ? [1] : []) };
  };
  return {
    infer: ([x]) => [typeOf(required(x, "data"))],
    reference: ([input]) => {
      const x = required(input, "data");
      const { dtype, shape } = typeOf(x);
      const lines = linesOf(x.shape, axisOf(x));
      const y = allocate(dtype, lines.outer * lines.inner);
      eachLine(lines, (at, line) => {
        let best = 0;
        for (let i = 1; i < lines.length; i++) {
          const [own, other] = [x.data[at(i)]!, x.data[at(best)]!];
          if (better(own, other) || (last && own === other)) best = i;
        }
        y[line] = best;
      });
      return [{ dtype, shape, data: y }];
    },
  };
}

/** The k greatest or least elements along an axis in order, and their indices. */
export const topK: OpFactory = (attributes, opset): Op => {
  const largest = numberOf(attributes, "largest", 1) !== 0;
  const countOf = (k: KnownType | null | undefined): number =>
    opset < 10 ? numberOf(attributes, "k", 0) : knownNumbers(k, "K")[0]!;
  const axisOf = ({ shape }: TensorType): number => normalizeAxis(numberOf(attributes, "axis", -1), shape.length);
  const typesOf = (x: KnownType, k: KnownType | null | undefined): TensorType[] => {
    requireType("TopK", x, NUMBERS);
    const [axis, count] = [axisOf(x), countOf(k)];
    if (count < 0 || count > x.shape[axis]!) {
      throw new RangeError(`TopK "K" must lie in [0, ${x.shape[axis]}]: current value is ${count}`);
    }
    const shape = x.shape.with(axis, count);
    return [{ dtype: x.dtype, shape }, { dtype: "i64", shape }];
  };
  return {
    infer: ([x, k]) => typesOf(required(x, "X"), k),
    reference: ([input, k]) => {
      const x = required(input, "X");
      const [values, indices] = typesOf(x, k).map(({ dtype, shape }): Tensor => {
        return { dtype, shape, data: allocate(dtype, shape.reduce((a, b) => a * b, 1)) };
      }) as [Tensor, Tensor];
      const [from, to] = [linesOf(x.shape, axisOf(x)), linesOf(values.shape, axisOf(x))];
      eachLine(from, (at, line) => {
        const own = Array.from({ length: from.length }, (_, i) => i);
        own.sort((a, b) => {
          const difference = x.data[at(a)]! - x.data[at(b)]!;
          return (largest ? -difference : difference) || a - b;
        });
        const start = Math.floor(line / to.inner) * to.length * to.inner + line % to.inner;
        for (let i = 0; i < to.length; i++) {
          values.data[start + i * to.inner] = x.data[at(own[i]!)]!;
          indices.data[start + i * to.inner] = own[i]!;
        }
      });
      return [values, indices];
    },
  };
};
