import assert from "node:assert/strict";
import { cast } from "../../src/ops/cast.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { testPointwise } from "./_pointwise.ts";
import { random8 } from "./harness.ts";

const to = (type: number) => cast(new Map([["to", type]]), 13);
const x = tensor("f32", [5], [-1.75, -0.5, 0, 1.5, 100.99]);

testPointwise("Cast", {
  "f32 to f32": { op: to(1), inputs: [x], outputs: [x] },
  "f32 to u8": {
    op: to(2),
    inputs: [tensor("f32", [2], [1.5, 200.9])],
    outputs: [tensor("u8", [2], [1, 200])],
    program: false,
  },
  "f32 to i8": { op: to(3), inputs: [x], outputs: [tensor("i8", [5], [-1, 0, 0, 1, 100])] },
  "f32 to i32": { op: to(6), inputs: [x], outputs: [tensor("i32", [5], [-1, 0, 0, 1, 100])], program: false },
  "f32 to i64": { op: to(7), inputs: [x], outputs: [i64([-1, 0, 0, 1, 100])], program: false },
  "f32 to bool": { op: to(9), inputs: [x], outputs: [tensor("bool", [5], [1, 1, 0, 1, 1])], program: false },
  "i64 to f32": { op: to(1), inputs: [i64([3, -2])], outputs: [tensor("f32", [2], [3, -2])], program: false },
  "i8 to f32": { op: to(1), inputs: [random8([3, 7])] },
  "i8 to i8": { op: to(3), inputs: [random8([3, 7])] },
});

Deno.test("Cast refuses other types", () => {
  assert.throws(() => to(8), { name: "TypeError", message: /"to".*8/ });
  assert.throws(() => cast(new Map(), 13), { name: "TypeError", message: /undefined/ });
});
