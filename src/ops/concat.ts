/** Concat. @module */
import type { Launch, Operand } from "../gpu/launch.ts";
import { type Layout, physicalOf } from "../gpu/layout.ts";
import { allocate, type KnownType, normalizeAxis, sizeOf, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { copyLaunch, movesWords, placedCopy, same, type StridedCopy } from "./_strided.ts";
import { numberOf, type Op, type OpFactory } from "./op.ts";

/** Concat. */
export const concat: OpFactory = (attributes): Op => {
  const axisOf = ({ shape }: TensorType): number => normalizeAxis(numberOf(attributes, "axis", 1), shape.length);
  return {
    infer: (inputs) => {
      const parts = given(inputs);
      return [typeOf(parts, axisOf(parts[0]!))];
    },
    reference: (inputs) => {
      const parts = given(inputs);
      return [join(parts, axisOf(parts[0]!))];
    },
    layouts: (inputs, [y]) => {
      const nhwc = y!.shape.length > 2 && inputs.some((part) => part?.layout === "nhwc");
      return { inputs: inputs.map((part): Layout => part?.layout ?? "plain"), outputs: [nhwc ? "nhwc" : "plain"] };
    },
    lower: (inputs, [y]) => launches(given(inputs), y!, axisOf(y!)),
  };
};

function given<T>(inputs: readonly (T | null)[]): T[] {
  const parts = inputs.filter((part) => part !== null);
  if (parts.length === 0) throw new TypeError("Concat needs an input");
  return parts;
}

function typeOf(parts: readonly KnownType[], axis: number): TensorType {
  const [{ dtype, shape }] = parts as [KnownType];
  for (const part of parts) {
    if (part.dtype !== dtype) throw new TypeError(`Concat takes inputs of one type: got ${dtype} and ${part.dtype}`);
    if (part.shape.length !== shape.length || part.shape.some((dim, i) => i !== axis && dim !== shape[i])) {
      throw new RangeError(`Cannot concatenate [${shape}] and [${part.shape}] along axis ${axis}`);
    }
  }
  return { dtype, shape: shape.with(axis, parts.reduce((sum, part) => sum + part.shape[axis]!, 0)) };
}

function join(parts: readonly Tensor[], axis: number): Tensor {
  const { dtype, shape } = typeOf(parts, axis);
  const data = allocate(dtype, sizeOf(shape));
  let next = 0;
  for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++) {
    for (const part of parts) {
      const run = sizeOf(part.shape.slice(axis));
      data.set(part.data.subarray(outer * run, (outer + 1) * run), next);
      next += run;
    }
  }
  return { dtype, shape, data };
}

/** Each part is written to its own region, or, where regions meet inside words, over the whole with the rest kept. */
function launches(parts: readonly Operand[], y: Operand, axis: number): Launch[] {
  let next = 0;
  const whole = parts.map((part): StridedCopy => {
    const placements = y.shape.map((dim, i) => same(i, dim));
    const dim = part.shape[axis]!;
    placements[axis] = { axis, start: -next, step: 1, low: next, high: next + dim };
    next += dim;
    return placedCopy(part, y, placements, 0);
  });
  const place = physicalOf(y, y.layout).order.indexOf(axis);
  const regions = whole.map((copy, i) => regionOf(copy, place, i === parts.length - 1));
  const copies = regions.every(movesWords)
    ? regions
    : whole.map((copy, i): StridedCopy => i === 0 ? copy : { ...copy, fill: "keep" });
  return copies.map((copy, i) => copyLaunch(copy, i));
}

/** The part of a copy that reads, with the padding after it if it is the last. */
function regionOf(copy: StridedCopy, place: number, last: boolean): StridedCopy {
  const axis = copy.axes[place]!;
  const { low, high, stepIn, stepOut } = axis;
  const size = (last ? axis.size : high) - low;
  return {
    ...copy,
    axes: copy.axes.with(place, { ...axis, size, low: 0, high: high - low }),
    firstIn: copy.firstIn + low * stepIn,
    firstOut: copy.firstOut + low * stepOut,
  };
}
