import assert from "node:assert/strict";
import { dequantizeLinear, quantizeLinear } from "../../src/ops/quantize_linear.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { testPointwise } from "./_pointwise.ts";
import { random, random8 } from "./harness.ts";

const NONE = new Map();
const scalar = (value: number): Tensor => tensor("f32", [], [value]);
const zero = (value: number): Tensor => tensor("i8", [], [value]);
const exact = { atol: 0, rtol: 0 };

testPointwise("QuantizeLinear", {
  "to u8": {
    op: quantizeLinear(NONE, 13),
    inputs: [tensor("f32", [6], [0, 2, 3, 1000, -254, -1000]), scalar(2), tensor("u8", [], [128])],
    outputs: [tensor("u8", [6], [128, 129, 130, 255, 1, 0])],
    program: false,
  },
  "without a zero point": {
    op: quantizeLinear(NONE, 13),
    inputs: [tensor("f32", [3], [0, 5, -3]), scalar(2)],
    outputs: [tensor("u8", [3], [0, 2, 0])],
    program: false,
  },
  "to i8": {
    op: quantizeLinear(NONE, 13),
    inputs: [tensor("f32", [4], [1, 3, 1000, -1000]), scalar(2), zero(-1)],
    constants: [1, 2],
    outputs: [tensor("i8", [4], [-1, 1, 127, -128])],
  },
  "of a map": {
    op: quantizeLinear(NONE, 13),
    inputs: [random([2, 20, 5, 7]), tensor("f32", [1], [0.0071]), zero(3)],
    constants: [1, 2],
    layouts: ["nhwc"],
    ...exact,
  },
  "to i8 without a zero point": {
    op: quantizeLinear(new Map([["output_dtype", 3]]), 21),
    inputs: [random([3, 5]), scalar(0.0071)],
    constants: [1],
    ...exact,
  },
  "with a computed scale": {
    op: quantizeLinear(NONE, 13),
    inputs: [random([3, 5]), scalar(0.0071), zero(3)],
    program: false,
  },
  "along an axis": {
    op: quantizeLinear(NONE, 13),
    inputs: [
      tensor("f32", [1, 3, 2], [-162, 10, -100, 232, -20, -50]),
      tensor("f32", [3], [2, 4, 5]),
      tensor("u8", [3], [84, 24, 196]),
    ],
    constants: [1, 2],
    outputs: [tensor("u8", [1, 3, 2], [3, 89, 0, 82, 192, 186])],
    program: false,
  },
});

testPointwise("DequantizeLinear", {
  "of u8": {
    op: dequantizeLinear(NONE, 13),
    inputs: [tensor("u8", [4], [0, 3, 128, 255]), scalar(2), tensor("u8", [], [128])],
    outputs: [tensor("f32", [4], [-256, -250, 0, 254])],
    program: false,
  },
  "of i32": {
    op: dequantizeLinear(NONE, 13),
    inputs: [tensor("i32", [2], [100000, -3]), scalar(0.5)],
    outputs: [tensor("f32", [2], [50000, -1.5])],
    program: false,
  },
  "of i8": {
    op: dequantizeLinear(NONE, 13),
    inputs: [random8([2, 20, 5, 7]), scalar(0.0371), zero(3)],
    constants: [1, 2],
    layouts: ["nhwc"],
    ...exact,
  },
  "along the last axis": {
    op: dequantizeLinear(new Map([["axis", -1]]), 13),
    inputs: [random8([5, 12]), random([12], 2, 0.01, 0.1), random8([12], 3)],
    constants: [1, 2],
    ...exact,
  },
  "along the last axis without zero points": {
    op: dequantizeLinear(NONE, 13),
    inputs: [random8([5, 12]), random([12], 2, 0.01, 0.1)],
    constants: [1],
    ...exact,
  },
  "along another axis": {
    op: dequantizeLinear(new Map([["axis", 0]]), 13),
    inputs: [tensor("i8", [2, 2], [1, 2, 3, 4]), tensor("f32", [2], [1, 10]), tensor("i8", [2], [0, 1])],
    constants: [1, 2],
    outputs: [tensor("f32", [2, 2], [1, 2, 20, 30])],
    program: false,
  },
});

Deno.test("QuantizeLinear and DequantizeLinear refuse what is not supported", () => {
  const x = random([2, 3]);
  const q = random8([2, 3]);
  const quantize = quantizeLinear(NONE, 13);
  const dequantize = dequantizeLinear(NONE, 13);
  const inBlocks = quantizeLinear(new Map([["block_size", 2]]), 21);
  assert.throws(() => inBlocks.infer([x, random([2])]), { name: "RangeError", message: /\[2,2\] for blocks of 2/ });
  assert.throws(() => quantizeLinear(new Map([["output_dtype", 17]]), 21), { name: "TypeError", message: /17/ });
  assert.throws(() => quantize.infer([q, scalar(1)]), { name: "TypeError", message: /i8/ });
  assert.throws(() => quantize.infer([x, scalar(1), scalar(1)]), { name: "TypeError", message: /zero_point/ });
  assert.throws(() => quantize.infer([x, random([2])]), { name: "RangeError", message: /axis 1 of \[2,3\]/ });
  assert.throws(() => quantize.infer([x, random([3]), zero(0)]), { name: "RangeError", message: /zero_point/ });
  assert.throws(() => dequantize.infer([x, scalar(1)]), { name: "TypeError", message: /f32/ });
  assert.throws(() => dequantize.infer([q, scalar(1), tensor("u8", [], [0])]), { name: "TypeError", message: /u8/ });
});
