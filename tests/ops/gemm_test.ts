import assert from "node:assert/strict";
import { gemm } from "../../src/ops/gemm.ts";
import type { Epilogue } from "../../src/ops/op.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { type Case, random, random8, testOp } from "./harness.ts";

interface Given {
  readonly transA?: 0 | 1;
  readonly transB?: 0 | 1;
  readonly alpha?: number;
  readonly beta?: number;
}

const TRANSPOSED: Record<string, Given> = {
  "as they are": {},
  "A transposed": { transA: 1 },
  "B transposed": { transB: 1 },
  "both transposed": { transA: 1, transB: 1 },
};

function shapesOf({ transA, transB }: Given): [number[], number[]] {
  return [transA ? [21, 9] : [9, 21], transB ? [10, 21] : [21, 10]];
}

/** Sums of 21 products of numbers below 1 in another order differ by less than the tolerance. */
function float(given: Given, c: number[] | null, constants: number[]): Case {
  const [a, b] = shapesOf(given);
  return {
    op: gemm(new Map(Object.entries(given)), 13),
    inputs: [random(a, 1), random(b, 2), c && random(c, 3)],
    constants,
    atol: 1e-5,
    rtol: 1e-5,
  };
}

function integer(given: Given, constants: number[], out: boolean): Case {
  const [a, b] = shapesOf(given);
  const epilogue: Epilogue = {
    integer: {
      xZero: 11,
      wZero: constants.includes(1) ? 0 : -5,
      multiplier: Float32Array.of(0.001),
      out: out ? { zero: 5, low: -128, high: 127 } : null,
    },
  };
  return {
    op: gemm(new Map(Object.entries(given)), 13, epilogue),
    inputs: [random8(a, 1), random8(b, 2), tensor("i32", [10], [9, -800, 70, 6000, 5, 4, 3, 2, 1, 0])],
    constants,
    atol: 0,
    rtol: 0,
  };
}

for (const [title, given] of Object.entries(TRANSPOSED)) {
  testOp("gemm f32", {
    [`weights ${title}`]: float({ ...given, alpha: 0.5, beta: 2 }, [10], [1, 2]),
    [`computed operands ${title}`]: float(given, null, []),
  });
  testOp("gemm i8", {
    [`weights ${title}`]: integer(given, [1, 2], true),
    [`weights ${title} to f32`]: integer(given, [1, 2], false),
    [`computed operands ${title}`]: integer(given, [2], true),
  });
}

testOp("gemm", {
  "adds a scalar": float({}, [], [1, 2]),
  "adds one number": float({}, [1], [1, 2]),
  "adds a row": float({}, [1, 10], [1, 2]),
  "adds a column by its definition": { ...float({}, [9, 1], [1, 2]), cpuOnly: true },
  "adds a matrix by its definition": { ...float({}, [9, 10], [1, 2]), cpuOnly: true },
  "computes alpha A' B + beta C by hand": {
    op: gemm(new Map(Object.entries({ alpha: 2, beta: -1, transA: 1 })), 13),
    inputs: [tensor("f32", [2, 1], [1, 2]), tensor("f32", [2, 2], [3, 4, 5, 6]), tensor("f32", [2], [10, 20])],
    constants: [1, 2],
    outputs: [tensor("f32", [1, 2], [16, 12])],
  },
  "clamps": {
    op: gemm(new Map(), 13, { clamp: [0, 6] }),
    inputs: [tensor("f32", [1, 1], [2]), tensor("f32", [1, 3], [-1, 2, 4])],
    constants: [1],
    outputs: [tensor("f32", [1, 3], [0, 4, 6])],
  },
});

Deno.test("gemm() refuses what does not fit", () => {
  const op = gemm(new Map(), 13);
  const one = { xZero: 0, wZero: 0, multiplier: Float32Array.of(1), out: null };
  assert.throws(() => op.infer([random([2, 3]), random([2, 3])]), RangeError);
  assert.throws(() => op.infer([random([1, 2, 3]), random([3, 3])]), RangeError);
  assert.throws(() => op.infer([random([2, 3]), random([3, 3]), random([2])]), RangeError);
  assert.throws(() => gemm(new Map([["alpha", 2]]), 13, { integer: one }), TypeError);
});

Deno.test("gemm() does not lower a C that differs from row to row", () => {
  const op = gemm(new Map(), 13);
  const plain = "plain" as const;
  const inputs = [random([2, 3]), random([3, 3]), random([2, 3])].map((t) => ({ ...t, layout: plain }));
  assert.throws(
    () => op.lower!(inputs, [{ dtype: "f32", shape: [2, 3], layout: plain }], { lanes: 8 }),
    TypeError,
  );
});
