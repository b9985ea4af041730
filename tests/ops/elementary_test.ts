import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { testPointwise } from "./_pointwise.ts";

const op = (name: string, attributes: Record<string, number> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 22);
const of = (...values: number[]): Tensor => tensor("f32", [values.length], values);

// [operator, arguments, results], from tables.
const FUNCTIONS: readonly (readonly [name: string, x: readonly number[], y: readonly number[]])[] = [
  ["Log", [1, Math.E], [0, 1]],
  ["Sin", [0, Math.PI / 6], [0, 0.5]],
  ["Cos", [0, Math.PI / 3], [1, 0.5]],
  ["Tan", [0, Math.PI / 4], [0, 1]],
  ["Asin", [0, 0.5], [0, Math.PI / 6]],
  ["Acos", [1, 0.5], [0, Math.PI / 3]],
  ["Atan", [0, 1], [0, Math.PI / 4]],
  ["Sinh", [0, Math.LN2], [0, 0.75]],
  ["Cosh", [0, Math.LN2], [1, 1.25]],
  ["Asinh", [0, 0.75], [0, Math.LN2]],
  ["Acosh", [1, 1.25], [0, Math.LN2]],
  ["Atanh", [0, 0.6], [0, Math.LN2]],
  ["Ceil", [-1.5, 0.25], [-1, 1]],
  ["Floor", [-1.5, 0.25], [-2, 0]],
  ["Sign", [-1.5, 0, 7], [-1, 0, 1]],
];

for (const [name, x, y] of FUNCTIONS) {
  testPointwise(name, {
    "of known values": {
      op: op(name),
      inputs: [of(...x)],
      outputs: [of(...y)],
      rtol: 1e-6,
      atol: 1e-6,
      program: false,
    },
  });
}

testPointwise("Round", {
  "to the even one of two as near": {
    op: op("Round"),
    inputs: [of(0.5, 1.5, -2.5, 0.75)],
    outputs: [of(0, 2, -2, 1)],
  },
});

Deno.test("IsNaN and IsInf tell what kind of number it is", () => {
  const x = of(NaN, Infinity, -Infinity, 1);
  const results = (name: string, attributes: Record<string, number> = {}) =>
    Array.from(op(name, attributes).reference([x])[0]!.data);
  assert.deepEqual(results("IsNaN"), [1, 0, 0, 0]);
  assert.deepEqual(results("IsInf"), [0, 1, 1, 0]);
  assert.deepEqual(results("IsInf", { detect_negative: 0 }), [0, 1, 0, 0]);
  assert.deepEqual(results("IsInf", { detect_positive: 0 }), [0, 0, 1, 0]);
  assert.deepEqual(op("IsInf").infer([x]), [{ dtype: "bool", shape: [4] }]);
});
