/** Split. @module */
import { normalizeAxis } from "../tensor/tensor.ts";
import { movement } from "./_movement.ts";
import { same } from "./_strided.ts";
import { knownNumbers, numberOf, numbersOf, type Op, type OpFactory, required } from "./op.ts";

/**
 * Split: sizes from the attribute "split" before operator set 13, from an input since, or "num_outputs" parts, of which
 * the last is the smallest.
 *
 * Files before operator set 18 may give neither: whoever binds the node must then add "num_outputs".
 */
export const split: OpFactory = (attributes): Op =>
  movement(([x, given]) => {
    const { shape } = required(x, "input");
    const axis = normalizeAxis(numberOf(attributes, "axis", 0), shape.length);
    const dim = shape[axis]!;
    const sizes = numbersOf(attributes, "split") ??
      (given ? knownNumbers(given, "split") : equalParts(dim, numberOf(attributes, "num_outputs", 0)));
    if (sizes.reduce((a, b) => a + b, 0) !== dim) {
      throw new RangeError(`Split sizes [${sizes}] must add up to the ${dim} elements of axis ${axis}`);
    }
    let next = 0;
    return sizes.map((size) => {
      const placements = shape.map((whole, i) => same(i, whole));
      placements[axis] = { ...same(axis, size), start: next };
      next += size;
      return { shape: shape.with(axis, size), placements, fill: 0 };
    });
  }, true);

function equalParts(dim: number, count: number): number[] {
  if (count < 1) throw new TypeError('Split needs its sizes, or the attribute "num_outputs"');
  const size = Math.ceil(dim / count);
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(size, dim - i * size)));
}
