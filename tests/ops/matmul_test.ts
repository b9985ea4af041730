import assert from "node:assert/strict";
import fc from "fast-check";
import { matMul } from "../../src/ops/matmul.ts";
import type { Epilogue, IntegerEpilogue } from "../../src/ops/op.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { type Case, random, random8, testOp } from "./harness.ts";

const NONE = new Map();

/** Sums of a few hundred products of numbers below 1 in another order differ by less than this. */
const ATOL = 2e-5;

function float(a: number[], b: number[], constants: number[] = [], epilogue: Epilogue = {}): Case {
  const bias = constants.includes(2) ? [random([b.at(-1)!], 3)] : [];
  return {
    op: matMul(NONE, 13, epilogue),
    inputs: [random(a, 1), random(b, 2), ...bias],
    constants,
    atol: ATOL,
    rtol: 1e-5,
  };
}

function integer(a: number[], b: number[], constants: number[] = [], given: Partial<IntegerEpilogue> = {}): Case {
  const columns = b.length === 1 ? 1 : b.at(-1)!;
  const multiplier = Float32Array.from(random([columns], 7, 0.0005, 0.003).data);
  const bias = Int32Array.from(random([columns], 5, -4000, 4000).data, Math.round);
  const epilogue: IntegerEpilogue = {
    xZero: -13,
    wZero: constants.includes(1) && b.length === 2 ? 0 : 29,
    multiplier,
    out: { zero: 5, low: -128, high: 100 },
    ...given,
  };
  return {
    op: matMul(NONE, 13, { integer: epilogue }),
    inputs: [random8(a, 1), random8(b, 2), ...(constants.includes(2) ? [tensor("i32", [columns], bias)] : [])],
    constants,
    atol: 0,
    rtol: 0,
  };
}

const SHAPES: Record<string, [a: number[], b: number[], constants?: number[]]> = {
  "computed matrices": [[9, 21], [21, 10]],
  "computed matrices and a bias": [[9, 21], [21, 10], [2]],
  "one row": [[1, 64], [64, 10]],
  "one inner element": [[5, 1], [1, 6]],
  "equal batches": [[2, 3, 17, 32], [2, 3, 32, 17]],
  "a batch broadcast on the left": [[1, 7, 18], [4, 18, 5]],
  "a batch broadcast on the right": [[4, 7, 18], [18, 5]],
  "batches broadcast in turn": [[2, 1, 3, 1, 6, 20], [1, 4, 1, 1, 20, 9]],
  "batches of different rank": [[3, 6, 20], [2, 3, 20, 9]],
  "enough rows for the largest tile": [[300, 24], [24, 40]],
  "a vector on the left": [[20], [20, 7]],
  "a vector on the left of a batch": [[20], [3, 20, 7]],
  "a vector on the right": [[6, 20], [20]],
  "a vector on the right of a batch": [[2, 3, 6, 20], [20]],
  "two vectors": [[20], [20]],
  "constant weights": [[2, 9, 33], [33, 10], [1]],
  "constant weights and a bias": [[2, 9, 33], [33, 10], [1, 2]],
  "constant weights after a vector": [[33], [33, 10], [1]],
  "a constant batch": [[2, 4, 33], [2, 33, 10], [1]],
  "a constant vector": [[2, 4, 33], [33], [1]],
};

for (const [title, [a, b, constants]] of Object.entries(SHAPES)) {
  testOp("matMul f32", { [title]: float(a, b, constants) });
  testOp("matMul i8", {
    [title]: integer(a, b, constants),
    [`${title} to f32`]: integer(a, b, constants, { out: null }),
  });
}

/** `float` and `integer` with attention's additions. */
testOp("matMul", {
  "scales f32 sums": float([2, 9, 21], [2, 21, 10], [], { scale: -0.125 }),
  "scales f32 sums before the bias": float([9, 21], [21, 10], [2], { scale: 3 }),
  "joins heads in f32": float([2, 3, 17, 32], [2, 3, 32, 18], [], { joinsHeads: true, clamp: [-1, 1] }),
  "joins heads of broadcast operands": float([4, 1, 3, 20], [5, 20, 9], [], { joinsHeads: true }),
  "joins heads of one row": float([7, 1, 20], [20, 9], [], { joinsHeads: true }),
  "joins heads of i8": {
    ...integer([2, 3, 17, 32], [2, 3, 32, 18]),
    op: matMul(NONE, 13, {
      joinsHeads: true,
      integer: {
        xZero: -13,
        wZero: 29,
        multiplier: Float32Array.of(0.001),
        out: { zero: 5, low: -128, high: 100 },
      },
    }),
  },
});

