import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { random } from "./harness.ts";

const op = (name: string, attributes: Record<string, number | string | string[] | number[]> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 14);
const of = (shape: number[], ...values: number[]): Tensor => tensor("f32", shape, values);
const near = (actual: Tensor | undefined, expected: readonly number[]) => {
  assert.equal(actual!.data.length, expected.length);
  expected.forEach((e, i) => assert(Math.abs(actual!.data[i]! - e) < 1e-6, `${[...actual!.data]} is not ${expected}`));
};
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

Deno.test("RNN goes on from its state, forwards and backwards", () => {
  const inputs = [of([2, 1, 1], 1, 2), of([1, 1, 1], 0.5), of([1, 1, 1], -0.25), of([1, 2], 0.125, 0)];
  const [h1, first] = [Math.tanh(0.625), Math.tanh(1.125)];
  const [y, last] = op("RNN", { hidden_size: 1 }).reference(inputs);
  near(y, [h1, Math.tanh(1.125 - 0.25 * h1)]);
  near(last, [Math.tanh(1.125 - 0.25 * h1)]);
  near(op("RNN", { hidden_size: 1, direction: "reverse" }).reference(inputs)[0], [
    Math.tanh(0.625 - 0.25 * first),
    first,
  ]);
});

Deno.test("LSTM keeps, takes and shows as its gates say", () => {
  // Weights of the gates i, o, f, c; no recurrence.
  const inputs = [
    of([1, 1, 1], 1),
    of([1, 4, 1], 0.1, 0.2, 0.3, 0.4),
    of([1, 4, 1], 0, 0, 0, 0),
    null,
    null,
    null,
    of([1, 1, 1], 2),
  ];
  const c = sigmoid(0.3) * 2 + sigmoid(0.1) * Math.tanh(0.4);
  const [, h, cell] = op("LSTM", { hidden_size: 1 }).reference(inputs);
  near(cell, [c]);
  near(h, [sigmoid(0.2) * Math.tanh(c)]);
  const peepholes = of([1, 3], 1, 0, 0);
  near(op("LSTM", { hidden_size: 1 }).reference([...inputs, peepholes])[2], [
    sigmoid(0.3) * 2 + sigmoid(0.1 + 2) * Math.tanh(0.4),
  ]);
});

Deno.test("GRU mixes its state with the next, reset before or after the product", () => {
  const inputs = [
    of([1, 1, 1], 1),
    of([1, 3, 1], 0.1, 0.2, 0.3),
    of([1, 3, 1], 0, 0, 2),
    of([1, 6], 0, 0, 0, 0, 0, 1),
    null,
    of([1, 1, 1], 0.5),
  ];
  const [z, r] = [sigmoid(0.1), sigmoid(0.2)];
  near(op("GRU", { hidden_size: 1 }).reference(inputs)[1], [(1 - z) * Math.tanh(0.3 + 2 * r * 0.5 + 1) + z * 0.5]);
  near(op("GRU", { hidden_size: 1, linear_before_reset: 1 }).reference(inputs)[1], [
    (1 - z) * Math.tanh(0.3 + r * (2 * 0.5 + 1)) + z * 0.5,
  ]);
});

Deno.test("recurrent operators end each row of a batch at its own length", () => {
  const [w, r] = [random([2, 8, 3], 1), random([2, 8, 2], 2)];
  const lengths = tensor("i32", [2], [1, 2]);
  const both = op("LSTM", { hidden_size: 2, direction: "bidirectional" }).reference([
    random([2, 2, 3], 3),
    w,
    r,
    null,
    lengths,
  ]);
  assert.deepEqual(both.map(({ shape }) => shape), [[2, 2, 2, 2], [2, 2, 2], [2, 2, 2]]);
  const [y, h] = both as [Tensor, Tensor];
  assert.deepEqual([...y.data.subarray(8, 10)], [0, 0], "nothing after the end of row 0");
  assert.deepEqual([...y.data.subarray(0, 2)], [...h.data.subarray(0, 2)], "the last state of row 0 forwards");
  assert.deepEqual([...y.data.subarray(4, 6)], [...h.data.subarray(4, 6)], "the last state of row 0 backwards");
});

Deno.test("recurrent operators take batches first, and name an activation that they do not know", () => {
  const x = random([2, 3, 4], 1);
  const [w, r] = [random([1, 5, 4], 2), random([1, 5, 5], 3)];
  const turned = OPS["Transpose"]!(new Map([["perm", [1, 0, 2]]]), 14).reference([x])[0]!;
  const [plain] = op("RNN", { hidden_size: 5 }).reference([turned, w, r]);
  const [first] = op("RNN", { hidden_size: 5, layout: 1 }).reference([x, w, r]);
  assert.deepEqual(first!.shape, [2, 3, 1, 5]);
  assert.deepEqual([...first!.data.subarray(5, 10)], [...plain!.data.subarray(10, 15)]);
  assert.throws(() => op("RNN", { activations: ["Softmax"] }), { name: "TypeError", message: /"Softmax"/ });
});
