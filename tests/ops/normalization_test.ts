import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number | number[]> = {}, opset = 22) =>
  OPS[name]!(new Map(Object.entries({ epsilon: 0, ...attributes })), opset);
const image = tensor("f32", [1, 2, 2], [1, 3, 10, 30]);
const of = (...values: number[]) => tensor("f32", [values.length], values);

testOp("InstanceNormalization", {
  "each channel alone": {
    op: op("InstanceNormalization"),
    inputs: [image, of(1, 2), of(0, 5)],
    outputs: [tensor("f32", [1, 2, 2], [-1, 1, 3, 7])],
    cpuOnly: true,
  },
});
const four = tensor("f32", [1, 4, 1], [1, 3, 10, 30]);
testOp("GroupNormalization", {
  "with a scale for each channel": {
    op: op("GroupNormalization", { num_groups: 2 }),
    inputs: [four, of(1, 2, 3, 4), of(0, 0, 0, 1)],
    outputs: [tensor("f32", [1, 4, 1], [-1, 2, -3, 5])],
    cpuOnly: true,
  },
  "with a scale for each group before operator set 21": {
    op: op("GroupNormalization", { num_groups: 2 }, 18),
    inputs: [four, of(1, 2), of(0, 1)],
    outputs: [tensor("f32", [1, 4, 1], [-1, 1, -1, 3])],
    cpuOnly: true,
  },
});
testOp("RMSNormalization", {
  "over the last axis": {
    op: op("RMSNormalization"),
    inputs: [tensor("f32", [2, 2], [1, 7, 0, 2]), of(5, 10)],
    outputs: [tensor("f32", [2, 2], [1, 14, 0, 10 * Math.SQRT2])],
    cpuOnly: true,
  },
});
testOp("LRN", {
  "over neighbouring channels": {
    op: op("LRN", { size: 3, alpha: 3, beta: 1, bias: 1 }),
    inputs: [tensor("f32", [1, 3, 1], [1, 2, 3])],
    outputs: [tensor("f32", [1, 3, 1], [1 / 6, 2 / 15, 3 / 14])],
    cpuOnly: true,
  },
});
testOp("MeanVarianceNormalization", {
  "over an axis": {
    op: op("MeanVarianceNormalization", { axes: [-1] }),
    inputs: [image],
    outputs: [tensor("f32", [1, 2, 2], [-1, 1, -1, 1])],
    cpuOnly: true,
  },
});
testOp("LpNormalization", {
  "by the 2-norm, but for zeros": {
    op: op("LpNormalization"),
    inputs: [tensor("f32", [2, 2], [3, -4, 0, 0])],
    outputs: [tensor("f32", [2, 2], [0.6, -0.8, 0, 0])],
    cpuOnly: true,
  },
  "by the 1-norm along the first axis": {
    op: op("LpNormalization", { p: 1, axis: 0 }),
    inputs: [tensor("f32", [2, 2], [1, -3, 3, 1])],
    outputs: [tensor("f32", [2, 2], [0.25, -0.75, 0.75, 0.25])],
    cpuOnly: true,
  },
});

Deno.test("GroupNormalization refuses groups that do not divide the channels", () => {
  assert.throws(() => op("GroupNormalization", { num_groups: 3 }).infer([four]), { message: /4 channels: .* 3/ });
});

Deno.test("normalizations refuse scales that do not fit, before they run", () => {
  const cases = [
    ["InstanceNormalization", [image, of(1), of(0, 5)], /"scale" must have shape \[2\]: current shape is \[1\]/],
    ["InstanceNormalization", [image, of(1, 2), null], /B/],
    ["GroupNormalization", [four, of(1, 2, 3, 4), of(0)], /"B" must have shape \[4\]: current shape is \[1\]/],
    ["RMSNormalization", [image, of(1, 2, 3)], /broadcast/],
  ] as const;
  for (const [name, inputs, message] of cases) {
    assert.throws(() => op(name, { num_groups: 2 }).infer([...inputs]), message);
  }
});
