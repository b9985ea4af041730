import assert from "node:assert/strict";
import fc from "fast-check";
import { costsOf, type CostUnit } from "../../src/search/costs.ts";
import { AccuracyDropError } from "../../src/search/errors.ts";
import { guided } from "../../src/search/guided.ts";
import { linear } from "../../src/search/linear.ts";
import { nncf } from "../../src/search/nncf.ts";
import type { SearchOutcome } from "../../src/search/outcome.ts";
import type { ProbeEvent, SearchEvent } from "../../src/search/progress.ts";
import { searchPlan, type SearchTask } from "../../src/search/search.ts";
import type { Strategy } from "../../src/search/strategy.ts";
import { type Classifier, classifierOf, type ClassifierOptions } from "./classifier.ts";

type Options = Partial<SearchTask<SearchOutcome>>;

function searchOn(classifier: Classifier, strategy: Strategy, options: Options = {}): Promise<SearchOutcome> {
  return searchPlan({
    ...{ evaluator: classifier, prepare: () => classifier.groups, strategy, finish: (outcome) => outcome },
    ...{ maxDrop: 0.01, dropType: "absolute", ...options },
  });
}

/** Two groups do most of the damage. */
const HARD: ClassifierOptions = { noise: [0.005, 1.2, 0.005, 0.01, 0.005, 1, 0.005, 0.01] };

Deno.test("guided() keeps all in INT8 where that holds the limit, for little more than two passes", async () => {
  const classifier = classifierOf({ noise: [0.01, 0.02, 0.01, 0.01] });
  const result = await searchOn(classifier, guided());
  assert.equal(result.plan.size, 0);
  assert.ok(result.reached && result.verified);
  assert.equal(classifier.ran(), 1200);
  assert.equal(result.itemInferences, 1200 + 64);
  assert.equal(result.int8Metric, result.metric);
});

Deno.test("guided() reverts the groups that do the damage, with fewer items than the other strategies", async () => {
  const run = async (strategy: Strategy) => await searchOn(classifierOf(HARD), strategy);
  const [own, one, other] = [await run(guided()), await run(linear()), await run(nncf())];
  assert.deepEqual([...own.plan].sort(), ["g1", "g5"]);
  assert.ok(own.itemInferences < one.itemInferences, `${own.itemInferences} against ${one.itemInferences}`);
  assert.ok(own.itemInferences < other.itemInferences / 2, `${own.itemInferences} against ${other.itemInferences}`);
  assert.ok(own.itemInferences < 4 * 600);
});

Deno.test("guided() measures the plan that it returns on all items, and its drop is exact", async () => {
  const classifier = classifierOf(HARD);
  const result = await searchOn(classifier, guided());
  assert.equal(result.drop, classifier.dropOf(result.plan));
  assert.ok(result.drop <= 0.01 && result.interval!.drop === result.drop);
  assert.ok(result.evaluations.some(({ plan, full }) => full && plan?.length === result.plan.size));
});

Deno.test("guided() stops early where everything in INT8 is hopeless", async () => {
  const result = await searchOn(classifierOf(HARD), guided());
  const first = result.evaluations.find(({ plan }) => plan?.length === 0)!;
  assert.ok(first.items <= 150, `${first.items} items`);
  assert.equal(result.int8Metric, null);
});

Deno.test("guided() tells how much each group matters", async () => {
  const result = await searchOn(classifierOf(HARD), guided());
  const ranked = result.sensitivities.toSorted((a, b) => b.divergence - a.divergence).map(({ group }) => group);
  assert.deepEqual(ranked.slice(0, 2).sort(), ["g1", "g5"]);
  assert.equal(result.reverted[0]!.reason.sensitivity, Math.max(...result.sensitivities.map((s) => s.divergence)));
  assert.match(result.advice[0]!, /Group "g[15]" \(1 operation\) costs most/);
});

