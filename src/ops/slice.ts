/** Slice. @module */
import { type KnownType, normalizeAxis } from "../tensor/tensor.ts";
import type { Attributes } from "../graph/graph.ts";
import { movement } from "./_movement.ts";
import { type Placement, same } from "./_strided.ts";
import { knownNumbers, numbersOf, type Op, type OpFactory, required } from "./op.ts";

/** Slice: bounds from attributes before operator set 10, from inputs since. */
export const slice: OpFactory = (attributes, opset): Op =>
  movement((inputs) => {
    const { shape } = required(inputs[0], "data");
    const { starts, ends, axes, steps } = opset < 10 ? byAttributes(attributes) : byInputs(inputs);
    const placements = shape.map((size, axis) => same(axis, size));
    starts.forEach((start, i) => {
      const axis = normalizeAxis(axes?.[i] ?? i, shape.length);
      placements[axis] = place(axis, shape[axis]!, start, ends[i] ?? start, steps?.[i] ?? 1);
    });
    return [{ shape: placements.map(({ high }) => high), placements, fill: 0 }];
  }, true);

interface Bounds {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes: readonly number[] | null;
  readonly steps: readonly number[] | null;
}

function byAttributes(attributes: Attributes): Bounds {
  const [starts, ends] = [numbersOf(attributes, "starts"), numbersOf(attributes, "ends")];
  if (!starts || !ends) throw new TypeError('Slice needs the attributes "starts" and "ends"');
  return { starts, ends, axes: numbersOf(attributes, "axes"), steps: null };
}

function byInputs([, starts, ends, axes, steps]: readonly (KnownType | null)[]): Bounds {
  return {
    starts: knownNumbers(starts, "starts"),
    ends: knownNumbers(ends, "ends"),
    axes: axes ? knownNumbers(axes, "axes") : null,
    steps: steps ? knownNumbers(steps, "steps") : null,
  };
}

/** One sliced axis. Bounds count from the end where negative, and may lie far outside. */
function place(axis: number, size: number, start: number, end: number, step: number): Placement {
  if (step === 0) throw new RangeError('Slice "steps" must not be 0');
  const clamp = (bound: number, low: number, high: number): number =>
    Math.min(Math.max(bound < 0 ? bound + size : bound, low), high);
  const [from, to] = step > 0
    ? [clamp(start, 0, size), clamp(end, 0, size)]
    : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)];
  return { axis, start: from, step, low: 0, high: Math.max(0, Math.ceil((to - from) / step)) };
}
