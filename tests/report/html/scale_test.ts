import assert from "node:assert/strict";
import fc from "fast-check";
import { linearScale, logScale, padded, signedLogScale } from "../../../src/report/html/scale.ts";

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6 * Math.max(1, Math.abs(a), Math.abs(b));

Deno.test("linearScale() maps its domain onto its range, with round ticks inside", () => {
  const scale = linearScale([0, 0.25], [100, 600], 6);
  assert.deepEqual([scale.at(0), scale.at(0.25)], [100, 600]);
  assert.deepEqual(scale.ticks.map(scale.text), ["0", "0.05", "0.10", "0.15", "0.20", "0.25"]);
  assert.deepEqual(linearScale([-30, 1234], [0, 1], 5).ticks, [0, 500, 1000]);
});

Deno.test("linearScale() keeps to the number of ticks for any domain", () => {
  fc.assert(fc.property(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
    fc.integer({ min: 2, max: 12 }),
    (low, span, count) => {
      const { ticks, at } = linearScale([low, low + span], [0, 1], count);
      assert.ok(ticks.length <= count + 1);
      for (const tick of ticks) assert.ok(at(tick) > -1e-3 && at(tick) < 1 + 1e-3);
    },
  ));
});

Deno.test("linearScale() of a single number has a width", () => {
  const { at } = linearScale([3, 3], [0, 100], 4);
  assert.deepEqual([at(3), at(4)], [0, 100]);
});

Deno.test("logScale() gives each power of ten the same room", () => {
  const scale = logScale([0.001, 10], [0, 400]);
  assert.deepEqual(scale.ticks.map(scale.text), ["0.001", "0.01", "0.1", "1", "10"]);
  assert.ok(near(scale.at(0.1), 200));
  assert.equal(scale.at(1e-9), 0);
});

Deno.test("signedLogScale() grows through 0, alike on both sides", () => {
  const scale = signedLogScale([-100, 100], [0, 200], 1);
  assert.ok(near(scale.at(0), 100));
  assert.ok(near(scale.at(30) - 100, 100 - scale.at(-30)));
  assert.ok(scale.at(-100) === 0 && scale.at(100) === 200 && scale.at(5) < scale.at(6));
  assert.deepEqual(scale.ticks.map(scale.text), ["-100", "-10", "0", "10", "100"]);
});

Deno.test("padded() leaves room on both sides", () => {
  assert.deepEqual(padded([0, 10], 0.1), [-1, 11]);
  const [low, high] = padded([5, 5]);
  assert.ok(low < 5 && high > 5);
});
