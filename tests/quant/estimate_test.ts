import assert from "node:assert/strict";
import { distributionOf } from "../../src/quant/distribution.ts";
import { estimateConstantRanges, estimateRanges, rangeRequests } from "../../src/quant/estimate.ts";
import type { QuantizerForm, Ranges } from "../../src/quant/parameters.ts";
import { RANGE_ESTIMATORS, type RangeEstimator, type RangeEstimatorName } from "../../src/quant/range_estimator.ts";
import { errorOf } from "../../src/quant/range_search.ts";
import { collectStatistics } from "../../src/quant/statistics.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { graphOf, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";

const SYMMETRIC: QuantizerForm = { kind: "activation", mode: "symmetric", narrowRange: false };
const ASYMMETRIC: QuantizerForm = { ...SYMMETRIC, mode: "asymmetric" };
const graph = graphOf({ inputs: { x: [1, 2, "H"] }, nodes: [node("Identity", ["x"], "y")], outputs: ["y"] });

async function rangesOf(
  estimator: RangeEstimator,
  items: readonly Tensor[],
  form: QuantizerForm,
  axis: number | null = null,
): Promise<Ranges> {
  const at = { value: "x", axis };
  const requests = rangeRequests(estimator, form, at);
  return estimateRanges(
    estimator,
    form,
    at,
    await collectStatistics(graph, requests, items.map((x) => ({ x })), cpuBackend()),
  );
}

const item = (...x: number[]): Tensor => tensor("f32", [1, 2, x.length / 2], x);
/** Minima -5, -1, -3; maxima 2, 4, 1. */
const items = [item(-5, 2, 1, 0), item(-1, 0, 4, 3), item(1, 0, 1, -3)];

const KNOWN: readonly [RangeEstimatorName, QuantizerForm, [min: number, max: number]][] = [
  ["minmax", ASYMMETRIC, [-5, 4]],
  ["minmax", SYMMETRIC, [-5, 5]],
  ["mean_minmax", ASYMMETRIC, [-3, 7 / 3]],
  ["mean_minmax", SYMMETRIC, [-3, 4]],
  ["median_minmax", ASYMMETRIC, [-3, 2]],
  ["median_minmax", SYMMETRIC, [-3, 4]],
  ["mean_no_outliers_minmax", ASYMMETRIC, [-3, 2]],
];
for (const [name, form, [min, max]] of KNOWN) {
  Deno.test(`estimateRanges() gives what ${name} says, ${form.mode}`, async () => {
    const ranges = await rangesOf(RANGE_ESTIMATORS[name], items, form);
    assert.deepEqual([ranges.min[0], ranges.max[0]], [Math.fround(min), Math.fround(max)]);
  });
}

Deno.test("estimateRanges() gives each channel its own range", async () => {
  const ranges = await rangesOf(RANGE_ESTIMATORS.minmax, items, ASYMMETRIC, 1);
  assert.deepEqual([[...ranges.min], [...ranges.max]], [[-5, -3], [2, 4]]);
});

Deno.test("estimateRanges() falls back to minmax where channels would need distributions", async () => {
  for (const name of ["histogram", "mse", "percentile", "best"] as const) {
    assert.deepEqual(
      await rangesOf(RANGE_ESTIMATORS[name], items, ASYMMETRIC, 1),
      await rangesOf(RANGE_ESTIMATORS.minmax, items, ASYMMETRIC, 1),
    );
  }
});

/** Mostly negative, with a few numbers far off. */
const skewed = Array.from({ length: 4 }, (_, seed) => {
  const { data } = random([1, 2, 2000], seed, -4, 1);
  data[0] = -40;
  data[1] = 8;
  return tensor("f32", [1, 2, 2000], data);
});
const exact = distributionOf(skewed.flatMap(({ data }) => Array.from(data)));

Deno.test("estimateRanges() takes magnitudes for symmetric forms, so that negative numbers are not cut off", async () => {
  const quantiles = await rangesOf(RANGE_ESTIMATORS.mean_quantile, skewed, SYMMETRIC);
  assert(quantiles.max[0]! >= 3.9, `${quantiles.max[0]}`);
  const histogram = await rangesOf(RANGE_ESTIMATORS.histogram, skewed, SYMMETRIC);
  assert(histogram.max[0]! >= 3.9, `${histogram.max[0]}`);
  const percentile = await rangesOf(RANGE_ESTIMATORS.percentile, skewed, SYMMETRIC);
  assert(percentile.max[0]! >= 3.9, `${percentile.max[0]}`);
});

Deno.test("estimateRanges() by percentile leaves the given share out at each end", async () => {
  const one = { statisticsType: "raw", aggregatorType: "percentile", quantileOutlierProb: 0.01 } as const;
  const { min, max } = await rangesOf({ min: one, max: one }, skewed, ASYMMETRIC);
  assert(min[0]! > -4 && min[0]! < -3.8 && max[0]! > 0.9 && max[0]! < 1, `[${min}, ${max}]`);
});

for (const form of [SYMMETRIC, ASYMMETRIC]) {
  Deno.test(`estimateRanges() by best has no more error than any other, ${form.mode}`, async () => {
    const errorBy = async (name: RangeEstimatorName): Promise<number> => {
      const { min, max } = await rangesOf(RANGE_ESTIMATORS[name], skewed, form);
      return errorOf(exact, { min: min[0]!, max: max[0]! }, form);
    };
    const best = await errorBy("best");
    for (const name of Object.keys(RANGE_ESTIMATORS) as RangeEstimatorName[]) {
      assert(best <= 1.01 * await errorBy(name), `${name} is better`);
    }
  });
}

Deno.test("estimateConstantRanges() gives each channel of a constant its own range, exactly", () => {
  const form: QuantizerForm = { kind: "weight", mode: "symmetric", narrowRange: true };
  const weights = tensor("f32", [2, 3], [1, -2, 0.5, 0, 0.25, 0.125]);
  const rows = estimateConstantRanges(RANGE_ESTIMATORS.minmax, form, weights, 0);
  assert.deepEqual([[...rows.min], [...rows.max]], [[-2, 0], [2, 0.25]]);
  const columns = estimateConstantRanges(RANGE_ESTIMATORS.minmax, { ...form, mode: "asymmetric" }, weights, -1);
  assert.deepEqual([[...columns.min], [...columns.max]], [[0, -2, 0.125], [1, 0.25, 0.5]]);
  const all = estimateConstantRanges(RANGE_ESTIMATORS.mean_quantile, form, weights, null);
  assert.equal(all.max.length, 1);
  const { data } = random([1, 4096], 3, -0.01, 0.01);
  data[0] = 1;
  const outlying = tensor("f32", [1, 4096], data);
  for (const name of ["mse", "best"] as const) {
    assert(estimateConstantRanges(RANGE_ESTIMATORS[name], form, outlying, 0).max[0]! <= 1);
  }
  const errorBy = (name: RangeEstimatorName): number => {
    const { min, max } = estimateConstantRanges(RANGE_ESTIMATORS[name], form, outlying, 0);
    return errorOf(distributionOf(data), { min: min[0]!, max: max[0]! }, form);
  };
  for (const name of Object.keys(RANGE_ESTIMATORS) as RangeEstimatorName[]) {
    assert(errorBy("mse") <= errorBy(name) * 1.01, name);
  }
});
