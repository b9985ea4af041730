/** Values that lie in the memory of others: reshaped, transposed or sliced without a copy. @module */
import type { Launch, Operand } from "../gpu/launch.ts";
import { type Layout, type Physical, physicalOf } from "../gpu/layout.ts";
import { sizeOf, stridesOf, type TensorType } from "../tensor/tensor.ts";
import type { Moved } from "./_movement.ts";
import { copyLaunch, MAX_AXES } from "./_strided.ts";

/** Where the elements of a tensor lie. */
export interface View {
  /** Its sizes. */
  readonly shape: readonly number[];
  /** For each axis, the step in elements: negative or 0 where it is read backwards or again. */
  readonly strides: readonly number[];
  /** The place of its first element. */
  readonly first: number;
  /** An axis that goes on with zeros (i8: with anything) up to a larger size. */
  readonly padded: { readonly axis: number; readonly size: number } | null;
}

/** A tensor in a layout as a view of itself. */
export function viewOf(type: TensorType, layout: Layout): View {
  const { order, sizes, strides } = physicalOf(type, layout);
  const axis = order.at(-1);
  return {
    shape: type.shape,
    strides,
    first: 0,
    padded: axis === undefined ? null : { axis, size: sizes.at(-1)! },
  };
}

/** The output of a movement as a view of what its input lies in; `null` where it holds anything else. */
export function movedView(
  { strides, first, padded, shape }: View,
  { shape: to, placements, picked }: Moved,
): View | null {
  const from = first + (picked ? picked.position * strides[picked.axis]! : 0);
  const inside = placements.every(({ low, high }, i) => low <= 0 && high >= to[i]!);
  if (!inside || sizeOf(to) === 0 || !isShort(to)) return null;
  const whole = placements.findIndex(({ axis, start, step, high }) =>
    axis !== null && axis === padded?.axis && start === 0 && step === 1 && high === shape[axis]
  );
  return {
    shape: to,
    strides: placements.map(({ axis, step }) => axis === null ? 0 : strides[axis]! * step),
    first: placements.reduce((sum, { axis, start }) => sum + (axis === null ? 0 : start * strides[axis]!), from),
    padded: whole < 0 ? null : { axis: whole, size: padded!.size },
  };
}

/** The elements of a view in the same row-major order in another shape; `null` where no strides give that. */
export function reshapedView(
  { shape: from, strides: steps, first, padded }: View,
  shape: readonly number[],
): View | null {
  if (sizeOf(shape) === 0) return { shape, strides: stridesOf(shape), first, padded: null };
  const runs: { size: number; step: number }[] = [];
  from.forEach((size, axis) => {
    const [outer, step] = [runs.at(-1), steps[axis]!];
    if (size === 1) return;
    if (outer?.step === step * size) runs[runs.length - 1] = { size: outer.size * size, step };
    else runs.push({ size, step });
  });
  if (runs.length > 1 && !isShort(shape)) return null;
  const strides = shape.map(() => 0);
  let run = { size: 1, step: 0 };
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!;
    if (size === 1) continue;
    if (run.size === 1) run = runs.pop()!;
    if (run.size % size !== 0) return null;
    strides[axis] = run.step;
    run = { size: run.size / size, step: run.step * size };
  }
  if (!padded) return { shape, strides, first, padded };
  const [size, step] = [from[padded.axis]!, steps[padded.axis]!];
  const axis = shape.findLastIndex((own, i) => own === size && (size === 1 || strides[i] === step));
  if (axis < 0) return { shape, strides, first, padded: null };
  return { shape, strides: strides.with(axis, step), first, padded: { axis, size: padded.size } };
}

/** Copies have few axes. */
function isShort(shape: readonly number[]): boolean {
  return shape.filter((size) => size !== 1).length <= MAX_AXES;
}

/** Whether a view is a tensor in a layout, padding included, if it lies in `length` elements. */
export function liesIn({ strides, first, padded }: View, type: TensorType, layout: Layout, length: number): boolean {
  const own = physicalOf(type, layout);
  const last = own.order.at(-1);
  // What follows a single element is the same whichever of its axes goes on.
  const alike = padded?.axis === last || (type.shape[padded?.axis ?? -1] === 1 && type.shape[last ?? -1] === 1);
  const whole = last === undefined || own.sizes.at(-1) === type.shape[last] ||
    (alike && padded?.size === own.sizes.at(-1));
  return whole && first === 0 && own.length === length &&
    type.shape.every((size, axis) => size === 1 || own.strides[axis] === strides[axis]);
}

/** The launch that copies a view of input 0 into output 0; padding becomes zero. */
export function copyView({ shape, strides, first, padded }: View, to: Operand): Launch {
  const { order, sizes, strides: stepsOut }: Physical = physicalOf(to, to.layout);
  const axes = order.map((axis, i) => {
    const [size, high] = [sizes[i]!, shape[axis]!];
    const alike = padded?.axis === axis && padded.size === size;
    return { size, stepIn: strides[axis]!, stepOut: stepsOut[axis]!, low: 0, high: alike ? size : high };
  });
  return copyLaunch({ dtype: to.dtype, axes, firstIn: first, firstOut: 0, fill: 0 });
}
