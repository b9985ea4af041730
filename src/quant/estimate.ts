/** From statistics to ranges, as an estimator says. @module */
import { normalizeAxis, sizeOf, stridesOf, type Tensor } from "../tensor/tensor.ts";
import { quantileOf } from "./aggregator.ts";
import type { SampleAggregatorType } from "./aggregator.ts";
import { type Distribution, distributionOf, magnitudes, quantile } from "./distribution.ts";
import type { QuantizerForm, Ranges } from "./parameters.ts";
import { DISTRIBUTION_AGGREGATORS, RANGE_ESTIMATORS, type RangeEstimator } from "./range_estimator.ts";
import { errorOf, leastErrorRange, normRange, type Range } from "./range_search.ts";
import type { DistributionRequest, NumberRequest, Sampled, Statistics, StatisticsRequest } from "./statistics.ts";

/** How the requests of an estimator get their answers. */
type Source = Pick<Statistics, "numbers" | "distributions">;

/** Estimators that need no distribution, in the order in which `"best"` prefers them. */
const PLAIN = Object.values(RANGE_ESTIMATORS).filter(({ min }) => !DISTRIBUTION_AGGREGATORS.has(min.aggregatorType));

/**
 * What must be collected of a value for its range.
 *
 * Values with a range for each channel get the `minmax` estimator in place of those that work on distributions, as in NNCF:
 * these would take kilobytes for each channel.
 */
export function rangeRequests(estimator: RangeEstimator, form: QuantizerForm, at: Sampled): StatisticsRequest[] {
  const own = perTensorOnly(estimator, at);
  if (!DISTRIBUTION_AGGREGATORS.has(own.min.aggregatorType)) return endRequests(own, form, at);
  const raw: DistributionRequest = { ...at, statistic: "raw" };
  const others = own.min.aggregatorType === "best" ? PLAIN.flatMap((other) => endRequests(other, form, at)) : [];
  return [raw, ...others];
}

/** The ranges of a value: one for each channel, or one for the tensor. {@linkcode rangeRequests} must have been collected. */
export function estimateRanges(
  estimator: RangeEstimator,
  form: QuantizerForm,
  at: Sampled,
  statistics: Pick<Statistics, "numbers" | "distributions">,
): Ranges {
  return rangesOf(perTensorOnly(estimator, at), form, at, statistics);
}

/** The ranges of a constant, from its elements: one for each index of `axis`, or one for the tensor. */
export function estimateConstantRanges(
  estimator: RangeEstimator,
  form: QuantizerForm,
  constant: Tensor,
  axis: number | null,
): Ranges {
  const channels = channelsOf(constant, axis === null ? null : normalizeAxis(axis, constant.shape.length));
  const numbers = ({ statistic, probability = 0.5 }: NumberRequest): Float32Array =>
    Float32Array.from(channels, (elements) => numberOf(elements, statistic, probability));
  let known: Distribution[] | null = null;
  const distributions = (): Distribution[] => known ??= channels.map((elements) => distributionOf(elements));
  return rangesOf(estimator, form, { value: "", axis }, { numbers, distributions });
}

function perTensorOnly(estimator: RangeEstimator, { axis }: Sampled): RangeEstimator {
  const distribution = DISTRIBUTION_AGGREGATORS.has(estimator.min.aggregatorType);
  return axis !== null && distribution ? RANGE_ESTIMATORS.minmax : estimator;
}

function rangesOf(estimator: RangeEstimator, form: QuantizerForm, at: Sampled, source: Source): Ranges {
  if (!DISTRIBUTION_AGGREGATORS.has(estimator.min.aggregatorType)) return plainRanges(estimator, form, at, source);
  const plain = estimator.min.aggregatorType === "best" ? PLAIN.map((own) => plainRanges(own, form, at, source)) : [];
  const own = source.distributions({ ...at, statistic: "raw" }).map((distribution, c) =>
    searchedRange(estimator, form, distribution, plain.map(({ min, max }) => ({ min: min[c]!, max: max[c]! })))
  );
  return { min: Float32Array.from(own, ({ min }) => min), max: Float32Array.from(own, ({ max }) => max) };
}

