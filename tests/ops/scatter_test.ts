import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number | string> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 18);
const x = tensor("f32", [2, 2], [1, 2, 3, 4]);

testOp("ScatterElements", {
  "along rows": {
    op: op("ScatterElements", { axis: 1 }),
    inputs: [x, tensor("i64", [1, 1], [-1]), tensor("f32", [1, 1], [9])],
    outputs: [tensor("f32", [2, 2], [1, 9, 3, 4])],
    cpuOnly: true,
  },
  "adding twice": {
    op: op("ScatterElements", { reduction: "add" }),
    inputs: [x, tensor("i64", [2, 1], [0, 0]), tensor("f32", [2, 1], [10, 20])],
    outputs: [tensor("f32", [2, 2], [31, 2, 3, 4])],
    cpuOnly: true,
  },
});
testOp("ScatterND", {
  "whole rows": {
    op: op("ScatterND"),
    inputs: [x, tensor("i64", [1, 1], [1]), tensor("f32", [1, 2], [8, 9])],
    outputs: [tensor("f32", [2, 2], [1, 2, 8, 9])],
    cpuOnly: true,
  },
  "the greater": {
    op: op("ScatterND", { reduction: "max" }),
    inputs: [x, tensor("i64", [2, 2], [0, 0, 1, 1]), tensor("f32", [2], [0, 9])],
    outputs: [tensor("f32", [2, 2], [1, 2, 3, 9])],
    cpuOnly: true,
  },
});
testOp("TensorScatter", {
  "goes round at the end": {
    op: op("TensorScatter", { mode: "circular" }),
    inputs: [tensor("f32", [1, 3, 1], [1, 2, 3]), tensor("f32", [1, 2, 1], [8, 9]), tensor("i64", [1], [2])],
    outputs: [tensor("f32", [1, 3, 1], [9, 2, 8])],
    cpuOnly: true,
  },
});

Deno.test("ScatterElements leaves its input as it is, and refuses an unknown reduction", () => {
  op("ScatterElements").reference([x, tensor("i64", [1, 1], [0]), tensor("f32", [1, 1], [9])]);
  assert.deepEqual([...x.data], [1, 2, 3, 4]);
  assert.throws(() => op("ScatterElements", { reduction: "mean" }), { name: "TypeError", message: /"mean"/ });
});
