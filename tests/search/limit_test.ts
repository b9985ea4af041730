import assert from "node:assert/strict";
import { isWithin, limitOf } from "../../src/search/limit.ts";

const measured = (metric: number, perItem: number[] | null = null) => ({ metric, perItem });

const CASES: readonly [baseline: number, metric: number, "absolute" | "relative", drop: number][] = [
  [0.2923, 0.3185, "absolute", -0.0262],
  [0.3185, 0.2923, "absolute", 0.0262],
  [-0.2923, -0.3185, "relative", 0.0896339],
  [0.3185, 0.2923, "relative", 0.08226059],
  [0.2923, 0.3185, "relative", -0.0896339],
];

for (const [baseline, metric, dropType, drop] of CASES) {
  Deno.test(`limitOf() counts from ${baseline} to ${metric} a drop of ${drop} (${dropType})`, () => {
    const { dropOf } = limitOf(measured(baseline), { maxDrop: 0, dropType });
    assert.ok(Math.abs(dropOf(measured(metric)) - drop) < 1e-7);
  });
}

Deno.test("limitOf() refuses a relative drop from 0", () => {
  assert.throws(() => limitOf(measured(0), { maxDrop: 0.01, dropType: "relative" }), {
    name: "RangeError",
    message: /baseline metric is 0/,
  });
});

/** 1000 items of which `right` are right. */
const items = (right: number): number[] => Array.from({ length: 1000 }, (_, i) => i < right ? 1 : 0);

Deno.test("limitOf() keeps a limit of 2 in 1000 with 2 items lost, and not with 3", () => {
  assert.ok(0.915 - 0.913 > 0.002);
  const { accepts, dropOf } = limitOf(measured(0.915, items(915)), {
    ...{ maxDrop: 0.002, dropType: "absolute", additive: () => true },
  });
  assert.equal(dropOf(measured(0.913, items(913))), 0.002);
  assert.ok(accepts(measured(0.913, items(913))));
  assert.ok(!accepts(measured(0.912, items(912))));
});

Deno.test("limitOf() gives the permitted drop in units of the metric", () => {
  assert.equal(limitOf(measured(-20), { maxDrop: 0.1, dropType: "relative" }).absolute, 2);
});

Deno.test("limitOf() accepts with confidence only what is surely within the limit", () => {
  const limit = (confidence: number) =>
    limitOf(measured(0.9, items(900)), { maxDrop: 0.02, dropType: "absolute", confidence, additive: () => true });
  const lost = (count: number) => measured(0.9 - count / 1000, items(900 - count));
  // 10 lost: 0.01 + z * 0.00315; z is 0.99 and 3.09.
  assert.ok(limit(0.84).accepts(lost(10)));
  assert.ok(limit(0.99).accepts(lost(10)));
  assert.ok(!limit(0.9999).accepts(lost(10)));
  assert.ok(!limit(0.84).accepts(lost(18)));
});

Deno.test("limitOf() refuses confidence without values per item", () => {
  assert.throws(() => limitOf(measured(1), { maxDrop: 0.01, dropType: "absolute", confidence: 0.9 }), {
    name: "RangeError",
    message: /"confidence" needs .*perItem/,
  });
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
