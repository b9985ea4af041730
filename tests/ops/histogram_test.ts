import assert from "node:assert/strict";
import fc from "fast-check";
import { binOf, BINS, edgesOf, histogram } from "../../src/ops/histogram.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { noGpu, random, runOnGpu, testOp } from "./harness.ts";

/** Counts that an earlier tensor left. */
function before(rows: readonly number[] = []): Tensor {
  const size = rows.reduce((a, b) => a * b, BINS);
  return tensor("i32", [...rows, BINS], Int32Array.from({ length: size }, (_, i) => i % 7));
}

/** Normal numbers of all magnitudes, both signs, zeros. */
const wild = (shape: readonly number[]): Tensor => {
  const { data } = random(shape, 11, -40, 40);
  return tensor("f32", shape, Float32Array.from(data, (v, i) => i % 5 === 0 ? 0 : Math.sign(v) * 2 ** (v * (i % 3))));
};

testOp("histogram", {
  "counts what lies in each bin": { op: histogram(), inputs: [random([3, 50]), before()] },
  "counts numbers of all magnitudes": { op: histogram(), inputs: [wild([4000]), before()] },
  "counts in several workgroups": { op: histogram(), inputs: [random([70_001], 5, -3, 3), before()] },
  "counts evenly spaced blocks of long rows": {
    op: histogram([], 1000),
    inputs: [random([70_001], 5, -3, 3), before()],
  },
  "counts blocks of rows that start anywhere": {
    op: histogram([0], 500),
    inputs: [random([3, 7001], 5, -3, 3), before([3])],
  },
  "counts zeros of both signs": {
    op: histogram(),
    inputs: [tensor("f32", [6], [0, -0, 1e-30, -1e-30, 1e-42, -1e-42]), before()],
  },
  "leaves out the padding of channels": {
    op: histogram(),
    inputs: [random([2, 6, 20, 20]), before()],
    layouts: ["nhwc"],
  },
  "leaves out the padding of rows": { op: histogram(), inputs: [random([5, 7]), before()], layouts: ["rows"] },
  "counts for each index of the batch": {
    op: histogram([0]),
    inputs: [random([3, 5, 6, 6]), before([3])],
    layouts: ["nhwc"],
  },
  "counts for each channel": { op: histogram([1]), inputs: [random([2, 5, 6, 6]), before([5])], layouts: ["nhwc"] },
});

Deno.test("binOf() finds the bin whose edges hold the number, and bins ascend", () => {
  fc.assert(fc.property(fc.float({ noNaN: true }), fc.float({ noNaN: true }), (a, b) => {
    const [low, high] = edgesOf(binOf(a));
    assert(low <= a && a <= high, `${a} is not in [${low}, ${high}]`);
    if (a < b) assert(binOf(a) <= binOf(b));
  }));
});

Deno.test("edgesOf() gives bins that touch, of at most a thirty-second of their numbers", () => {
  for (let bin = 1; bin < BINS; bin++) {
    const [low, high] = edgesOf(bin);
    assert.equal(edgesOf(bin - 1)[1], low === 0 ? -0 : low);
    if (low > 0 && high < Infinity) assert((high - low) / low <= 1 / 32);
  }
  assert.deepEqual([edgesOf(0)[0], edgesOf(BINS - 1)[1]], [-Infinity, Infinity]);
});

Deno.test({
  name: "histogram() sees every channel alike where it counts only a part",
  ignore: noGpu !== null,
  fn: async () => {
    const [channels, size] = [24, 40];
    const data = Float32Array.from({ length: channels * size * size }, (_, i) => 2 ** Math.floor(i / (size * size)));
    const x = tensor("f32", [1, channels, size, size], data);
    for (const layout of ["plain", "nhwc"] as const) {
      const inputs = [x, tensor("i32", [BINS], new Int32Array(BINS))];
      const [counts] = await runOnGpu({ op: histogram([], 4000), inputs, layouts: [layout] });
      const found = Array.from({ length: channels }, (_, c) => counts!.data[binOf(2 ** c)]!);
      const total = found.reduce((a, b) => a + b, 0);
      assert(total >= 2000 && total <= 4500, `${total} elements were counted`);
      assert(found.every((own) => Math.abs(own - total / channels) <= 0.1 * total / channels), `${found}`);
    }
  },
});
