import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 13);
const x = tensor("f32", [2, 3], [1, 5, 5, 2, 0, -1]);

testOp("ArgMax", {
  "takes the first of equals": {
    op: op("ArgMax", { axis: 1 }),
    inputs: [x],
    outputs: [tensor("i64", [2, 1], [1, 0])],
    cpuOnly: true,
  },
  "takes the last of equals, without the axis": {
    op: op("ArgMax", { axis: -1, select_last_index: 1, keepdims: 0 }),
    inputs: [x],
    outputs: [i64([2, 0])],
    cpuOnly: true,
  },
});
testOp("ArgMin", {
  "along the first axis": { op: op("ArgMin"), inputs: [x], outputs: [tensor("i64", [1, 3], [0, 1, 1])], cpuOnly: true },
});
testOp("TopK", {
  "the greatest, equals in order": {
    op: op("TopK"),
    inputs: [x, i64([2])],
    constants: [1],
    outputs: [tensor("f32", [2, 2], [5, 5, 2, 0]), tensor("i64", [2, 2], [1, 2, 0, 1])],
    cpuOnly: true,
  },
  "the least along the first axis": {
    op: op("TopK", { axis: 0, largest: 0 }),
    inputs: [x, i64([1])],
    constants: [1],
    outputs: [tensor("f32", [1, 3], [1, 0, -1]), tensor("i64", [1, 3], [0, 1, 1])],
    cpuOnly: true,
  },
});

Deno.test("TopK refuses more than there are, and asks for K", () => {
  assert.throws(() => op("TopK").infer([x, i64([4])]), { name: "RangeError", message: /\[0, 3\]: current value is 4/ });
  assert.throws(() => op("TopK").infer([x, { dtype: "i64", shape: [1] }]), { name: "UnknownElementsError" });
});