Deno.test("guided() puts groups back that its order reverted in vain", async () => {
  // The forecasts of g1 are wrong: it seems to matter most and does nothing to validation items.
  const classifier = classifierOf({ noise: [0.005, 0, 0.005, 0.005, 1.2] });
  const forecast = classifier.forecast!;
  const deceived: Classifier = {
    ...classifier,
    async forecast(plan, count, kept) {
      const own = await forecast.call(classifier, plan, count, kept);
      return plan.has("g1") ? own : { ...own, divergence: own.divergence + 5 };
    },
  };
  const events: SearchEvent[] = [];
  const result = await searchOn(deceived, guided(), { onProgress: (event) => events.push(event) });
  assert.deepEqual([...result.plan], ["g4"]);
  const probes = events.filter((event): event is ProbeEvent => event.type === "probe").map(({ plan }) => plan.join(""));
  assert.ok(probes.includes("g1g4"), "g1 was reverted first");
});

Deno.test("guided() asks the items that changed where forecasts see no harm", async () => {
  // Validation items suffer from g6; unlabelled items show the same small change for every group.
  const classifier = classifierOf({ noise: [0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.3, 0.01, 0.01, 0.01] });
  const blind: Classifier = {
    ...classifier,
    forecast: (_, count) => {
      const [lost, gained] = [new Float32Array(600), new Float32Array(600)];
      return Promise.resolve({ divergence: 0.01, expected: { lost, gained }, cost: count });
    },
  };
  const result = await searchOn(blind, guided(), { maxDrop: 0.02 });
  assert.deepEqual([...result.plan], ["g6"]);
  assert.ok(result.itemInferences < 4 * 600, `${result.itemInferences}`);
});

Deno.test("guided() reverts what costs least for what it gives back", async () => {
  const noise = [0.005, 0.9, 0.005, 0.8, 0.005, 0.005];
  const costs = (unit: CostUnit, g1: number) => () =>
    Promise.resolve({
      unit,
      byGroup: new Map(["g0", "g1", "g2", "g3", "g4", "g5"].map((id) => [id, id === "g1" ? g1 : 1])),
    });
  // Either of the two noisy groups in FP32 is enough.
  const maxDrop = Math.max(...["g1", "g3"].map((id) => classifierOf({ noise }).dropOf(new Set([id]))));
  const plain = await searchOn(classifierOf({ noise }), guided(), { maxDrop, costs: costs("operations", 50) });
  assert.deepEqual([...plain.plan], ["g1"]);
  const cheap = await searchOn(classifierOf({ noise }), guided(), { maxDrop, costs: costs("ms", 50) });
  assert.ok(!cheap.plan.has("g1") && cheap.reached, [...cheap.plan].join());
  assert.ok(cheap.revertedShare.share < 0.1);
});

Deno.test("guided() says so where the limit needs more in FP32 than is allowed", async () => {
  await assert.rejects(searchOn(classifierOf(HARD), guided(), { maxRevertedShare: 0.2 }), (error) => {
    assert.ok(error instanceof AccuracyDropError);
    assert.equal(error.reason, "maxRevertedShare");
    assert.match(error.message, /with at most 0\.2 of the operations in FP32/);
    const best = error.best as SearchOutcome;
    assert.ok(best.plan.size <= 1);
    return true;
  });
});

Deno.test("guided() works with full passes where the metric is a number alone", async () => {
  const classifier = classifierOf(HARD);
  const { evaluate } = classifier;
  const number: Classifier = {
    ...classifier,
    kept: () => null,
    evaluate: async (plan, items) => (await evaluate.call(classifier, plan, items) as { metric: number }).metric,
  };
  const result = await searchOn(number, guided());
  assert.deepEqual([...result.plan].sort(), ["g1", "g5"]);
  assert.equal(result.interval, null);
  assert.ok(result.evaluations.every(({ full }) => full));
  assert.ok(result.itemInferences < 7 * 600, `${result.itemInferences}`);
});

