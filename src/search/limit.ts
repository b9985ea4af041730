/** How far a metric may fall. @module */

/** How a fall of the metric is counted: in units of the metric, or as a share of the baseline. */
export type DropType = "absolute" | "relative";

/** Rounding that a drop may carry without counting as more than the limit. */
export const DROP_TOLERANCE = 1e-9;

/**
 * How far a metric lies below the baseline; negative where it lies above.
 *
 * @throws {RangeError} Where a relative drop is asked for and the baseline is 0.
 */
export function dropOf(metric: number, baseline: number, dropType: DropType): number {
  if (dropType === "absolute") return baseline - metric;
  if (baseline === 0) {
    throw new RangeError('Cannot count a relative drop: the baseline metric is 0; use dropType "absolute"');
  }
  return (baseline - metric) / Math.abs(baseline);
}

/** Whether a drop keeps to the limit. */
export function isWithin(drop: number, maxDrop: number): boolean {
  return drop <= maxDrop + DROP_TOLERANCE;
}