Deno.test("matMul() joins heads and scales as said", () => {
  const [a, b] = [random([2, 3, 4], 1), random([2, 4, 5], 2)];
  const [plain] = matMul(NONE, 13).reference([a, b]);
  const [joined] = matMul(NONE, 13, { joinsHeads: true, scale: 2 }).reference([a, b]);
  assert.deepEqual(joined!.shape, [3, 2, 5]);
  for (let i = 0; i < 30; i++) {
    const [head, row, column] = [Math.floor(i / 15), Math.floor(i / 5) % 3, i % 5];
    const at = (row * 2 + head) * 5 + column;
    assert(Math.abs(joined!.data[at]! - 2 * plain!.data[i]!) < 1e-6);
  }
});

const extreme = (shape: number[], values: number[]): Tensor =>
  tensor("i8", shape, Array.from({ length: shape.reduce((s, d) => s * d) }, (_, i) => values[i % values.length]!));

const integerOp = (given: Partial<IntegerEpilogue>) =>
  matMul(NONE, 13, {
    integer: { xZero: 0, wZero: 0, multiplier: Float32Array.of(1), out: { zero: 0, low: -128, high: 127 }, ...given },
  });

testOp("matMul", {
  "multiplies by hand": {
    op: matMul(NONE, 13),
    inputs: [tensor("f32", [2, 2], [1, 2, 3, 4]), tensor("f32", [2, 1], [5, -6])],
    outputs: [tensor("f32", [2, 1], [-7, -9])],
  },
  "clamps f32 results, also where bounds exclude the zeros of the padding": {
    ...float([3, 9], [9, 3], [1], { clamp: [0.25, 0.5] }),
  },
  "rounds halves to even": {
    op: integerOp({ multiplier: Float32Array.of(0.5) }),
    inputs: [tensor("i8", [4, 1], [1, 3, 5, -1]), tensor("i8", [1, 1], [1])],
    constants: [1],
    outputs: [tensor("i8", [4, 1], [0, 2, 2, 0])],
  },
  "takes both zero points off": {
    op: integerOp({ xZero: 2, wZero: -1, out: { zero: 10, low: -128, high: 127 } }),
    inputs: [tensor("i8", [1, 2], [3, 5]), tensor("i8", [2, 1], [1, 2])],
    outputs: [tensor("i8", [1, 1], [21])], // (3 - 2)(1 + 1) + (5 - 2)(2 + 1) + 10
  },
  "keeps f32 results of i8 operands": {
    op: integerOp({ xZero: 2, multiplier: Float32Array.of(0.25), out: null }),
    inputs: [tensor("i8", [1, 2], [3, 5]), tensor("i8", [2, 1], [1, 2])],
    constants: [1],
    outputs: [tensor("f32", [1, 1], [1.75])],
  },
  "sums extreme values exactly": {
    op: integerOp({ xZero: 127, wZero: -128, multiplier: Float32Array.of(1e-5) }),
    inputs: [extreme([4, 500], [-128, 127, -128]), extreme([500, 6], [127, -128, 127, 127])],
  },
  "saturates": {
    op: integerOp({ out: { zero: 3, low: -100, high: 90 } }),
    inputs: [tensor("i8", [1, 2], [127, -128]), tensor("i8", [2, 2], [127, -128, 0, 127])],
    outputs: [tensor("i8", [1, 2], [90, -100])],
  },
});

Deno.test("matMul() takes u8 operands in its definition", () => {
  const op = integerOp({ xZero: 128 });
  const [y] = op.reference([tensor("u8", [1, 2], [130, 125]), tensor("i8", [2, 1], [4, 1])]);
  assert.deepEqual([...y!.data], [5]);
});

Deno.test("matMul() in integers is the rounded product of the real numbers", () => {
  const byte = fc.integer({ min: -128, max: 127 });
  fc.assert(
    fc.property(fc.array(byte, { minLength: 4, maxLength: 4 }), byte, byte, (data, xZero, wZero) => {
      const [a, b] = [tensor("i8", [1, 2], data.slice(0, 2)), tensor("i8", [2, 1], data.slice(2))];
      const [y] = integerOp({ xZero, wZero, out: null }).reference([a, b]);
      const real = (data[0]! - xZero) * (data[2]! - wZero) + (data[1]! - xZero) * (data[3]! - wZero);
      assert.equal(y!.data[0]! + 0, real + 0);
    }),
    { numRuns: 50 },
  );
});

Deno.test("matMul() refuses what does not fit", () => {
  const f32 = (...shape: number[]): Tensor => random(shape);
  const op = matMul(NONE, 13);
  assert.throws(() => op.infer([f32(2, 3), f32(4, 2)]), RangeError);
  assert.throws(() => op.infer([f32(2, 3), random8([3, 2])]), TypeError);
  assert.throws(() => op.infer([f32(2, 3), f32(3, 2), f32(3)]), RangeError);
  assert.throws(() => op.infer([f32(2, 3), null]), TypeError);
  assert.throws(
    () => integerOp({ multiplier: new Float32Array(3) }).infer([random8([2, 3]), random8([3, 2])]),
    RangeError,
  );
});
