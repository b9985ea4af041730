import assert from "node:assert/strict";
import { AccuracyDropError, SearchInterruptedError } from "../../src/search/errors.ts";
import { guided } from "../../src/search/guided.ts";
import type { SearchOutcome } from "../../src/search/outcome.ts";
import { searchPlan, type SearchTask } from "../../src/search/search.ts";
import { classifierOf } from "./classifier.ts";

const NOISE = [0.005, 1.2, 0.01, 0.7, 0.005, 0.5, 0.01];

function run(options: Partial<SearchTask<SearchOutcome>>): Promise<SearchOutcome> {
  const classifier = classifierOf({ noise: NOISE });
  return searchPlan({
    ...{ evaluator: classifier, prepare: () => classifier.groups, strategy: guided() },
    ...{ maxDrop: 0.01, dropType: "absolute", finish: (outcome) => outcome, ...options },
  });
}

for (const budget of [{ items: 900 }, { evaluations: 5 }, { seconds: 1e-6 }]) {
  Deno.test(`a search ends with what it has where ${JSON.stringify(budget)} is spent`, async () => {
    await assert.rejects(run({ budget }), (error) => {
      if ("seconds" in budget) {
        assert.ok(error instanceof SearchInterruptedError && error.best === null);
        return true;
      }
      assert.ok(error instanceof AccuracyDropError && error.reason === "budget");
      const best = error.best as SearchOutcome;
      assert.deepEqual([best.status, best.reached, best.verified], ["budget_exhausted", false, false]);
      assert.match(error.message, /Budget of \d+ (items|evaluations) spent/);
      assert.ok(best.itemInferences < 1400);
      assert.match(best.advice.join(), /with the same journal/);
      return true;
    });
  });
}

Deno.test("a search gives the best plan that it has when its budget is spent, however large that is", async () => {
  const whole = await run({});
  let reached = 0;
  for (let items = 700; items <= whole.itemInferences + 100; items += 100) {
    const result = await run({ budget: { items }, strict: false });
    assert.ok(result.itemInferences <= items + 600, "at most one evaluation more");
    if (result.reached) reached++;
    if (result.reached) assert.ok(result.verified && result.drop <= 0.01);
    else assert.equal(result.status, "budget_exhausted");
  }
  assert.ok(reached >= 1);
});

Deno.test("a budget must be numbers above 0", async () => {
  await assert.rejects(run({ budget: { items: 0 } }), {
    name: "RangeError",
    message: /"budget.items".*: current value is 0/,
  });
});