Deno.test("guided() takes a metric that is no mean of its values as a whole", async () => {
  const classifier = classifierOf(HARD);
  const { evaluate } = classifier;
  const squared: Classifier = {
    ...classifier,
    kept: () => null,
    async evaluate(plan, items) {
      const { metric, perItem } = await evaluate.call(classifier, plan, items) as { metric: number; perItem: number[] };
      return { metric: metric ** 2, perItem };
    },
  };
  const result = await searchOn(squared, guided());
  assert.ok(result.reached && result.evaluations.every(({ full }) => full));
  assert.equal(result.interval, null);
});

Deno.test("guided() notices in a block that the metric is no mean after all", async () => {
  // The baseline is 1 by both definitions; any plan tells them apart.
  const perfect = (count: number) => ({ metric: 1, perItem: new Array<number>(count).fill(1) });
  const result = await searchPlan({
    evaluator: {
      items: 300,
      evaluate: (plan, items) => {
        const count = items?.length ?? 300;
        if (plan === null || plan.has("g1")) return Promise.resolve(perfect(count));
        return Promise.resolve({ metric: 0.5, perItem: Array.from({ length: count }, (_, i) => i % 4 === 0 ? 0 : 1) });
      },
    },
    prepare: () => classifierOf({ noise: [0, 0, 0] }).groups,
    ...{ maxDrop: 0.01, dropType: "absolute", strategy: guided(), finish: (outcome: SearchOutcome) => outcome },
  });
  assert.deepEqual([...result.plan], ["g1"]);
  assert.equal(result.metric, 1);
});

Deno.test("guided() works with values per item that are no shares of classes", async () => {
  const classifier = classifierOf(HARD);
  const { evaluate } = classifier;
  const real: Classifier = {
    ...classifier,
    kept: () => null,
    async evaluate(plan, items) {
      const { perItem } = await evaluate.call(classifier, plan, items) as { metric: number; perItem: number[] };
      const values = perItem.map((value, i) => 20 + 10 * value - (i % 7) / 7);
      return { metric: values.reduce((a, b) => a + b, 0) / values.length, perItem: values };
    },
  };
  const result = await searchOn(real, guided(), { maxDrop: 0.2 });
  assert.ok(result.reached && result.plan.size <= 3, [...result.plan].join());
});

Deno.test("guided() ends within the limit with every kind of noise, and seldom reverts more than linear()", async () => {
  const model = fc.record({
    noise: fc.array(fc.constantFrom(0, 0.05, 0.1, 0.3, 0.6, 1.2, 3), { minLength: 1, maxLength: 9 }),
    seed: fc.integer({ min: 1, max: 1000 }),
    maxDrop: fc.constantFrom(0, 0.005, 0.01, 0.05),
    unit: fc.constantFrom<CostUnit>("operations", "macs"),
    confidence: fc.constantFrom(null, null, 0.84),
  });
  await fc.assert(
    fc.asyncProperty(model, async ({ noise, seed, maxDrop, unit, confidence }) => {
      const make = (): Classifier => classifierOf({ noise, seed, items: 300, unlabelled: 24 });
      const byGroup = new Map(make().groups.map(({ id }, i) => [id, 1 + (i % 3)]));
      const options: Options = { maxDrop, confidence, strict: false, costs: () => Promise.resolve({ unit, byGroup }) };
      const classifier = make();
      const result = await searchOn(classifier, guided(), options);
      assert.ok(result.reached || confidence !== null, `drop ${result.drop}`);
      assert.equal(result.drop, classifier.dropOf(result.plan));
      assert.ok(classifier.ran() <= 300 * (3 + noise.length));
      const other = await searchOn(make(), linear(), options);
      if (unit === "operations") assert.ok(result.plan.size <= other.plan.size + 2, `${result.plan.size}`);
      assert.equal(costsOf(classifier.groups, byGroup, unit).shareOf(result.plan), result.revertedShare.share);
    }),
    { numRuns: 25 },
  );
});
