/** Whether two runtimes computed the same. */
import type { Precision } from "./runner.ts";
import { largestDifference, sameTop, signalToNoise } from "./statistics.ts";

/** FP32 results may differ by this share of the largest one. */
export const FP32_DIFFERENCE = 1e-3;
/** INT8 results of a classifier must have the same top class in this share of rows: a last bit may move one over a border. */
export const INT8_SAME_TOP = 0.9;
/**
 * INT8 results of other models must stand out this far from their difference; not further than they stand out from FP32,
 * as a network that INT8 disturbs turns every last bit into noise of that size.
 */
export const INT8_DECIBELS = 25;

/** What is compared. */
export interface Comparison {
  readonly precision: Precision;
  /** Number of classes that the last axis scores; `null` where it does not. */
  readonly classes: number | null;
  /** Signal to noise of what is expected in INT8 beside FP32, in decibels. */
  readonly int8Decibels: number;
}

/** What is wrong with a result, or `null` where it agrees. */
export function disagreement(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { precision, classes, int8Decibels }: Comparison,
): string | null {
  if (actual.length !== expected.length) return `${actual.length} numbers instead of ${expected.length}`;
  if (!Array.from(actual).every(Number.isFinite)) return "holds numbers that are not finite";
  if (precision === "FP32") {
    const difference = largestDifference(actual, expected);
    if (difference <= FP32_DIFFERENCE) return null;
    return `differs by ${difference.toExponential(1)} of the largest value: ${FP32_DIFFERENCE} is allowed`;
  }
  if (classes !== null) {
    const same = sameTop(actual, expected, classes);
    if (same >= INT8_SAME_TOP) return null;
    return `the same top class in ${(100 * same).toFixed(0)} % of rows: at least ${100 * INT8_SAME_TOP} % is wanted`;
  }
  const decibels = signalToNoise(actual, expected);
  const wanted = Math.min(INT8_DECIBELS, int8Decibels);
  if (decibels >= wanted) return null;
  return `${decibels.toFixed(1)} dB of signal to noise: at least ${wanted.toFixed(1)} dB is wanted`;
}
