import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { type DType, i64, tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number | string> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 22);
const of = (dtype: DType, ...values: number[]) => tensor(dtype, [values.length], values);

testOp("BitwiseAnd", {
  "of i32": {
    op: op("BitwiseAnd"),
    inputs: [of("i32", 12, -1), of("i32", 10, 7)],
    outputs: [of("i32", 8, 7)],
    cpuOnly: true,
  },
});
testOp("BitwiseOr", {
  "of u16": { op: op("BitwiseOr"), inputs: [of("u16", 12), of("u16", 10)], outputs: [of("u16", 14)], cpuOnly: true },
});
testOp("BitwiseXor", {
  "of i64": { op: op("BitwiseXor"), inputs: [i64([12]), i64([10])], outputs: [i64([6])], cpuOnly: true },
});
testOp("BitwiseNot", {
  "of i8": { op: op("BitwiseNot"), inputs: [of("i8", 0, 5)], outputs: [of("i8", -1, -6)], cpuOnly: true },
  "of u8": { op: op("BitwiseNot"), inputs: [of("u8", 0, 5)], outputs: [of("u8", 255, 250)], cpuOnly: true },
});
testOp("BitShift", {
  "to the left drops high bits": {
    op: op("BitShift", { direction: "LEFT" }),
    inputs: [of("u8", 129, 1), of("u8", 1, 3)],
    outputs: [of("u8", 2, 8)],
    cpuOnly: true,
  },
  "to the right": {
    op: op("BitShift", { direction: "RIGHT" }),
    inputs: [of("u32", 2 ** 31), of("u32", 30)],
    outputs: [of("u32", 2)],
    cpuOnly: true,
  },
});
const [a, b] = [of("i32", 7, -7, 7, -7, 6), of("i32", 3, 3, -3, -3, 3)];
testOp("Mod", {
  "has the sign of the divisor": {
    op: op("Mod"),
    inputs: [a, b],
    outputs: [of("i32", 1, 2, -2, -1, 0)],
    cpuOnly: true,
  },
  "has the sign of the dividend with fmod": {
    op: op("Mod", { fmod: 1 }),
    inputs: [a, b],
    outputs: [of("i32", 1, -1, 1, -1, 0)],
    cpuOnly: true,
  },
});
testOp("BitCast", {
  "f32 to i32": {
    op: op("BitCast", { to: 6 }),
    inputs: [of("f32", 1, -0)],
    outputs: [of("i32", 0x3f800000, -(2 ** 31))],
    cpuOnly: true,
  },
  "i64 to u64": {
    op: op("BitCast", { to: 13 }),
    inputs: [i64([-(2 ** 40)])],
    outputs: [of("u64", 2 ** 64 - 2 ** 40)],
    cpuOnly: true,
  },
});

Deno.test("BitShift and BitCast refuse what they cannot do", () => {
  assert.throws(() => op("BitShift"), { name: "TypeError", message: /LEFT or RIGHT/ });
  assert.throws(() => op("BitCast", { to: 7 }).infer([of("f32", 1)]), { name: "TypeError", message: /sizes differ/ });
});
