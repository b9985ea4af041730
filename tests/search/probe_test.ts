import assert from "node:assert/strict";
import { randomFrom } from "../../src/search/order.ts";
import { judge, type Seen } from "../../src/search/probe.ts";

/** 1000 items, 900 of them right; of the first `seen`, `lost` are lost. */
function seenOf(seen: number, lost: number, parts: Partial<Seen> = {}): Seen {
  const baseline = Array.from({ length: 1000 }, (_, i) => i % 10 === 9 ? 0 : 1);
  let left = lost;
  const values = baseline.map((value, i) => i >= seen ? NaN : value === 1 && left-- > 0 ? 0 : value);
  return { baseline, values, expected: null, limit: 10, confidence: null, certain: false, ...parts };
}

const none = new Float32Array(1000);

Deno.test("judge() needs two blocks before it guesses", () => {
  assert.equal(judge(seenOf(99, 60)).verdict, null);
  assert.equal(judge(seenOf(100, 60)).verdict, "fail");
});

Deno.test("judge() fails for certain where even gains of all other items would not do", () => {
  // 90 wrong items are among the 900 left: 101 lost cannot come back to 10.
  assert.equal(judge(seenOf(99, 89, { certain: true, limit: 0 })).verdict, null);
  const baseline = new Array<number>(200).fill(1);
  const values = baseline.map((_, i) => i < 11 ? 0 : NaN);
  const seen = { baseline, values, expected: null, limit: 10, confidence: null, certain: true };
  assert.equal(judge(seen).verdict, "fail");
  assert.equal(judge({ ...seen, limit: 11 }).verdict, null);
});

Deno.test("judge() takes what only seems so for no final verdict", () => {
  assert.equal(judge(seenOf(500, 0)).verdict, "likely");
  assert.equal(judge(seenOf(500, 0, { certain: true })).verdict, null);
  assert.equal(judge(seenOf(500, 30)).verdict, "fail");
  assert.equal(judge(seenOf(500, 30, { certain: true })).verdict, null);
});

Deno.test("judge() asks for more items near the limit", () => {
  assert.equal(judge(seenOf(500, 5)).verdict, null);
});

Deno.test("judge() extrapolates by what was expected of the rest", () => {
  // All that was expected to change has been seen: nothing more will come.
  const lost = Float32Array.from({ length: 1000 }, (_, i) => i < 100 ? 0.15 : 0);
  const expected = { lost, gained: none };
  assert.equal(judge(seenOf(100, 2, { expected })).verdict, "likely");
  assert.equal(judge(seenOf(100, 22, { expected })).verdict, "fail");
  // The same losses, with as much expected of the 900 left.
  const more = { lost: new Float32Array(1000).fill(0.02), gained: none };
  const { verdict, drop } = judge(seenOf(100, 2, { expected: more }));
  assert.equal(verdict, null);
  assert.ok(Math.abs(drop - 0.02) < 1e-6, `${drop}`);
});

Deno.test("judge() leaves a margin where confidence is asked for", () => {
  const lost = Float32Array.from({ length: 1000 }, (_, i) => i < 100 ? 0.04 : 0);
  const expected = { lost, gained: none };
  assert.equal(judge(seenOf(100, 4, { expected })).verdict, "likely");
  assert.equal(judge(seenOf(100, 4, { expected, confidence: 0.95 })).verdict, null);
});

Deno.test("judge() judges values of any size", () => {
  const baseline = new Array<number>(1000).fill(30);
  const values = baseline.map((value, i) => i < 200 ? value - 0.5 - (i % 3) / 10 : NaN);
  const seen = { baseline, values, expected: null, confidence: null, certain: false };
  assert.equal(judge({ ...seen, limit: 100 }).verdict, "fail");
  assert.equal(judge({ ...seen, limit: 2000 }).verdict, "likely");
});

Deno.test("judge() is seldom wrong on items in a random order", () => {
  let wrong = 0;
  for (let run = 0; run < 300; run++) {
    const random = randomFrom(run + 1);
    const rate = 0.03 * random();
    const baseline = Array.from({ length: 1000 }, (): number => random() < 0.9 ? 1 : 0);
    const after = baseline.map((value) => random() < rate ? 1 - value : value);
    const drop = baseline.reduce((sum, value, i) => sum + value - after[i]!, 0);
    for (let seen = 100; seen < 1000; seen += 50) {
      const values = after.map((value, i) => i < seen ? value : NaN);
      const { verdict } = judge({ baseline, values, expected: null, limit: 10, confidence: null, certain: false });
      if (verdict === null) continue;
      if ((verdict === "fail") !== (drop > 10)) wrong++;
      break;
    }
  }
  assert.ok(wrong <= 12, `${wrong} of 300`);
});
