import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";

const op = (name: string, attributes: Record<string, number | string> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 13);
const logs = tensor("f32", [2, 2], [-1, -2, -3, -4]);
const target = i64([1, 0]);
const weights = tensor("f32", [2], [1, 3]);
const nll = (attributes: Record<string, number | string>, ...more: (typeof weights)[]) =>
  Array.from(op("NegativeLogLikelihoodLoss", attributes).reference([logs, target, ...more])[0]!.data);

Deno.test("NegativeLogLikelihoodLoss takes minus the logarithm of the wanted class", () => {
  assert.deepEqual(nll({ reduction: "none" }), [2, 3]);
  assert.deepEqual(nll({ reduction: "sum" }), [5]);
  assert.deepEqual(nll({}), [2.5]);
  assert.deepEqual(nll({}, weights), [9 / 4]);
  assert.deepEqual(nll({ ignore_index: 0 }), [2]);
});

Deno.test("SoftmaxCrossEntropyLoss takes scores, and gives their log-probabilities too", () => {
  const scores = tensor("f32", [1, 2], [Math.log(3), 0]);
  const [loss, own] = op("SoftmaxCrossEntropyLoss").reference([scores, i64([1])]);
  assert(Math.abs(loss!.data[0]! - Math.log(4)) < 1e-6);
  assert(Math.abs(own!.data[0]! - Math.log(0.75)) < 1e-6);
  assert.deepEqual(op("SoftmaxCrossEntropyLoss").infer([scores, i64([1])]).map(({ shape }) => shape), [[], [1, 2]]);
  assert.throws(() => op("SoftmaxCrossEntropyLoss", { reduction: "max" }), { name: "TypeError", message: /"max"/ });
});
