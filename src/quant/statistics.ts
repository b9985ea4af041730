/**
 * Collecting statistics of values over a calibration set, in one pass.
 *
 * What a run needs to hand back is reduced on the device: three numbers for each sample, or for each of its channels.
 * Distributions stay there as counts, to which each run adds, and are read once at the end.
 *
 * @module
 */
import type { Graph } from "../graph/graph.ts";
import type { Backend } from "../runtime/backend.ts";
import { checkInput } from "../runtime/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Aggregator, aggregatorOf, type SampleAggregatorType } from "./aggregator.ts";
import { type Distribution, distributionOfCounts, magnitudes, quantile } from "./distribution.ts";
import { type Observation, Observer } from "./observer.ts";

/** An item of a calibration set: a tensor for each input of the model, with the batch axis where the model has one. */
export type CalibrationItem = Readonly<Record<string, Tensor>>;

/** Which elements of a value are taken together. */
export interface Sampled {
  /** The name of the value, which is f32. */
  readonly value: string;
  /** The axis whose indices are channels with statistics of their own; `null` for the whole tensor. */
  readonly axis: number | null;
  /** Whether each index of axis 0 is a sample of its own. Default false: an item is one. */
  readonly batchwise?: boolean;
}

/** One number of each sample and channel, aggregated over all samples. */
export interface NumberRequest extends Sampled {
  /** What is taken of a sample. */
  readonly statistic: "min" | "max" | "abs_max" | "mean" | "quantile" | "abs_quantile";
  /** The probability of a quantile, from 0 to 1. */
  readonly probability?: number;
  /** How the samples' numbers become one. */
  readonly aggregator: SampleAggregatorType;
  /** The share that the aggregators without outliers leave out at each end. Default 0. */
  readonly outlierProb?: number;
}

/** All numbers of a value over all items. */
export interface DistributionRequest extends Sampled {
  /** Tells it from requests for numbers. */
  readonly statistic: "raw";
}

/** What can be asked for. */
export type StatisticsRequest = NumberRequest | DistributionRequest;

/** What was collected. */
export interface Statistics {
  /** How many items there were. */
  readonly items: number;
  /**
   * The aggregated numbers: one for each channel.
   *
   * @throws {RangeError} Where it was not asked for.
   */
  numbers(request: NumberRequest): Float32Array;
  /**
   * The distributions: one for each channel.
   *
   * @throws {RangeError} Where it was not asked for.
   */
  distributions(request: DistributionRequest): readonly Distribution[];
}

/**
 * Runs a float graph over the items, each once, and returns the statistics that are asked for. Items are not kept, requests
 * that say the same are collected once.
 *
 * @param onItem Called after each item.
 * @throws {RangeError} Where there is no item, one does not fit the graph, or a value that is observed or an input holds a
 * number that is not finite; the value and the item are named.
 */
export async function collectStatistics(
  graph: Graph,
  requests: Iterable<StatisticsRequest>,
  items: Iterable<CalibrationItem> | AsyncIterable<CalibrationItem>,
  backend: Backend,
  onItem: (done: number) => void = () => {},
): Promise<Statistics> {
  const collector = new Collector(requests);
  const inputs = graph.inputs.filter(({ dtype }) => dtype === "f32").map(({ name }) => name);
  await using observer = new Observer(graph, collector.observations, inputs, backend);
  let count = 0;
  for await (const item of items) {
    for (const input of graph.inputs) checkInput(input, item[input.name]);
    for (const { observation, moments, counts } of await observer.run(item)) {
      checkFinite(observation.value, moments, count);
      collector.add(observation, moments, counts);
    }
    onItem(++count);
  }
  if (count === 0) throw new RangeError("The calibration set is empty: at least one item is needed");
  return collector.finish(await observer.totals(), count);
}

/** The numbers of a request, with what they are called by. */
interface Collected {
  readonly request: NumberRequest;
  readonly aggregator: Aggregator;
}

class Collector {
  readonly observations: readonly Observation[];
  readonly #numbers = new Map<string, Collected>();
  /** The same by the observation that they are taken from. */
  readonly #byObservation = new Map<string, Collected[]>();
  /** Exact ends of the distributions, by observation. */
  readonly #ends = new Map<string, { readonly min: Aggregator; readonly max: Aggregator }>();

