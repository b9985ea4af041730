import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { type DType, tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string) => OPS[name]!(new Map(), 21);
const of = (dtype: DType, shape: readonly number[], ...values: number[]) => tensor(dtype, shape, values);
const scale = (...values: number[]) => of("f32", values.length === 1 ? [] : [values.length], ...values);

testOp("ConvInteger", {
  "less the zero points": {
    op: op("ConvInteger"),
    inputs: [of("u8", [1, 1, 1, 3], 1, 2, 3), of("i8", [1, 1, 1, 2], 1, -1), of("u8", [], 1), of("i8", [], 2)],
    outputs: [of("i32", [1, 1, 1, 2], -3, -7)],
    cpuOnly: true,
  },
});
testOp("QLinearConv", {
  "with a scale for each output and a bias": {
    op: op("QLinearConv"),
    inputs: [
      of("u8", [1, 1, 1, 2], 10, 20),
      scale(0.5),
      of("u8", [], 0),
      of("i8", [2, 1, 1, 1], 1, 2),
      scale(1, 0.5),
      of("i8", [2], 0, 0),
      scale(2),
      of("u8", [], 100),
      of("i32", [2], 4, 0),
    ],
    outputs: [of("u8", [1, 2, 1, 2], 104, 106, 102, 105)],
    cpuOnly: true,
  },
});
testOp("MatMulInteger", {
  "with a zero point for each row": {
    op: op("MatMulInteger"),
    inputs: [of("u8", [2, 2], 1, 2, 3, 4), of("u8", [2, 1], 1, 10), of("u8", [2], 0, 3)],
    outputs: [of("i32", [2, 1], 21, 10)],
    cpuOnly: true,
  },
  "broadcasts batches": {
    op: op("MatMulInteger"),
    inputs: [of("i8", [2, 1, 1], 3, -4), of("i8", [1, 1, 2], 1, 2)],
    outputs: [of("i32", [2, 1, 2], 3, 6, -4, -8)],
    cpuOnly: true,
  },
});
testOp("QLinearMatMul", {
  "rounds halves to even, and saturates": {
    op: op("QLinearMatMul"),
    inputs: [
      of("i8", [1, 1], 1),
      scale(1),
      of("i8", [], 0),
      of("i8", [1, 4], 1, 3, 5, 127),
      scale(0.5),
      of("i8", [], 0),
      scale(1),
      of("i8", [], 100),
    ],
    outputs: [of("i8", [1, 4], 100, 102, 102, 127)],
    cpuOnly: true,
  },
});
testOp("DynamicQuantizeLinear", {
  "by the range of the data and 0": {
    op: op("DynamicQuantizeLinear"),
    inputs: [of("f32", [3], -1, 0, 1.55)],
    outputs: [of("u8", [3], 0, 100, 255), of("f32", [], 2.55 / 255), of("u8", [], 100)],
    cpuOnly: true,
  },
});

Deno.test("products of quantized tensors refuse other types", () => {
  assert.throws(() => op("MatMulInteger").infer([scale(1, 2), scale(1, 2)]), TypeError);
  assert.throws(() => op("MatMulInteger").infer([of("i8", [1, 2], 1, 2), of("i8", [1, 1], 1)]), RangeError);
});
