import assert from "node:assert/strict";
import { dropOf, isWithin } from "../../src/search/limit.ts";

const CASES: readonly [baseline: number, metric: number, "absolute" | "relative", drop: number][] = [
  [0.2923, 0.3185, "absolute", -0.0262],
  [0.3185, 0.2923, "absolute", 0.0262],
  [-0.2923, -0.3185, "relative", 0.0896339],
  [0.3185, 0.2923, "relative", 0.08226059],
  [0.2923, 0.3185, "relative", -0.0896339],
];

for (const [baseline, metric, type, drop] of CASES) {
  Deno.test(`dropOf() from ${baseline} to ${metric} is ${drop} (${type})`, () => {
    assert.ok(Math.abs(dropOf(metric, baseline, type) - drop) < 1e-7);
  });
}

Deno.test("dropOf() refuses a relative drop from 0", () => {
  assert.throws(() => dropOf(-0.1, 0, "relative"), { name: "RangeError", message: /baseline metric is 0/ });
});

Deno.test("isWithin() takes a drop that equals the limit but for rounding", () => {
  assert.ok(0.9 - 0.89 > 0.01);
  assert.ok(isWithin(0.9 - 0.89, 0.01));
  assert.ok(!isWithin(0.010001, 0.01));
});

Deno.test("isWithin() honours a negative limit", () => {
  assert.ok(!isWithin(0, -0.01));
  assert.ok(isWithin(-0.02, -0.01));
});
