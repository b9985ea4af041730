/** The mean of each channel, computed where the model runs. @module */
import type { Rewriter } from "../graph/rewriter.ts";
import { i64, type KnownType, normalizeAxis } from "../tensor/tensor.ts";

/** ReduceMean takes its axes as an input from this operator set on. */
const AXES_AS_INPUT = 18;

/**
 * Adds a node that takes the mean of a value along all axes but one, and returns the name of its result, a vector.
 *
 * @param axis The axis that is kept; counted from the back where it is negative.
 */
export function channelMean(
  rewriter: Rewriter,
  opset: number,
  value: string,
  types: ReadonlyMap<string, KnownType>,
  axis: number,
): string {
  const { shape } = types.get(value)!;
  const own = normalizeAxis(axis, shape.length);
  const axes = shape.map((_, i) => i).filter((i) => i !== own);
  if (axes.length === 0) return value;
  return opset >= AXES_AS_INPUT
    ? rewriter.node("ReduceMean", [value, rewriter.constant(`${value}_axes`, i64(axes))], { keepdims: 0 })
    : rewriter.node("ReduceMean", [value], { axes, keepdims: 0 });
}
