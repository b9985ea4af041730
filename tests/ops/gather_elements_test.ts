import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 13);
const x = tensor("f32", [2, 2], [1, 2, 3, 4]);

testOp("GatherElements", {
  "along rows, from the end too": {
    op: op("GatherElements", { axis: 1 }),
    inputs: [x, tensor("i64", [2, 2], [0, 0, -1, 0])],
    outputs: [tensor("f32", [2, 2], [1, 1, 4, 3])],
    cpuOnly: true,
  },
  "fewer than there are": {
    op: op("GatherElements"),
    inputs: [x, tensor("i64", [1, 2], [1, 0])],
    outputs: [tensor("f32", [1, 2], [3, 2])],
    cpuOnly: true,
  },
});
testOp("GatherND", {
  "single elements": {
    op: op("GatherND"),
    inputs: [x, tensor("i64", [2, 2], [0, 1, -1, 0])],
    outputs: [tensor("f32", [2], [2, 3])],
    cpuOnly: true,
  },
  "rows of batches": {
    op: op("GatherND", { batch_dims: 1 }),
    inputs: [tensor("f32", [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), tensor("i64", [2, 1], [1, 0])],
    outputs: [tensor("f32", [2, 2], [3, 4, 5, 6])],
    cpuOnly: true,
  },
});

Deno.test("GatherElements and GatherND name an index that is out of range", () => {
  const message = /must lie in \[-2, 2\): current value is 2/;
  assert.throws(() => op("GatherElements").reference([x, tensor("i64", [1, 1], [2])]), { name: "RangeError", message });
  assert.throws(() => op("GatherND").reference([x, tensor("i64", [1, 1], [2])]), { name: "RangeError", message });
});
