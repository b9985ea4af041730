import assert from "node:assert/strict";
import fc from "fast-check";
import { dequantize, quantize, rangeOf, requantize, roundHalfToEven } from "../../src/tensor/quantization.ts";

const dtypes = fc.constantFrom("i8" as const, "u8" as const);
const scales = fc.float({ min: Math.fround(1e-6), max: Math.fround(1e3), noNaN: true });
const numbers = fc.float({ min: -1e6, max: 1e6, noNaN: true });

Deno.test("rangeOf() is what the type can hold", () => {
  assert.deepEqual(rangeOf("i8"), [-128, 127]);
  assert.deepEqual(rangeOf("u8"), [0, 255]);
});

Deno.test("roundHalfToEven() rounds halves to even", () => {
  const cases = [[0.5, 0], [1.5, 2], [2.5, 2], [-0.5, 0], [-1.5, -2], [-2.5, -2], [0.49999999999999994, 0], [
    -0.49999999999999994,
    0,
  ], [1.4999999999999998, 1]];
  for (const [x, expected] of cases) assert.equal(roundHalfToEven(x!) + 0, expected, `${x}`);
});

Deno.test("roundHalfToEven() agrees with the adder of the machine", () => {
  const magic = 2 ** 52;
  const byAdding = (x: number): number => x >= 0 ? x + magic - magic : x - magic + magic;
  fc.assert(fc.property(fc.double({ min: -(2 ** 51), max: 2 ** 51, noNaN: true }), (x) => {
    assert.equal(roundHalfToEven(x) + 0, byAdding(x) + 0);
  }));
  fc.assert(fc.property(fc.integer({ min: -1e6, max: 1e6 }), (n) => {
    assert.equal(roundHalfToEven(n / 2) + 0, byAdding(n / 2) + 0);
  }));
});

Deno.test("roundHalfToEven() keeps what is not finite", () => {
  for (const x of [Infinity, -Infinity, NaN]) assert.equal(roundHalfToEven(x), x);
});

Deno.test("quantize() stays in the range and grows with its argument", () => {
  fc.assert(fc.property(numbers, numbers, scales, fc.nat(255), dtypes, (a, b, scale, zero, dtype) => {
    const range = rangeOf(dtype);
    const zeroPoint = zero + range[0];
    const [low, high] = [Math.min(a, b), Math.max(a, b)].map((x) => quantize(x, scale, zeroPoint, range));
    assert(range[0] <= low! && low! <= high! && high! <= range[1]);
    assert(Number.isInteger(low) && Number.isInteger(high));
  }));
});

Deno.test("quantize() undoes dequantize()", () => {
  fc.assert(fc.property(fc.nat(255), scales, fc.nat(255), dtypes, (q, scale, zero, dtype) => {
    const range = rangeOf(dtype);
    const x = dequantize(q + range[0], scale, zero + range[0]);
    assert.equal(quantize(x, scale, zero + range[0], range), q + range[0]);
  }));
});

Deno.test("dequantize() of quantize() is within half a step of what the range holds", () => {
  fc.assert(fc.property(fc.float({ min: -1, max: 1, noNaN: true }), scales, (x, scale) => {
    const value = x * 127 * scale;
    const back = dequantize(quantize(value, scale, 0, rangeOf("i8")), scale, 0);
    assert(Math.abs(back - value) <= 0.5001 * scale);
  }));
});

Deno.test("quantize() is the same in i8 and u8 with the zero point moved by 128", () => {
  fc.assert(fc.property(numbers, scales, fc.nat(255), (x, scale, zero) => {
    assert.equal(quantize(x, scale, zero, rangeOf("u8")) - 128, quantize(x, scale, zero - 128, rangeOf("i8")));
  }));
});

Deno.test("quantize() divides as ONNX does, and does not multiply by a reciprocal", () => {
  const [x, scale] = [Math.fround(0.045), Math.fround(0.01)];
  assert.equal(roundHalfToEven(Math.fround(x * Math.fround(1 / scale))), 4);
  assert.equal(quantize(x, scale, 0, rangeOf("i8")), 5);
});

Deno.test("quantize() saturates", () => {
  assert.equal(quantize(1e30, 0.1, 3, rangeOf("u8")), 255);
  assert.equal(quantize(-1e30, 0.1, 3, rangeOf("u8")), 0);
});

Deno.test("requantize() rounds the accumulator and the product to f32", () => {
  assert.equal(requantize(2 ** 24 + 1, 1 / 2 ** 18, 0, rangeOf("i8")), 64);
  assert.equal(requantize(5, 0.5, 10, rangeOf("u8")), 12);
  assert.equal(requantize(-1000, 1, 0, rangeOf("i8")), -128);
  assert.equal(requantize(1000, 1, 0, rangeOf("i8")), 127);
});
