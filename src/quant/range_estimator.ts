/** How the range of a tensor is found from what it takes over the calibration items. @module */

/** What is taken of each item: one number for each channel. `"raw"` keeps the distribution, for those aggregators that need it. */
export type StatisticsType = "min" | "max" | "abs_max" | "mean" | "quantile" | "abs_quantile" | "raw";

/**
 * How the items' numbers become one.
 *
 * `"histogram"`, `"mse"`, `"percentile"` and `"best"` work on the distribution of all items: the range with the least
 * L2 error by NNCF's search, by a full search, without the outlying shares, and whichever of all estimators has the least error.
 */
export type AggregatorType =
  | "min"
  | "max"
  | "mean"
  | "median"
  | "mean_no_outliers"
  | "median_no_outliers"
  | "histogram"
  | "mse"
  | "percentile"
  | "best";

/** How one end of a range is found. */
export interface StatisticsCollector {
  /** What is taken of each item. */
  readonly statisticsType: StatisticsType;
  /** How the items' numbers become one. */
  readonly aggregatorType: AggregatorType;
  /** The share that quantiles and the aggregators without outliers leave out at each end. Default 1e-4. */
  readonly quantileOutlierProb: number;
}

/** How both ends of a range are found. */
export interface RangeEstimator {
  /** The lower end. */
  readonly min: StatisticsCollector;
  /** The upper end. */
  readonly max: StatisticsCollector;
}

/** The names of ready estimators. */
export type RangeEstimatorName =
  | "minmax"
  | "mean_minmax"
  | "median_minmax"
  | "mean_no_outliers_minmax"
  | "mean_quantile"
  | "histogram"
  | "mse"
  | "percentile"
  | "best";

/** The share of values that quantiles leave out at each end where nothing else is said. */
export const QUANTILE_OUTLIER_PROB = 1e-4;

function collector(statisticsType: StatisticsType, aggregatorType: AggregatorType): StatisticsCollector {
  return { statisticsType, aggregatorType, quantileOutlierProb: QUANTILE_OUTLIER_PROB };
}

function both(statisticsType: StatisticsType, aggregatorType: AggregatorType): RangeEstimator {
  return { min: collector(statisticsType, aggregatorType), max: collector(statisticsType, aggregatorType) };
}

function extremes(least: AggregatorType, greatest: AggregatorType): RangeEstimator {
  return { min: collector("min", least), max: collector("max", greatest) };
}

/** Ready estimators: those of NNCF's `RangeEstimatorParametersSet`, and `mse`, `percentile` and `best`. */
export const RANGE_ESTIMATORS: Readonly<Record<RangeEstimatorName, RangeEstimator>> = {
  minmax: extremes("min", "max"),
  mean_minmax: extremes("mean", "mean"),
  median_minmax: extremes("median", "median"),
  mean_no_outliers_minmax: extremes("mean_no_outliers", "mean_no_outliers"),
  mean_quantile: both("quantile", "mean"),
  histogram: both("raw", "histogram"),
  mse: both("raw", "mse"),
  percentile: both("raw", "percentile"),
  best: both("raw", "best"),
};

/** Aggregators that work on the whole distribution. */
export const DISTRIBUTION_AGGREGATORS: ReadonlySet<AggregatorType> = new Set([
  "histogram",
  "mse",
  "percentile",
  "best",
]);
