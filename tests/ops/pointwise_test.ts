import assert from "node:assert/strict";
import { evaluate, type Instruction, INSTRUCTIONS } from "../../src/ops/pointwise.ts";

/** What each instruction makes of registers a and b and immediates p and q, worked out by hand. */
const EXPECTED: Record<Instruction["code"], readonly [a: number, b: number, p: number, q: number, result: number]> = {
  add: [1.5, 2, 0, 0, 3.5],
  sub: [1.5, 2, 0, 0, -0.5],
  mul: [1.5, 2, 0, 0, 3],
  div: [3, 2, 0, 0, 1.5],
  pow: [3, 2, 0, 0, 9],
  max: [3, 2, 0, 0, 3],
  min: [3, 2, 0, 0, 2],
  addp: [3, 0, 0.5, 0, 3.5],
  mulp: [3, 0, 0.5, 0, 1.5],
  rdivp: [4, 0, 1, 0, 0.25],
  powp: [3, 0, 3, 0, 27],
  clamp: [7, 0, 0, 6, 6],
  sqrt: [9, 0, 0, 0, 3],
  sigmoid: [0, 0, 0, 0, 0.5],
  tanh: [0, 0, 0, 0, 0],
  hardsigmoid: [1, 0, 0.25, 0.5, 0.75],
  exp: [0, 0, 0, 0, 1],
  abs: [-2, 0, 0, 0, 2],
  neg: [2, 0, 0, 0, -2],
  round: [2.5, 0, 0, 0, 2],
  quantize: [1.25, 0, 0.5, 3, 5],
  dequantize: [5, 0, 0.5, 3, 1],
  trunc: [-1.9, 0, 0, 0, -1],
  erf: [0, 0, 0, 0, 0],
  quotient: [3, 2, 0, 0, 1.5],
};

const BINARY = new Set<Instruction["code"]>(["add", "sub", "mul", "div", "pow", "max", "min", "quotient"]);

for (const code of INSTRUCTIONS) {
  Deno.test(`evaluate() of ${code}`, () => {
    const [a, b, p, q, result] = EXPECTED[code];
    const args = BINARY.has(code) ? [0, 1] : [0];
    assert.equal(evaluate({ inputs: 2, instructions: [{ code, args, p, q }] }, [a, b]), result);
  });
}

Deno.test("evaluate() rounds to f32 after every instruction", () => {
  const instructions: Instruction[] = [{ code: "addp", args: [0], p: 1 }, { code: "addp", args: [1], p: -1 }];
  assert.equal(evaluate({ inputs: 1, instructions }, [2 ** -25]), 0);
});

Deno.test("evaluate() gives the input of an empty program", () => {
  assert.equal(evaluate({ inputs: 1, instructions: [] }, [7]), 7);
});
