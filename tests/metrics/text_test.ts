import assert from "node:assert/strict";
import fc from "fast-check";
import {
  characterErrorRate,
  editDistance,
  exactMatch,
  perplexity,
  tokenLoss,
  wordErrorRate,
} from "../../src/metrics/text.ts";

const TEXTS = [
  { truth: "the cat sat on the mat", predicted: "the cat sit on mat" },
  { truth: "hello", predicted: "hello there" },
];

Deno.test("wordErrorRate() and characterErrorRate() agree with jiwer 4.0", () => {
  assert.ok(Math.abs(wordErrorRate(TEXTS) - 0.42857142857142855) < 1e-15);
  assert.ok(Math.abs(characterErrorRate(TEXTS) - 0.4074074074074074) < 1e-15);
});

Deno.test("exactMatch() is the share of texts that are right", () => {
  assert.equal(exactMatch([...TEXTS, { truth: "a", predicted: "a" }, { truth: "", predicted: "" }]), 0.5);
});

Deno.test("editDistance() is a metric", () => {
  const text = fc.string({ maxLength: 8 });
  fc.assert(fc.property(text, text, text, (a, b, c) => {
    assert.equal(editDistance(a, b) === 0, a === b);
    assert.equal(editDistance(a, b), editDistance(b, a));
    assert.ok(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c));
    assert.ok(editDistance(a, b) >= Math.abs(a.length - b.length));
  }));
  assert.equal(editDistance("kitten", "sitting"), 3);
});

Deno.test("tokenLoss() is the cross entropy, whatever the size of the scores", () => {
  assert.ok(Math.abs(tokenLoss([0, 0, 0, 0], 2) - Math.log(4)) < 1e-15);
  assert.ok(Math.abs(tokenLoss([1000, 999], 1) - Math.log(1 + Math.E)) < 1e-12);
  assert.ok(Math.abs(perplexity([Math.log(2), Math.log(8)]) - 4) < 1e-12);
  assert.throws(() => tokenLoss([1, 2], 2), /Token 2 has no score: there are 2/);
});
