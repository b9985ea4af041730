/** Running sums and products. @module */
import type { Attributes } from "../graph/graph.ts";
import { allocate, type KnownType, normalizeAxis } from "../tensor/tensor.ts";
import { eachLine, linesOf } from "./_nd.ts";
import { NUMBERS, requireType } from "./_pointwise.ts";
import { knownNumbers, numberOf, type Op, type OpFactory, required } from "./op.ts";

/** Sums of the elements so far along an axis. */
export const cumSum: OpFactory = (attributes): Op => cumulative("CumSum", attributes, 0, (a, b) => a + b);

/** Products of the elements so far along an axis. */
export const cumProd: OpFactory = (attributes): Op => cumulative("CumProd", attributes, 1, (a, b) => a * b);

function cumulative(name: string, attributes: Attributes, start: number, add: (a: number, b: number) => number): Op {
  const exclusive = numberOf(attributes, "exclusive", 0) !== 0;
  const reverse = numberOf(attributes, "reverse", 0) !== 0;
  const axisOf = (x: KnownType, axis: KnownType | null | undefined): number =>
    normalizeAxis(knownNumbers(axis, "axis")[0]!, x.shape.length);
  return {
    infer: ([input, axis]) => {
      const x = required(input, "x");
      requireType(name, x, NUMBERS);
      axisOf(x, axis);
      return [{ dtype: x.dtype, shape: x.shape }];
    },
    reference: ([input, axis]) => {
      const x = required(input, "x");
      const lines = linesOf(x.shape, axisOf(x, axis));
      const y = allocate(x.dtype, x.data.length);
      eachLine(lines, (at) => {
        let total = start;
        for (let step = 0; step < lines.length; step++) {
          const i = at(reverse ? lines.length - 1 - step : step);
          const next = add(total, x.data[i]!);
          y[i] = exclusive ? total : next;
          total = next;
        }
      });
      return [{ dtype: x.dtype, shape: x.shape, data: y }];
    },
  };
}
