/** How far a metric may fall, and whether a plan keeps to that. @module */
import { upperBound } from "./statistics.ts";

/** How a fall of the metric is counted: in units of the metric, or as a share of the baseline. */
export type DropType = "absolute" | "relative";

/** What 1 of a drop is in units of the metric: a relative drop counts shares of the baseline. */
export function dropUnit(dropType: DropType, baselineMetric: number): number {
  return dropType === "relative" ? Math.abs(baselineMetric) : 1;
}

/** Rounding that a drop may carry without counting as more than the limit. */
export const DROP_TOLERANCE = 1e-9;

/** A metric, and what each item contributes where that is known. */
export interface Measured {
  /** The metric over the items. */
  readonly metric: number;
  /** A value for each item, or `null` where the validation function gives none. */
  readonly perItem: ArrayLike<number> | null;
}

/** The permitted drop against a baseline. */
export interface Limit {
  /** The permitted drop, as `dropType` counts it. */
  readonly maxDrop: number;
  /** How drops are counted. */
  readonly dropType: DropType;
  /** The share of chance to which the drop must be below the limit, or `null` where the drop as measured decides. */
  readonly confidence: number | null;
  /** The permitted drop in units of the metric. */
  readonly absolute: number;
  /** The drop of a metric on all items, as `dropType` counts it. */
  dropOf(measured: Measured): number;
  /** Whether a metric on all items keeps to the limit. */
  accepts(measured: Measured): boolean;
}

/** Settings of a {@linkcode Limit}. */
export interface LimitOptions {
  /** The permitted drop. */
  readonly maxDrop: number;
  /** How drops are counted. */
  readonly dropType: DropType;
  /** The share of chance to which the drop must be below the limit; `null`: the drop as measured decides. */
  readonly confidence?: number | null;
  /** Whether the metric is the mean of the values per item, as far as has been seen. Default: it is not. */
  readonly additive?: () => boolean;
}

/**
 * The permitted drop against a baseline. Values per item are summed and then compared, so that a limit of 2 in 1000 items is
 * kept by 2 items.
 *
 * @throws {RangeError} Where a relative drop is asked for and the baseline is 0, or `confidence` and the metric is no mean of
 * values per item.
 */
export function limitOf(
  baseline: Measured,
  { maxDrop, dropType, confidence = null, additive = () => false }: LimitOptions,
): Limit {
  if (dropType === "relative" && baseline.metric === 0) {
    throw new RangeError('Cannot count a relative drop: the baseline metric is 0; use dropType "absolute"');
  }
  if (confidence !== null && !additive()) {
    throw new RangeError(
      'Option "confidence" needs a validation function that returns a value for each item (perItem), whose mean is the metric',
    );
  }
  const unit = dropUnit(dropType, baseline.metric);
  const paired = (measured: Measured): measured is Measured & { readonly perItem: ArrayLike<number> } =>
    additive() && measured.perItem !== null && measured.perItem.length === baseline.perItem!.length;
  const dropOf = (measured: Measured): number =>
    (paired(measured)
      ? (sumOf(baseline.perItem!) - sumOf(measured.perItem)) / measured.perItem.length
      : baseline.metric - measured.metric) / unit;
  const boundOf = (measured: Measured): number =>
    confidence !== null && paired(measured)
      ? upperBound(baseline.perItem!, measured.perItem, confidence) / unit
      : dropOf(measured);
  return {
    ...{ maxDrop, dropType, confidence, dropOf },
    absolute: maxDrop * unit,
    accepts: (measured) => isWithin(boundOf(measured), maxDrop),
  };
}

function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

/** Whether a drop keeps to the limit. */
export function isWithin(drop: number, maxDrop: number): boolean {
  return drop <= maxDrop + DROP_TOLERANCE;
}
