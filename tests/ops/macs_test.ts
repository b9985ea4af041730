import assert from "node:assert/strict";
import { conv } from "../../src/ops/conv.ts";
import { gemm } from "../../src/ops/gemm.ts";
import { matMul } from "../../src/ops/matmul.ts";
import type { OpFactory } from "../../src/ops/op.ts";
import type { AttributeValue } from "../../src/graph/graph.ts";

/** Multiply-adds of an operator on f32 inputs of these shapes. */
function macs(factory: OpFactory, attributes: Record<string, AttributeValue>, ...shapes: number[][]): number {
  const op = factory(new Map(Object.entries(attributes)), 13);
  const inputs = shapes.map((shape) => ({ dtype: "f32" as const, shape }));
  return op.macs!(inputs, op.infer(inputs));
}

const same = { pads: [1, 1, 1, 1] };

for (
  const [title, attributes, shapes, wanted] of [
    ["3x3", same, [[1, 8, 10, 12], [16, 8, 3, 3]], 16 * 10 * 12 * 8 * 9],
    ["with a stride", { strides: [2, 2] }, [[2, 3, 9, 9], [4, 3, 3, 3]], 2 * 4 * 4 * 4 * 27],
    ["of each channel by itself", { ...same, group: 8 }, [[1, 8, 10, 12], [8, 1, 3, 3]], 8 * 10 * 12 * 9],
    ["in two groups, with a bias", { group: 2 }, [[1, 4, 5, 5], [6, 2, 1, 1], [6]], 6 * 25 * 2],
    ["1-D", {}, [[1, 2, 7], [3, 2, 3]], 3 * 5 * 6],
  ] as const
) {
  Deno.test(`Conv macs() ${title}`, () => {
    assert.equal(macs(conv, attributes as Record<string, AttributeValue>, ...shapes.map((s) => [...s])), wanted);
  });
}

Deno.test("MatMul macs() counts each matrix of the result, vectors as one row or column", () => {
  assert.equal(macs(matMul, {}, [3, 5], [5, 7]), 105);
  assert.equal(macs(matMul, {}, [4, 1, 3, 5], [2, 5, 7]), 8 * 105);
  assert.equal(macs(matMul, {}, [5], [5, 7]), 35);
  assert.equal(macs(matMul, {}, [3, 5], [5]), 15);
});

Deno.test("Gemm macs() does not depend on what is transposed", () => {
  assert.equal(macs(gemm, {}, [3, 5], [5, 7], [7]), 105);
  assert.equal(macs(gemm, { transA: 1 }, [5, 3], [5, 7]), 105);
  assert.equal(macs(gemm, { transB: 1 }, [3, 5], [7, 5]), 105);
});