  constructor(requests: Iterable<StatisticsRequest>) {
    const observations = new Map<string, { -readonly [K in keyof Observation]: Observation[K] }>();
    for (const request of requests) {
      const key = observationKey(request);
      const { value, axis, batchwise = false } = request;
      const own = observations.get(key) ??
        { key, value, axis, batchwise, eachCounted: false, allCounted: false };
      observations.set(key, own);
      if (request.statistic === "raw") {
        own.allCounted = true;
        this.#ends.set(key, { min: aggregatorOf("min", 0), max: aggregatorOf("max", 0) });
        continue;
      }
      if (request.statistic === "quantile" || request.statistic === "abs_quantile") own.eachCounted = true;
      const { aggregator, outlierProb = 0 } = request;
      if (this.#numbers.has(requestKey(request))) continue;
      const collected = { request, aggregator: aggregatorOf(aggregator, outlierProb) };
      this.#numbers.set(requestKey(request), collected);
      this.#byObservation.set(key, [...this.#byObservation.get(key) ?? [], collected]);
    }
    this.observations = [...observations.values()];
  }

  /**
   * Takes what a run gave of an observation.
   *
   * @param moments `[3, samples, channels]`: the least, the greatest and the mean number.
   * @param counts For each sample and channel, the counts of its bins; `null` where they are not needed.
   */
  add({ key, batchwise }: Observation, { shape, data }: Tensor, counts: readonly Int32Array[] | null): void {
    const rows = data.length / 3;
    const samples = batchwise ? shape[1] ?? 1 : 1;
    const channels = rows / samples;
    const part = (moment: number, sample: number): Float32Array =>
      Float32Array.from({ length: channels }, (_, c) => data[moment * rows + sample * channels + c]!);
    for (let sample = 0; sample < samples; sample++) {
      const [min, max, mean] = [part(0, sample), part(1, sample), part(2, sample)];
      this.#ends.get(key)?.min.add(min);
      this.#ends.get(key)?.max.add(max);
      const distributions = counts && Array.from(
        min,
        (least, c) => distributionOfCounts(counts[sample * channels + c]!, { min: least, max: max[c]! }),
      );
      for (const { request, aggregator } of this.#byObservation.get(key) ?? []) {
        aggregator.add(numbersOf(request, min, max, mean, distributions));
      }
    }
  }

  finish(totals: ReadonlyMap<string, readonly Float64Array[]>, items: number): Statistics {
    const distributions = new Map(Array.from(this.#ends, ([key, { min, max }]) => {
      const [least, greatest] = [min.result(), max.result()];
      const own = Array.from(
        least,
        (from, c) => distributionOfCounts(totals.get(key)![c]!, { min: from, max: greatest[c]! }),
      );
      return [key, own] as const;
    }));
    return {
      items,
      numbers: (request) => found(request, this.#numbers.get(requestKey(request))).aggregator.result(),
      distributions: (request) => found(request, distributions.get(observationKey(request))),
    };
  }
}

function numbersOf(
  { statistic, probability = 0.5 }: NumberRequest,
  min: Float32Array,
  max: Float32Array,
  mean: Float32Array,
  distributions: readonly Distribution[] | null,
): Float32Array {
  switch (statistic) {
    case "min":
      return min;
    case "max":
      return max;
    case "abs_max":
      return max.map((greatest, c) => Math.max(Math.abs(min[c]!), Math.abs(greatest)));
    case "mean":
      return mean;
    case "quantile":
      return Float32Array.from(distributions!, (own) => quantile(own, probability));
    case "abs_quantile":
      return Float32Array.from(distributions!, (own) => quantile(magnitudes(own), probability));
  }
  return statistic satisfies never;
}

function observationKey({ value, axis, batchwise = false }: Sampled): string {
  return JSON.stringify([value, axis, batchwise]);
}

/** Tells a request from all others; those that say the same have one key. */
export function requestKey(request: StatisticsRequest): string {
  if (request.statistic === "raw") return observationKey(request);
  const { statistic, probability = 0.5, aggregator, outlierProb = 0 } = request;
  return JSON.stringify([observationKey(request), statistic, probability, aggregator, outlierProb]);
}

function found<T>({ value, statistic }: StatisticsRequest, own: T | undefined): T {
  if (own === undefined) throw new RangeError(`Statistic "${statistic}" of "${value}" was not collected`);
  return own;
}

function checkFinite(value: string, { data }: Tensor, item: number): void {
  const count = data.length / 3;
  const bad = data.subarray(2 * count).find(Number.isNaN) ??
    data.subarray(0, 2 * count).find((x) => !Number.isFinite(x));
  if (bad === undefined) return;
  throw new RangeError(`Calibration item ${item}: "${value}" holds ${bad}, where every number must be finite`);
}
