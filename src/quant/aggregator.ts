/** From the numbers of each item to those of all. @module */
import type { AggregatorType } from "./range_estimator.ts";

/** How the items' numbers become one, without the aggregators that need a distribution. */
export type SampleAggregatorType = Exclude<AggregatorType, "histogram" | "mse" | "percentile" | "best">;

/** Takes one number for each channel from each sample. */
export interface Aggregator {
  /** Takes the numbers of one sample. */
  add(sample: Float32Array): void;
  /** The aggregated numbers of the samples so far. */
  result(): Float32Array;
}

/**
 * Makes an aggregator. `"min"`, `"max"` and `"mean"` keep a number for each channel; the medians and the aggregators
 * without outliers keep the numbers of every sample.
 *
 * @param outlierProb What lies outside of the quantiles of this probability, at either end of the samples' numbers, is left
 * out by the aggregators without outliers.
 */
export function aggregatorOf(type: SampleAggregatorType, outlierProb: number): Aggregator {
  switch (type) {
    case "min":
      return folding((a, b) => Math.min(a, b), Infinity);
    case "max":
      return folding((a, b) => Math.max(a, b), -Infinity);
    case "mean":
      return averaging();
    case "median":
      return keeping((numbers) => quantileOf(numbers, 0.5));
    case "mean_no_outliers":
      return keeping((numbers) => mean(withoutOutliers(numbers, outlierProb)));
    case "median_no_outliers":
      return keeping((numbers) => quantileOf(withoutOutliers(numbers, outlierProb), 0.5));
  }
  return type satisfies never;
}

function folding(join: (a: number, b: number) => number, start: number): Aggregator {
  let all: Float32Array | null = null;
  return {
    add(sample) {
      const own = all ??= new Float32Array(sample.length).fill(start);
      sample.forEach((value, i) => own[i] = join(own[i]!, value));
    },
    result: () => all ?? new Float32Array(0),
  };
}

function averaging(): Aggregator {
  let sum: Float64Array | null = null;
  let count = 0;
  return {
    add(sample) {
      const own = sum ??= new Float64Array(sample.length);
      sample.forEach((value, i) => own[i]! += value);
      count++;
    },
    result: () => Float32Array.from(sum ?? [], (total) => total / count),
  };
}

function keeping(aggregate: (ascending: Float64Array) => number): Aggregator {
  const samples: Float32Array[] = [];
  return {
    add: (sample) => samples.push(sample),
    result: () =>
      Float32Array.from(
        samples[0] ?? [],
        (_, i) => aggregate(Float64Array.from(samples, (sample) => sample[i]!).sort()),
      ),
  };
}

/**
 * The quantile of numbers in ascending order, between neighbours in proportion (as numpy has it).
 *
 * @param probability From 0, the least number, to 1, the greatest.
 */
export function quantileOf(ascending: ArrayLike<number>, probability: number): number {
  const place = probability * (ascending.length - 1);
  const [below, above] = [ascending[Math.floor(place)]!, ascending[Math.ceil(place)]!];
  return below + (above - below) * (place - Math.floor(place));
}

function withoutOutliers(ascending: Float64Array, probability: number): Float64Array {
  const [low, high] = [quantileOf(ascending, probability), quantileOf(ascending, 1 - probability)];
  const kept = ascending.filter((value) => low <= value && value <= high);
  return kept.length > 0 ? kept : ascending;
}

function mean(numbers: Float64Array): number {
  return numbers.reduce((a, b) => a + b, 0) / numbers.length;
}