function plainRanges(estimator: RangeEstimator, form: QuantizerForm, at: Sampled, source: Source): Ranges {
  const [min, max] = endRequests(estimator, form, at).map((request) => source.numbers(request));
  return { min: min!, max: max! };
}

function searchedRange(
  { min: { aggregatorType, quantileOutlierProb: low }, max: { quantileOutlierProb: high } }: RangeEstimator,
  form: QuantizerForm,
  distribution: Distribution,
  others: readonly Range[],
): Range {
  if (aggregatorType === "mse") return leastErrorRange(distribution, form);
  if (aggregatorType === "histogram") return normalized(normRange(distribution), form);
  if (aggregatorType === "percentile") return percentileRange(distribution, low, high, form);
  const candidates = [
    ...others,
    percentileRange(distribution, low, high, form),
    normalized(normRange(distribution), form),
    leastErrorRange(distribution, form),
  ];
  const errors = candidates.map((range) => errorOf(distribution, range, form));
  return candidates[errors.indexOf(Math.min(...errors))]!;
}

/** The magnitude in place of the upper end for symmetric forms: else numbers that are mostly negative would be cut off. */
function normalized(range: Range, { mode }: QuantizerForm): Range {
  return mode === "symmetric" ? { ...range, max: Math.max(Math.abs(range.min), Math.abs(range.max)) } : range;
}

function percentileRange(distribution: Distribution, low: number, high: number, { mode }: QuantizerForm): Range {
  const of = mode === "symmetric" ? magnitudes(distribution) : distribution;
  return { min: quantile(distribution, low), max: quantile(of, 1 - high) };
}

/** The requests for both ends. Symmetric forms take magnitudes at the upper end. */
function endRequests({ min, max }: RangeEstimator, { mode }: QuantizerForm, at: Sampled): NumberRequest[] {
  return [min, max].map(({ statisticsType, aggregatorType, quantileOutlierProb }, end): NumberRequest => {
    const upper = end === 1;
    const magnitude = upper && mode === "symmetric";
    const statistic = magnitude && statisticsType === "max"
      ? "abs_max"
      : magnitude && statisticsType === "quantile"
      ? "abs_quantile"
      : statisticsType;
    if (statistic === "raw") throw new RangeError(`Aggregator "${aggregatorType}" takes no distribution`);
    const isQuantile = statistic === "quantile" || statistic === "abs_quantile";
    return {
      ...at,
      statistic,
      aggregator: aggregatorType as SampleAggregatorType,
      outlierProb: quantileOutlierProb,
      ...(isQuantile ? { probability: upper ? 1 - quantileOutlierProb : quantileOutlierProb } : {}),
    };
  });
}

function channelsOf({ data, shape }: Tensor, axis: number | null): Float64Array[] {
  if (axis === null) return [Float64Array.from(data)];
  const count = shape[axis]!;
  const channels = Array.from({ length: count }, () => new Float64Array(sizeOf(shape) / count));
  const stride = stridesOf(shape)[axis]!;
  const filled = new Uint32Array(count);
  data.forEach((x: number, i: number) => {
    const c = Math.floor(i / stride) % count;
    channels[c]![filled[c]!++] = x;
  });
  return channels;
}

function numberOf(elements: Float64Array, statistic: NumberRequest["statistic"], probability: number): number {
  switch (statistic) {
    case "min":
      return elements.reduce((a, b) => Math.min(a, b), Infinity);
    case "max":
      return elements.reduce((a, b) => Math.max(a, b), -Infinity);
    case "abs_max":
      return elements.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    case "mean":
      return elements.reduce((a, b) => a + b, 0) / elements.length;
    case "quantile":
      return quantileOf(elements.toSorted(), probability);
    case "abs_quantile":
      return quantileOf(elements.map(Math.abs).sort(), probability);
  }
  return statistic satisfies never;
}
