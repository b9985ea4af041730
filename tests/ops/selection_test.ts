import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { UnknownElementsError } from "../../src/ops/op.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 13);
const x = tensor("f32", [2, 2], [3, 0, 1, 3]);

testOp("NonZero", {
  "of a matrix": {
    op: op("NonZero"),
    inputs: [x],
    constants: [0],
    outputs: [tensor("i64", [2, 3], [0, 1, 1, 0, 0, 1])],
    cpuOnly: true,
  },
});
testOp("Compress", {
  rows: {
    op: op("Compress", { axis: 0 }),
    inputs: [x, tensor("bool", [2], [0, 1])],
    constants: [0, 1],
    outputs: [tensor("f32", [1, 2], [1, 3])],
    cpuOnly: true,
  },
  elements: {
    op: op("Compress"),
    inputs: [x, tensor("bool", [3], [1, 0, 1])],
    constants: [0, 1],
    outputs: [tensor("f32", [2], [3, 1])],
    cpuOnly: true,
  },
});
testOp("Unique", {
  "in order": {
    op: op("Unique"),
    inputs: [x],
    constants: [0],
    outputs: [tensor("f32", [3], [0, 1, 3]), i64([1, 2, 0]), i64([2, 0, 1, 2]), i64([1, 1, 2])],
    cpuOnly: true,
  },
  "as they come": {
    op: op("Unique", { sorted: 0 }),
    inputs: [x],
    constants: [0],
    outputs: [tensor("f32", [3], [3, 0, 1]), i64([0, 1, 2]), i64([0, 1, 2, 0]), i64([2, 1, 1])],
    cpuOnly: true,
  },
});
testOp("NonMaxSuppression", {
  "drops a box that overlaps a better one": {
    op: op("NonMaxSuppression"),
    inputs: [
      tensor("f32", [1, 3, 4], [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 5, 1, 6]),
      tensor("f32", [1, 1, 3], [0.9, 0.8, 0.7]),
      i64([3]),
      tensor("f32", [1], [0.5]),
    ],
    constants: [0, 1, 2, 3],
    outputs: [tensor("i64", [2, 3], [0, 0, 0, 0, 0, 2])],
    cpuOnly: true,
  },
});
testOp("Size", {
  "of a matrix": { op: op("Size"), inputs: [x], outputs: [i64(4)], cpuOnly: true },
});

Deno.test("operators whose output is as large as the data say ask for the data", () => {
  const unknown = { dtype: "f32", shape: [2, 2] } as const;
  for (const name of ["NonZero", "Unique"]) assert.throws(() => op(name).infer([unknown]), UnknownElementsError);
});
