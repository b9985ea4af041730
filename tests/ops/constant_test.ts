import assert from "node:assert/strict";
import type { AttributeValue } from "../../src/graph/graph.ts";
import { constant, constantOfShape, range } from "../../src/ops/constant.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const of = (name: string, value: AttributeValue) => constant(new Map([[name, value]]), 13);
const pi = tensor("f32", [2], [3.5, 1.5]);

testOp("Constant", {
  "gives a tensor": { op: of("value", pi), inputs: [], outputs: [pi], cpuOnly: true },
  "gives a float": { op: of("value_float", 2.5), inputs: [], outputs: [tensor("f32", [], [2.5])], cpuOnly: true },
  "gives floats": { op: of("value_floats", [3.5, 1.5]), inputs: [], outputs: [pi], cpuOnly: true },
  "gives an integer": { op: of("value_int", 7), inputs: [], outputs: [i64(7)], cpuOnly: true },
  "gives integers": { op: of("value_ints", [7, 8]), inputs: [], outputs: [i64([7, 8])], cpuOnly: true },
});

testOp("ConstantOfShape", {
  "repeats its value": {
    op: constantOfShape(new Map([["value", tensor("i64", [1], [3])]]), 13),
    inputs: [i64([2, 1])],
    constants: [0],
    outputs: [tensor("i64", [2, 1], [3, 3])],
    cpuOnly: true,
  },
  "gives f32 zeros by default": {
    op: constantOfShape(new Map(), 13),
    inputs: [i64([2])],
    constants: [0],
    outputs: [tensor("f32", [2], [0, 0])],
    cpuOnly: true,
  },
});

testOp("Range", {
  "counts down": {
    op: range(new Map(), 13),
    inputs: [i64(5), i64(0), i64(-2)],
    constants: [0, 1, 2],
    outputs: [i64([5, 3, 1])],
    cpuOnly: true,
  },
});

Deno.test("constant() names attributes that it cannot take", () => {
  assert.throws(() => of("value_string", "x"), /current attributes are value_string/);
});
