import assert from "node:assert/strict";
import { divergence, nmse } from "../../src/search/divergence.ts";
import { logarithms, softmax } from "../../src/search/scores.ts";
import { alignedError, expectedChanges, expectedDrop, keepScores, rankOrder } from "../../src/search/surrogate.ts";

const near = (value: number, wanted: number): void =>
  assert.ok(Math.abs(value - wanted) < 1e-6, `${value}, not ${wanted}`);
const output = (...data: number[]) => [{ data, last: data.length }];

Deno.test("nmse() is the squared error as a share of the squares", () => {
  near(nmse([2, 1, -1], [-2, 4, 1]), 4.833333333);
  near(nmse([-2, 4, 1], [2, 1, -1]), 1.380952381);
  assert.equal(nmse([1, 2], [1, 2]), 0);
  assert.ok(Number.isFinite(nmse([0, 0], [1, 0])));
});

Deno.test("divergence() of scores is that of their softmax", () => {
  const [p, q] = [[0.5, 0.5], [0.9, 0.1]];
  const wanted = p.reduce((sum, own, i) => sum + own * Math.log(own / q[i]!), 0);
  near(divergence(output(...p.map(Math.log)), output(...q.map((x) => 5 + Math.log(x))), "kl"), wanted);
  assert.equal(divergence(output(3, 1), output(4, 2), "kl"), 0);
});

Deno.test("divergence() of several rows is their mean, and of other outputs their mean error", () => {
  const rows = (...data: number[]) => [{ data, last: 2 }];
  const one = divergence(output(0, 0), output(1, 0), "kl");
  near(divergence(rows(0, 0, 7, 7), rows(1, 0, 7, 7), "kl"), one / 2);
  near(divergence([...output(1), ...output(2)], [...output(2), ...output(2)], "nmse"), 0.5);
});

Deno.test("softmax() and logarithms() undo each other", () => {
  const p = [0.2, 0.5, 0.3];
  softmax(logarithms(p)).forEach((value, i) => near(value, p[i]!));
  assert.ok(Number.isFinite(logarithms([0])[0]!));
});

Deno.test("alignedError() sorts the changes by the FP32 scores", () => {
  assert.deepEqual([...rankOrder([1, 3, 2, 3])], [1, 3, 2, 0]);
  assert.deepEqual([...alignedError([1, 3, 2], [1.5, 2, 2.25])], [-1, 0.25, 0.5]);
});

const top1 = (labels: readonly number[]) => (scores: ArrayLike<number>, item: number): number =>
  Array.from(scores).indexOf(Math.max(...Array.from(scores))) === labels[item] ? 1 : 0;

Deno.test("expectedChanges() puts errors on the scores of labelled items, greatest to greatest", () => {
  const keeper = keepScores(3);
  [[5, 1, 0], [1, 1.5, 0], [0, 2, 2.5]].forEach((scores) => keeper.add(scores));
  const errors = [Float32Array.of(-1, 0, 0), Float32Array.of(0, 0, 0)];
  // Item 0 keeps its class; item 1 loses it to the first error; item 2 was wrong and gains by it.
  const expected = expectedChanges(keeper.finish(), [1, 1, 0], errors, top1([0, 1, 1]));
  assert.deepEqual([[...expected.lost], [...expected.gained]], [[0, 0.5, 0], [0, 0, 0.5]]);
  assert.equal(expectedDrop(expected), 0);
});

Deno.test("keepScores() keeps the greatest scores where there are many", () => {
  const keeper = keepScores(1 << 17);
  const scores = Float32Array.from({ length: 1000 }, (_, i) => (i * 37) % 1000);
  keeper.add(scores);
  const { kept, classes, values, labels } = keeper.finish();
  assert.deepEqual([kept, classes], [16, 1000]);
  assert.deepEqual([...values.subarray(0, 16)], Array.from({ length: 16 }, (_, i) => 999 - i));
  assert.ok(labels.subarray(0, 16).every((label, i) => scores[label] === 999 - i));
});
