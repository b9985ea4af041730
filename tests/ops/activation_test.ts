import assert from "node:assert/strict";
import * as activations from "../../src/ops/activation.ts";
import type { OpFactory } from "../../src/ops/op.ts";
import { i64, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { testPointwise } from "./_pointwise.ts";
import { random } from "./harness.ts";

const NONE = new Map();
const f32 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor("f32", shape, values);

const CASES: readonly (readonly [string, OpFactory, readonly (readonly [x: number, y: number])[]])[] = [
  ["Sqrt", activations.sqrt, [[4, 2], [0, 0], [2, Math.SQRT2]]],
  ["Reciprocal", activations.reciprocal, [[4, 0.25], [-0.5, -2]]],
  ["Exp", activations.exp, [[0, 1], [1, Math.E], [-2, 0.1353352832]]],
  ["Abs", activations.abs, [[-4, 4], [4, 4]]],
  ["Neg", activations.neg, [[-4, 4], [4, -4]]],
  ["Sigmoid", activations.sigmoid, [[0, 0.5], [2, 0.880797078], [-100, 0]]],
  ["Tanh", activations.tanh, [[0, 0], [0.5, 0.4621171573], [-100, -1]]],
  ["Erf", activations.erf, [[0, 0], [0.5, 0.5204998778], [-10, -1]]],
  ["Relu", activations.relu, [[-1, 0], [0, 0], [1.5, 1.5]]],
  ["LeakyRelu", activations.leakyRelu, [[-1, -0.01], [1.5, 1.5]]],
  ["HardSigmoid", activations.hardSigmoid, [[-3, 0], [0, 0.5], [1, 0.7], [4, 1]]],
  ["HardSwish", activations.hardSwish, [[-3, 0], [0, 0], [1.5, 1.125], [4, 4]]],
];
for (const [name, factory, pairs] of CASES) {
  const op = factory(NONE, 17);
  testPointwise(name, {
    "of known numbers": { op, inputs: [f32(pairs.map(([x]) => x))], outputs: [f32(pairs.map(([, y]) => y))] },
    "of a map": { op, inputs: [random([2, 3, 5, 7], 3, name === "Sqrt" ? 0 : 0.125, 4)], layouts: ["nhwc"] },
  });
}

testPointwise("LeakyRelu with alpha", {
  "0.5": {
    op: activations.leakyRelu(new Map([["alpha", 0.5]]), 17),
    inputs: [f32([-2, 2])],
    outputs: [f32([-1, 2])],
  },
  "2": { op: activations.leakyRelu(new Map([["alpha", 2]]), 17), inputs: [f32([-2, 2])], outputs: [f32([-4, 2])] },
});

testPointwise("HardSigmoid with attributes", {
  "alpha and beta": {
    op: activations.hardSigmoid(new Map([["alpha", 0.5], ["beta", 0.25]]), 17),
    inputs: [f32([-2, 0, 1, 2])],
    outputs: [f32([0, 0.25, 0.75, 1])],
  },
});

const x = f32([-9, -1, 0, 1, 9]);
const clip = activations.clip(NONE, 13);
testPointwise("Clip", {
  "by attributes": {
    op: activations.clip(new Map([["min", -2], ["max", 3]]), 6),
    inputs: [x],
    outputs: [f32([-2, -1, 0, 1, 3])],
  },
  "by one attribute": {
    op: activations.clip(new Map([["max", 3]]), 6),
    inputs: [x],
    outputs: [f32([-9, -1, 0, 1, 3])],
  },
  "by constants": {
    op: clip,
    inputs: [x, f32([-2], []), f32([3], [])],
    constants: [1, 2],
    outputs: [f32([-2, -1, 0, 1, 3])],
  },
  "from below": { op: clip, inputs: [x, f32([-2], [])], constants: [1], outputs: [f32([-2, -1, 0, 1, 9])] },
  "from above": { op: clip, inputs: [x, null, f32([3], [])], constants: [2], outputs: [f32([-9, -1, 0, 1, 3])] },
  "by nothing": { op: clip, inputs: [x], outputs: [x] },
  "by computed bounds": { op: clip, inputs: [x, f32([-2], []), f32([3], [])], outputs: [f32([-2, -1, 0, 1, 3])] },
  "from above by a computed bound": { op: clip, inputs: [x, null, f32([3], [])] },
  "of integers": { op: clip, inputs: [i64([-5, 5]), null, i64(3)], outputs: [i64([-5, 3])], program: false },
});

Deno.test("Clip refuses what is not supported", () => {
  assert.throws(() => clip.infer([x, i64(1)]), { name: "TypeError", message: /i64/ });
  assert.throws(() => clip.infer([x, x]), { name: "RangeError", message: /\[5\]/ });
});

Deno.test("Relu keeps integers, Sqrt refuses them", () => {
  assert.deepEqual(activations.relu(NONE, 17).reference([i64([-2, 2])]), [i64([0, 2])]);
  assert.throws(() => activations.sqrt(NONE, 17).infer([i64(1)]), { name: "TypeError", message: /Sqrt.*i64/ });
});
