import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string) => OPS[name]!(new Map(), 16);
const bools = (...values: number[]) => tensor("bool", [values.length], values);
const [a, b] = [tensor("f32", [3], [1, 2, 3]), tensor("f32", [3], [2, 2, 2])];

for (
  const [name, results] of Object.entries({
    Equal: [0, 1, 0],
    Less: [1, 0, 0],
    LessOrEqual: [1, 1, 0],
    Greater: [0, 0, 1],
    GreaterOrEqual: [0, 1, 1],
  })
) {
  testOp(name, {
    "of three pairs": { op: op(name), inputs: [a, b], outputs: [bools(...results)], cpuOnly: true },
    "with a scalar": { op: op(name), inputs: [i64([1, 2, 3]), i64(2)], outputs: [bools(...results)], cpuOnly: true },
  });
}

const [p, q] = [bools(0, 0, 1, 1), bools(0, 1, 0, 1)];
for (const [name, results] of Object.entries({ And: [0, 0, 0, 1], Or: [0, 1, 1, 1], Xor: [0, 1, 1, 0] })) {
  testOp(name, { "of all pairs": { op: op(name), inputs: [p, q], outputs: [bools(...results)], cpuOnly: true } });
}
testOp("Not", { "of both": { op: op("Not"), inputs: [bools(0, 1)], outputs: [bools(1, 0)], cpuOnly: true } });

testOp("Where", {
  "broadcasts all three": {
    op: op("Where"),
    inputs: [tensor("bool", [2, 1], [1, 0]), i64([1, 2]), i64(9)],
    outputs: [tensor("i64", [2, 2], [1, 2, 9, 9])],
    cpuOnly: true,
  },
});

Deno.test("comparisons and Where refuse mixed types", () => {
  assert.throws(() => op("Less").infer([a, i64(1)]), { name: "TypeError", message: /f32 and i64/ });
  assert.throws(() => op("Where").infer([bools(1), a, i64(1)]), { name: "TypeError", message: /f32 and i64/ });
  assert.throws(() => op("And").infer([a, a]), TypeError);
});
