import assert from "node:assert/strict";
import { disagreement } from "./agreement.ts";
import {
  geometricMean,
  largestDifference,
  median,
  roundsFor,
  sameTop,
  signalToNoise,
  takesPart,
} from "./statistics.ts";

Deno.test("median() is the middle, or the mean of both in the middle", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([9, 1, 5, 7]), 6);
  assert.equal(median([10, 9]), 9.5);
});

Deno.test("geometricMean() of a ratio and its inverse is 1", () => {
  assert.equal(geometricMean([4, 0.25]), 1);
  assert(Math.abs(geometricMean([2, 8]) - 4) < 1e-12);
  assert(Number.isNaN(geometricMean([])));
});

Deno.test("roundsFor() gives slow runs fewer rounds", () => {
  assert.deepEqual([1, 500, 2500, 3001, 60_000].map((ms) => roundsFor(ms, 9)), [9, 6, 3, 2, 2]);
  assert.equal(roundsFor(60_000, 1), 1);
});

Deno.test("takesPart() spreads the rounds evenly", () => {
  const part = (own: number, all: number) =>
    Array.from({ length: all }, (_, round) => takesPart(round, own, all) ? "x" : ".").join("");
  assert.equal(part(3, 9), "..x..x..x");
  assert.equal(part(2, 9), "....x...x");
  assert.equal(part(9, 9), "xxxxxxxxx");
});

Deno.test("largestDifference() is a share of the largest magnitude", () => {
  assert.equal(largestDifference([1, -3.5], [1, -4]), 0.125);
  assert.equal(largestDifference([0, 0], [0, 0]), 0);
  assert.equal(largestDifference([1], [0]), Infinity);
});

Deno.test("sameTop() counts rows", () => {
  assert.equal(sameTop([1, 2, /**/ 4, 3], [0, 9, /**/ 1, 5], 2), 0.5);
});

Deno.test("signalToNoise() is 20 dB where the noise is a tenth", () => {
  assert(Math.abs(signalToNoise([11, -9], [10, -10]) - 20) < 1e-9);
  assert.equal(signalToNoise([1], [1]), Infinity);
});

const FP32 = { precision: "FP32", classes: null, int8Decibels: Infinity } as const;
const INT8 = { ...FP32, precision: "INT8" } as const;

Deno.test("disagreement() of FP32 is judged by the largest value", () => {
  assert.equal(disagreement([1000, 0.9], [1000, 0], FP32), null);
  assert.match(disagreement([1000, 1.1], [1000, 0], FP32)!, /differs by 1\.1e-3 of the largest value/);
});

Deno.test("disagreement() of INT8 is judged by classes, or by noise", () => {
  assert.equal(disagreement([1, 9], [1, 2], { ...INT8, classes: 2 }), null);
  assert.match(disagreement([9, 1], [1, 2], { ...INT8, classes: 2 })!, /0 % of rows/);
  assert.match(disagreement([11, -9], [10, -10], INT8)!, /20\.0 dB .* at least 25\.0 dB/);
  assert.equal(disagreement([11, -9], [10, -10], { ...INT8, int8Decibels: 19 }), null);
});

Deno.test("disagreement() tells of missing and of broken numbers", () => {
  for (const comparison of [FP32, INT8, { ...INT8, classes: 1 }]) {
    assert.match(disagreement([1], [1, 2], comparison)!, /1 numbers instead of 2/);
    assert.match(disagreement([NaN, 2], [1, 2], comparison)!, /not finite/);
  }
});
