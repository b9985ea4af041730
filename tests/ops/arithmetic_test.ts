import assert from "node:assert/strict";
import { add, div, max, min, mul, pow, sub } from "../../src/ops/arithmetic.ts";
import type { OpFactory } from "../../src/ops/op.ts";
import { i64, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { testPointwise } from "./_pointwise.ts";
import { random } from "./harness.ts";

const NONE = new Map();
const f32 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor("f32", shape, values);

const CASES: readonly (readonly [string, OpFactory, readonly number[]])[] = [
  ["Add", add, [5, 2.5, -3]],
  ["Sub", sub, [-3, 1.5, -5]],
  ["Mul", mul, [4, 1, -4]],
  ["Div", div, [0.25, 4, -4]],
  ["Pow", pow, [1, Math.SQRT2, -0.25]],
];
for (const [name, factory, results] of CASES) {
  const op = factory(NONE, 17);
  const a = f32([1, 2, -4]);
  const b = f32([4, 0.5, name === "Pow" ? -1 : 1]);
  const positive = (shape: readonly number[], seed: number) => random(shape, seed, 0.25, 3);
  testPointwise(name, {
    "of vectors": { op, inputs: [a, b], outputs: [f32(results)] },
    "of broadcast tensors": { op, inputs: [positive([2, 3, 5], 1), positive([3, 1], 2)] },
    "with a constant on the right": { op, inputs: [positive([3, 7], 1), f32([1.75], [1])], constants: [1] },
    "with a constant on the left": { op, inputs: [f32([1.75], []), positive([3, 7], 1)], constants: [0] },
    "with a constant of a higher rank": { op, inputs: [positive([7], 1), f32([1.75], [1, 1])], constants: [1] },
    "of constants": { op, inputs: [f32([3]), f32([2], [])], constants: [0, 1] },
    "of integers": { op, inputs: [i64([7, -7]), i64([2, 2])], program: false },
  });
}

Deno.test("Div truncates integers", () => {
  const [y] = div(NONE, 17).reference([i64([7, -7, 6, -1]), i64(2)]);
  assert.deepEqual(y, i64([3, -3, 3, 0]));
});

Deno.test("Mul wraps i32", () => {
  const [y] = mul(NONE, 17).reference([tensor("i32", [1], [0x12345678]), tensor("i32", [], [0x1234567])]);
  assert.equal(y!.data[0], Math.imul(0x12345678, 0x1234567));
});

testPointwise(
  "Pow to the constant",
  Object.fromEntries([1, 2, 3, 0.5, -1, 1.5, 4].map((p) => {
    const low = Number.isInteger(p) ? -3 : 0.25;
    return [p, { op: pow(NONE, 17), inputs: [random([3, 7], 1, low, 3), f32([p], [])], constants: [1] }];
  })),
);

testPointwise("Pow", {
  "with an exponent of another type": {
    op: pow(NONE, 17),
    inputs: [f32([2, 3]), i64([3, 2])],
    outputs: [f32([8, 9])],
    program: false,
  },
});

testPointwise("Div", {
  "by a constant zero": {
    op: div(NONE, 17),
    inputs: [f32([1, -1]), f32([0], [])],
    constants: [1],
    outputs: [f32([Infinity, -Infinity])],
  },
});

for (const [name, factory] of [["Max", max], ["Min", min]] as const) {
  const op = factory(NONE, 17);
  testPointwise(name, {
    "of one": { op, inputs: [f32([1, -1])] },
    "of two": {
      op,
      inputs: [f32([1, -1]), f32([0.5, 2])],
      outputs: [name === "Max" ? f32([1, 2]) : f32([0.5, -1])],
    },
    "of four, two of them constants": {
      op,
      inputs: [random([3, 5], 1), f32([-0.25], []), random([5], 2), f32([-0.5], [1])],
      constants: [1, 3],
    },
    "of three": { op, inputs: [random([3, 5], 1), random([3, 1], 2), random([5], 2)] },
    "of constants": { op, inputs: [f32([1]), f32([2])], constants: [0, 1] },
    "of integers": { op, inputs: [i64([7, -7]), i64([2, 2])], program: false },
  });
}

Deno.test("Add refuses what is not supported", () => {
  assert.throws(() => add(new Map([["broadcast", 1]]), 6), { name: "TypeError", message: /"broadcast".*1/ });
  const op = add(NONE, 17);
  assert.throws(() => op.infer([i64([1]), f32([1])]), { name: "TypeError", message: /i64 and f32/ });
  assert.throws(() => op.infer([tensor("bool", [1], [1]), f32([1])]), { name: "TypeError", message: /bool/ });
  assert.throws(() => op.infer([f32([1, 2]), f32([1, 2, 3])]), { name: "RangeError" });
  assert.throws(() => op.infer([f32([1, 2]), null]), { name: "TypeError", message: /"B"/ });
});

Deno.test("Max refuses inputs of several types", () => {
  assert.throws(() => max(NONE, 17).infer([i64([1]), f32([1])]), { name: "TypeError" });
});
