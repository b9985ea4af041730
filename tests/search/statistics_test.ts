import assert from "node:assert/strict";
import fc from "fast-check";
import { randomFrom } from "../../src/search/order.ts";
import { binomialLimits, intervalOf, itemsNeeded, normalQuantile, upperBound } from "../../src/search/statistics.ts";

const near = (value: number, wanted: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(value - wanted) <= tolerance, `${value} is not ${wanted}`);

/** `count` items, of which some are lost and some gained. */
function changed(count: number, lost: number, gained: number): [before: number[], after: number[]] {
  const before = Array.from({ length: count }, (_, i) => i < count - gained ? 1 : 0);
  return [before, before.map((value, i) => i < lost ? 0 : i >= count - gained ? 1 : value)];
}

for (
  const [probability, quantile] of [
    [0.5, 0],
    [0.84, 0.994457883209753],
    [0.975, 1.959963984540054],
    [1e-6, -4.753424308822899],
  ] as const
) {
  Deno.test(`normalQuantile() of ${probability} is ${quantile}`, () =>
    near(normalQuantile(probability), quantile, 1e-8));
}

for (
  // scipy.stats.beta.ppf(tail, k, n - k + 1) and ppf(1 - tail, k + 1, n - k)
  const [count, items, tail, low, high] of [
    [2, 286, 0.025, 0.0008480103933085091, 0.025031458100780335],
    [0, 286, 0.025, 0, 0.012815354866855401],
    [5, 100, 0.16, 0.028655120792311084, 0.0822486944512644],
    [286, 286, 0.025, 1 - 0.012815354866855401, 1],
  ] as const
) {
  Deno.test(`binomialLimits() of ${count} in ${items} are [${low}, ${high}]`, () => {
    const limits = binomialLimits(count, items, tail);
    near(limits[0], low, 1e-9);
    near(limits[1], high, 1e-9);
  });
}

Deno.test("intervalOf() follows the closed form where many items changed", () => {
  const interval = intervalOf(...changed(1000, 25, 15));
  near(interval.drop, 0.01);
  near(interval.standardError, Math.sqrt((0.04 - 0.0001) / 1000));
  near(interval.high, 0.01 + 1.959963984540054 * interval.standardError, 1e-8);
  assert.deepEqual([interval.lost, interval.gained, interval.method], [25, 15, "normal"]);
});

Deno.test("intervalOf() is exact where few items changed", () => {
  const interval = intervalOf(...changed(286, 2, 0));
  assert.equal(interval.method, "exact");
  near(interval.high, 0.025031458100780335, 1e-9);
  assert.ok(interval.low < 0 && interval.low > -0.013);
});

Deno.test("intervalOf() does not claim certainty where nothing changed", () => {
  const { low, high, standardError } = intervalOf(...changed(286, 0, 0));
  assert.equal(standardError, 0);
  near(high, 0.012815354866855401, 1e-9);
  near(low, -0.012815354866855401, 1e-9);
});

Deno.test("intervalOf() takes values that are no zeros and ones by their variance", () => {
  const before = [1, 2, 3, 4];
  const interval = intervalOf(before, [0.5, 2, 3, 3.5]);
  assert.deepEqual([interval.method, interval.drop, interval.lost], ["normal", 0.25, 2]);
  near(interval.standardError, Math.sqrt(0.0625 / 4));
});

Deno.test("intervalOf() holds the true drop in 95 of 100 samples, at least", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.constantFrom([0.03, 0.02], [0.005, 0.002], [0.1, 0]),
      (seed, rates) => {
        const random = randomFrom(seed);
        const [lost, gained] = rates as [number, number];
        let held = 0;
        for (let run = 0; run < 200; run++) {
          const changes = Array.from({ length: 500 }, random);
          const before = changes.map((u) => u < lost ? 1 : u < lost + gained ? 0 : 1);
          const after = changes.map((u) => u < lost ? 0 : 1);
          const { low, high } = intervalOf(before, after);
          if (low <= lost - gained && lost - gained <= high) held++;
        }
        assert.ok(held >= 180, `${held} of 200`);
      },
    ),
    { numRuns: 10 },
  );
});

Deno.test("upperBound() grows with the confidence and lies above the drop", () => {
  const pair = changed(1000, 25, 15);
  near(upperBound(...pair, 0.5), 0.01, 1e-9);
  near(upperBound(...pair, 0.84), 0.01 + 0.994457883209753 * Math.sqrt(0.0399 / 1000), 1e-8);
  assert.ok(upperBound(...changed(286, 2, 0), 0.95) > upperBound(...changed(286, 2, 0), 0.84));
});

Deno.test("itemsNeeded() says how many items resolve a limit", () => {
  const { standardError } = intervalOf(...changed(1000, 25, 15));
  assert.equal(itemsNeeded(standardError, 1000, 0.01), Math.ceil(0.0399 * 164 ** 2));
  assert.equal(itemsNeeded(0, 1000, 0.01), null);
  assert.equal(itemsNeeded(standardError, 1000, 0), null);
});
