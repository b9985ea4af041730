import assert from "node:assert/strict";
import fc from "fast-check";
import type { SampleAggregatorType } from "../../src/quant/aggregator.ts";
import { distributionOf } from "../../src/quant/distribution.ts";
import { collectStatistics, type NumberRequest, type StatisticsRequest } from "../../src/quant/statistics.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { f32, graphOf, node } from "../graphs.ts";
import { noGpu, random } from "../ops/harness.ts";

/** `d = 2 x`, `y = relu(d)`, for inputs of any shape. */
const graph = graphOf({
  inputs: { x: ["N", "C", "H"] },
  nodes: [node("Mul", ["x", "two"], "d"), node("Relu", ["d"], "y")],
  constants: { two: f32(2) },
  outputs: ["y"],
});

const collect = (requests: StatisticsRequest[], items: Iterable<Tensor>, backend: Backend = cpuBackend()) =>
  collectStatistics(graph, requests, Array.from(items, (x) => ({ x })), backend);

/** Three items of two channels: 2 x has minima -2, -8, 0 and maxima 4, 6, 20. */
const items = [[1, -1, 2, 0], [3, -4, 2, 1], [0, 1, 2, 10]].map((x) => tensor("f32", [1, 2, 2], x));
const whole: NumberRequest = { value: "d", axis: null, statistic: "min", aggregator: "min" };

const NUMBERS: readonly [
  statistic: NumberRequest["statistic"],
  aggregator: SampleAggregatorType,
  number[],
  number[],
][] = [
  ["min", "min", [-8], [-8, 0]],
  ["max", "max", [20], [6, 20]],
  ["abs_max", "max", [20], [8, 20]],
  ["abs_max", "min", [4], [2, 4]],
  ["min", "mean", [-10 / 3], [-10 / 3, 2]],
  ["max", "median", [6], [2, 4]],
  ["mean", "mean", [17 / 6], [0, 17 / 3]],
];
for (const [statistic, aggregator, tensorWide, byChannel] of NUMBERS) {
  Deno.test(`collectStatistics() gives the ${aggregator} of the items' ${statistic}, of the tensor and of each channel`, async () => {
    const [all, channels] = [{ ...whole, statistic, aggregator }, { ...whole, statistic, aggregator, axis: 1 }];
    const { numbers } = await collect([all, channels], items);
    assert.deepEqual([...numbers(all)], tensorWide.map(Math.fround));
    assert.deepEqual([...numbers(channels)], byChannel.map(Math.fround));
  });
}

Deno.test("collectStatistics() leaves outlying items out where the aggregator does", async () => {
  const request = (aggregator: SampleAggregatorType): NumberRequest => (
    { ...whole, statistic: "max", aggregator, outlierProb: 0.1 }
  );
  const [mean, median] = [request("mean_no_outliers"), request("median_no_outliers")];
  const maxima = [100, 1, 2, 3, 4, 5, 6, 7, 8, -90];
  const { numbers } = await collect([mean, median], maxima.map((x) => tensor("f32", [1, 1, 1], [x / 2])));
  assert.deepEqual([numbers(mean)[0], numbers(median)[0]], [4.5, 4.5]);
});

Deno.test("collectStatistics() takes each element of a batch as a sample where it is told to", async () => {
  const batch = tensor("f32", [2, 2, 1], [1, 5, 3, -7]);
  const request: NumberRequest = { value: "d", axis: 1, batchwise: true, statistic: "max", aggregator: "mean" };
  const quantile: NumberRequest = { ...request, axis: null, statistic: "quantile", probability: 1 };
  const { numbers } = await collect([request, quantile, { ...request, batchwise: false }], [batch]);
  assert.deepEqual([...numbers(request)], [4, -2]);
  assert.deepEqual([...numbers(quantile)], [8]);
  assert.deepEqual([...numbers({ ...request, batchwise: false })], [6, 10]);
});

