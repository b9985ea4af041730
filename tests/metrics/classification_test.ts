import assert from "node:assert/strict";
import { argmax, f1Score, isInTopK } from "../../src/metrics/classification.ts";

Deno.test("isInTopK() counts equal scores of lower index as greater", () => {
  const scores = [0.1, 0.5, 0.5, 0.2];
  assert.deepEqual([0, 1, 2, 3].map((label) => isInTopK(scores, label, 1)), [false, true, false, false]);
  assert.deepEqual([0, 1, 2, 3].map((label) => isInTopK(scores, label, 2)), [false, true, true, false]);
  assert.deepEqual([0, 1, 2, 3].map((label) => isInTopK(scores, label, 3)), [false, true, true, true]);
  assert.equal(isInTopK([NaN, 1], 0, 2), false);
  assert.throws(() => isInTopK(scores, 4, 1), /Label 4 is not a class: there are 4 scores/);
});

Deno.test("isInTopK() with k = 1 agrees with argmax()", () => {
  for (const scores of [[3, 1, 2], [1, 3, 3], [-1, -2, -0.5], [0, 0, 0]]) {
    scores.forEach((_, label) => assert.equal(isInTopK(scores, label, 1), argmax(scores) === label));
  }
  assert.equal(argmax([NaN, NaN]), -1);
});

Deno.test("f1Score() agrees with scikit-learn 1.9", () => {
  const [predicted, truth] = [[0, 1, 2, 2, 1, 0, 1], [0, 2, 2, 1, 1, 0, 0]];
  assert.ok(Math.abs(f1Score(predicted, truth) - 0.5666666666666668) < 1e-15);
  assert.equal(f1Score(predicted, truth, 1), 0.4);
  assert.equal(f1Score(predicted, truth, 9), 0);
  assert.throws(() => f1Score([1], truth), /1 predictions for 7 items/);
});
