import assert from "node:assert/strict";
import { meanSquaredError, peakSignalToNoise, pearson, spearman } from "../../src/metrics/regression.ts";

Deno.test("meanSquaredError() and peakSignalToNoise() by hand", () => {
  assert.equal(meanSquaredError([1, 2, 3], [1, 0, 0]), 13 / 3);
  assert.ok(Math.abs(peakSignalToNoise([0, 10], [0, 0], 255) - 10 * Math.log10(255 ** 2 / 50)) < 1e-12);
  assert.equal(peakSignalToNoise([1], [1], 1), Infinity);
  assert.throws(() => meanSquaredError([1], [1, 2]), /one length, got 1 and 2/);
  assert.throws(() => meanSquaredError([], []), /empty/);
});

Deno.test("pearson() and spearman() agree with SciPy 1.17, ties included", () => {
  const [a, b] = [[1, 2, 2, 5, 4, 7, 1], [2, 1, 4, 4, 6, 6, 0]];
  assert.ok(Math.abs(pearson(a, b) - 0.8006407690254356) < 1e-12);
  assert.ok(Math.abs(spearman(a, b) - 0.8055555555555557) < 1e-12);
  assert.ok(Number.isNaN(pearson([1, 1], [1, 2])));
});
