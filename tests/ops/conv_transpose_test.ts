import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { random, testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number | number[] | string> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 22);

testOp("ConvTranspose", {
  "spreads with strides": {
    op: op("ConvTranspose", { strides: [2] }),
    inputs: [tensor("f32", [1, 1, 2], [1, 2]), tensor("f32", [1, 1, 3], [1, 10, 100]), tensor("f32", [1], [0.5])],
    outputs: [tensor("f32", [1, 1, 5], [1.5, 10.5, 102.5, 20.5, 200.5])],
    cpuOnly: true,
  },
  "cuts pads, adds output padding, by groups": {
    op: op("ConvTranspose", { strides: [2], pads: [1, 0], output_padding: [1], group: 2 }),
    inputs: [tensor("f32", [1, 2, 2], [1, 2, 3, 4]), tensor("f32", [2, 1, 2], [1, 10, 1, 1])],
    outputs: [tensor("f32", [1, 2, 4], [10, 2, 20, 0, 3, 4, 4, 0])],
    cpuOnly: true,
  },
  "to a given size": {
    op: op("ConvTranspose", { strides: [2], output_shape: [3] }),
    inputs: [tensor("f32", [1, 1, 2], [1, 2]), tensor("f32", [1, 1, 2], [1, 10])],
    outputs: [tensor("f32", [1, 1, 3], [10, 2, 20])],
    cpuOnly: true,
  },
});

Deno.test("ConvTranspose undoes the shapes of Conv, and its sums are those of Conv turned round", () => {
  // <conv(x, w), y> = <x, convTranspose(y, w)> for any x and y.
  const [x, w, y] = [random([1, 2, 5, 4], 1), random([3, 2, 3, 2], 2), random([1, 3, 3, 2], 3)];
  const attributes = { strides: [2, 2], pads: [1, 0, 1, 0], dilations: [1, 1] };
  const forward = op("Conv", attributes).reference([x, w])[0]!;
  const back = op("ConvTranspose", { ...attributes }).reference([y, w])[0]!;
  assert.deepEqual(forward.shape, y.shape);
  assert.deepEqual(back.shape, x.shape);
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a, (v, i) => v * b[i]!).reduce((p, q) => p + q);
  assert(Math.abs(dot(forward.data, y.data) - dot(x.data, back.data)) < 1e-4);
});

testOp("DeformConv", {
  "without offsets is a convolution": {
    op: op("DeformConv", { pads: [1, 1, 1, 1] }),
    inputs: [random([1, 2, 4, 4], 1), random([3, 2, 3, 3], 2), tensor("f32", [1, 18, 4, 4], new Float32Array(288))],
    outputs: op("Conv", { pads: [1, 1, 1, 1] }).reference([random([1, 2, 4, 4], 1), random([3, 2, 3, 3], 2)]),
    cpuOnly: true,
  },
  "reads half way between pixels, and masks": {
    op: op("DeformConv"),
    inputs: [
      tensor("f32", [1, 1, 1, 3], [1, 3, 7]),
      tensor("f32", [1, 1, 1, 1], [2]),
      tensor("f32", [1, 2, 1, 3], [0, 0, 0, 0.5, 0.5, 0.5]),
      null,
      tensor("f32", [1, 1, 1, 3], [1, 1, 0.5]),
    ],
    outputs: [tensor("f32", [1, 1, 1, 3], [4, 10, 3.5])],
    cpuOnly: true,
  },
});

testOp("Col2Im", {
  "adds where blocks overlap": {
    op: op("Col2Im"),
    inputs: [tensor("f32", [1, 2, 2], [1, 2, 10, 20]), i64([1, 3]), i64([1, 2])],
    constants: [1, 2],
    outputs: [tensor("f32", [1, 1, 1, 3], [1, 12, 20])],
    cpuOnly: true,
  },
});