async function countsAll(backend: Backend): Promise<void> {
  const shapes = [[1, 3, 40], [1, 3, 40], [2, 5, 33], [1, 1, 7]];
  const own = shapes.map((shape, seed) => random(shape, seed, -3, 9));
  const request: StatisticsRequest = { value: "y", axis: null, statistic: "raw" };
  const quantile: NumberRequest = { ...whole, statistic: "abs_quantile", probability: 0.9, aggregator: "max" };
  const { distributions, numbers } = await collect([request, quantile, whole], own, backend);
  const exact = distributionOf(own.flatMap(({ data }) => Array.from(data, (x) => Math.max(0, 2 * x))));
  const [counted] = distributions(request);
  assert.equal(counted!.total, exact.total);
  assert.deepEqual([counted!.min, counted!.max], [exact.min, exact.max]);
  for (let i = 0; i < counted!.counts.length; i++) {
    const inside = exact.counts.reduce((sum, count, k) => {
      const x = exact.low[k]!;
      return sum + (counted!.low[i]! <= x && x < counted!.high[i]! ? count : 0);
    }, 0);
    if (counted!.high[i]! < exact.max) assert.equal(counted!.counts[i], inside, `interval ${i}`);
  }
  const tops = own.map(({ data }) => Array.from(data, (x) => Math.abs(2 * x)).sort((a, b) => a - b))
    .map((sorted) => sorted[Math.round(0.9 * (sorted.length - 1))]!);
  const top = numbers(quantile)[0]!;
  assert(Math.abs(top - Math.max(...tops)) <= 0.06 * top, `${top} is not nearly ${Math.max(...tops)}`);
}

Deno.test("collectStatistics() counts the numbers of all items, whatever their shapes (cpu)", () =>
  countsAll(cpuBackend()));

Deno.test({
  name: "collectStatistics() counts the numbers of all items, whatever their shapes (webgpu)",
  ignore: noGpu !== null,
  fn: async () => {
    await using backend = await openBackend("webgpu");
    await countsAll(backend);
  },
});

Deno.test("collectStatistics() keeps counts of more shapes than are kept compiled", async () => {
  const own = Array.from({ length: 20 }, (_, i) => random([1, 1, i + 1], i));
  const request: StatisticsRequest = { value: "d", axis: null, statistic: "raw" };
  const { distributions } = await collect([request], own);
  assert.equal(distributions(request)[0]!.total, 210);
});

Deno.test("collectStatistics() gives the same in any order of the items", async () => {
  const requests: StatisticsRequest[] = [
    { value: "y", axis: null, statistic: "raw" },
    { ...whole, statistic: "max", aggregator: "median" },
  ];
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }), async (order) => {
      const own = [1, 2, 3, 4, 5].map((seed) => random([1, 2, 9], seed));
      const [a, b] = [await collect(requests, own), await collect(requests, order.map((i) => own[i]!))];
      const [raw, median] = requests as [StatisticsRequest & { statistic: "raw" }, NumberRequest];
      assert.deepEqual(a.distributions(raw), b.distributions(raw));
      assert.deepEqual(a.numbers(median), b.numbers(median));
    }),
    { numRuns: 10 },
  );
});

Deno.test("collectStatistics() takes items as they come and runs each once", async () => {
  const seen: string[] = [];
  async function* stream() {
    for (const [i, x] of items.entries()) {
      seen.push(`give ${i}`);
      yield await Promise.resolve({ x });
    }
  }
  const { items: count } = await collectStatistics(
    graph,
    [whole],
    stream(),
    cpuBackend(),
    (n) => seen.push(`done ${n}`),
  );
  assert.equal(count, 3);
  assert.deepEqual(seen, ["give 0", "done 1", "give 1", "done 2", "give 2", "done 3"]);
});

Deno.test("collectStatistics() says what does not fit", async () => {
  await assert.rejects(collect([whole], []), { name: "RangeError", message: /at least one item/ });
  await assert.rejects(collect([{ ...whole, value: "nothing" }], items), { message: /"nothing"/ });
  await assert.rejects(collect([{ ...whole, axis: 5 }], items), { message: /Axis .* 5/ });
  await assert.rejects(collect([{ ...whole, axis: 0, batchwise: true }], items), { message: /"d" by batch/ });
  const { numbers, distributions } = await collect([whole], items);
  assert.throws(() => numbers({ ...whole, statistic: "max" }), { message: 'Statistic "max" of "d" was not collected' });
  assert.throws(() => distributions({ value: "d", axis: null, statistic: "raw" }), RangeError);
});
