import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { random, testOp } from "./harness.ts";

const op = (equation: string) => OPS["Einsum"]!(new Map([["equation", equation]]), 12);
const [a, b] = [tensor("f32", [2, 2], [1, 2, 3, 4]), tensor("f32", [2, 2], [5, 6, 7, 8])];
const [p, q] = [random([3, 1, 2, 4], 1), random([2, 4, 5], 2)];

testOp("Einsum", {
  "a product": {
    op: op("ij,jk->ik"),
    inputs: [a, b],
    outputs: [tensor("f32", [2, 2], [19, 22, 43, 50])],
    cpuOnly: true,
  },
  "the same, its result not named": {
    op: op("ij, jk"),
    inputs: [a, b],
    outputs: [tensor("f32", [2, 2], [19, 22, 43, 50])],
    cpuOnly: true,
  },
  "a transposition": { op: op("ij->ji"), inputs: [a], outputs: [tensor("f32", [2, 2], [1, 3, 2, 4])], cpuOnly: true },
  "a trace": { op: op("ii"), inputs: [a], outputs: [tensor("f32", [], [5])], cpuOnly: true },
  "a diagonal": { op: op("ii->i"), inputs: [a], outputs: [tensor("f32", [2], [1, 4])], cpuOnly: true },
  "a batch that broadcasts": {
    op: op("...ij,...jk->...ik"),
    inputs: [p, q],
    outputs: OPS["MatMul"]!(new Map(), 13).reference([p, q]),
    cpuOnly: true,
  },
});

Deno.test("Einsum refuses sizes that do not fit", () => {
  assert.throws(() => op("ij,jk->ik").infer([a, tensor("f32", [3, 1], [1, 2, 3])]), { message: /two sizes: 2 and 3/ });
  assert.throws(() => op("i->i").infer([a]), { message: /does not fit \[2,2\]/ });
  assert.throws(() => op("i,j->i").infer([a]), { message: /2 operands: there are 1/ });
});
