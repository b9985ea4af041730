import assert from "node:assert/strict";
import { batchNormalization } from "../../src/ops/batch_normalization.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { random, testOp } from "./harness.ts";

const f32 = (...values: number[]) => tensor("f32", [values.length], values);

testOp("BatchNormalization", {
  "by channel": {
    op: batchNormalization(new Map([["epsilon", 1]]), 15),
    inputs: [tensor("f32", [1, 2, 1, 3], [-1, 0, 1, 2, 3, 4]), f32(1, 1.5), f32(0, 1), f32(0, 3), f32(0, 8)],
    outputs: [tensor("f32", [1, 2, 1, 3], [-1, 0, 1, 0.5, 1, 1.5])],
    cpuOnly: true,
  },
  "of a matrix": {
    op: batchNormalization(new Map(), 9),
    inputs: [tensor("f32", [2, 2], [1, 2, 3, 4]), f32(1, 2), f32(0, 0), f32(1, 2), f32(1, 1)],
    outputs: [tensor("f32", [2, 2], [0, 0, 1.99999, 3.99998])],
    cpuOnly: true,
  },
});

Deno.test("BatchNormalization in training takes the statistics of the data, and moves those given", () => {
  const op = batchNormalization(new Map([["training_mode", 1], ["momentum", 0.5], ["epsilon", 0]]), 15);
  const x = tensor("f32", [2, 1], [1, 3]);
  const one = (value: number) => tensor("f32", [1], [value]);
  const types = op.infer([x, one(1), one(0), one(4), one(5)]);
  assert.deepEqual(types.map((type) => "data" in type), [false, false, false]);
  const results = op.reference([x, one(1), one(0), one(4), one(5)]);
  assert.deepEqual(results.map(({ data }) => [...data]), [[-1, 1], [3], [3]]);
});

Deno.test("BatchNormalization refuses parameters of another size", () => {
  const op = batchNormalization(new Map(), 15);
  assert.throws(() => op.infer([random([1, 3]), f32(1), f32(1), f32(1), f32(1)]), {
    name: "RangeError",
    message: /"scale"/,
  });
  assert.throws(() => op.infer([random([1, 1]), f32(1), f32(1), f32(1)]), { name: "TypeError", message: /input_var/ });
});
