import assert from "node:assert/strict";
import fc from "fast-check";
import {
  AccuracyDropError,
  BaselineMismatchError,
  InvalidMetricError,
  SearchInterruptedError,
} from "../../src/search/errors.ts";
import type { SearchOutcome } from "../../src/search/outcome.ts";
import { additive, type Call, lettersOf, search } from "./synthetic.ts";

const MISSED = new Map(Object.entries({ "": .9, a: .95, b: .8, ab: .92 }));

Deno.test("searchPlan() throws with the least drop found where the limit cannot be reached", async () => {
  const run = search({ ids: "ab", metric: (plan) => MISSED.get(plan)!, maxRevertedShare: 0.5 });
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof AccuracyDropError);
    const best = error.best as SearchOutcome;
    assert.equal(lettersOf(best.plan), "a");
    assert.deepEqual([best.reached, best.status, best.metric], [false, "not_reached", .95]);
    assert.match(error.message, /1 of 2 groups in FP32/);
    return true;
  });
});

Deno.test("searchPlan() returns the least drop found where it is not strict", async () => {
  const task = { ids: "ab", metric: (plan: string) => MISSED.get(plan)!, maxRevertedShare: 0.5, strict: false };
  const result = await search(task);
  assert.deepEqual([lettersOf(result.plan), result.status], ["a", "not_reached"]);
});

Deno.test("searchPlan() says so where not even the plan with all in FP32 keeps to the limit", async () => {
  await assert.rejects(search({ ids: "ab", metric: (plan) => MISSED.get(plan)! }), (error) => {
    assert.ok(error instanceof BaselineMismatchError);
    assert.match(error.message, /all 2 groups in FP32 has a metric of 0\.92 against 1/);
    assert.equal(lettersOf((error as BaselineMismatchError<SearchOutcome>).best.plan), "a");
    return true;
  });
});

Deno.test("searchPlan() blames no mismatch where an improvement was asked for", async () => {
  const run = search({ ids: "ab", metric: (plan) => plan === "ab" ? 1 : 0.9, maxDrop: -0.02 });
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof AccuracyDropError);
    assert.equal(error.reason, "limit");
    return true;
  });
});

Deno.test("searchPlan() throws with the INT8 model where there are no groups and the limit is below 0", async () => {
  await assert.rejects(search({ ids: "", metric: () => 1, maxDrop: -0.1 }), (error) => {
    assert.equal((error as AccuracyDropError<SearchOutcome>).best.plan.size, 0);
    return true;
  });
});

Deno.test("searchPlan() honours a negative limit", async () => {
  const result = await search({ ids: "ab", metric: (plan) => plan === "a" ? 1.2 : 1.05, maxDrop: -0.1 });
  assert.deepEqual([...result.plan], ["a"]);
});

Deno.test("searchPlan() counts items and evaluations", async () => {
  const result = await search({ ids: "ab", metric: additive({ a: 0.1, b: 0.001 }), items: 50, rankingSubsetSize: 10 });
  assert.deepEqual(
    result.evaluations.map(({ plan, items, full, drop }) => [plan?.join() ?? null, items, full, drop === null]),
    [[null, 50, true, false], ["", 50, true, false], ["b", 10, false, true], ["a", 10, false, true], [
      "a",
      50,
      true,
      false,
    ]],
  );
  assert.equal(result.itemInferences, 170);
});

Deno.test("searchPlan() refuses a relative drop from a baseline of 0 before anything is quantized", async () => {
  const prepare = (): never => assert.fail("prepared");
  await assert.rejects(search({ ids: "a", metric: () => -1, baseline: 0, dropType: "relative", prepare }), RangeError);
});

Deno.test("searchPlan() counts relative drops of negative metrics", async () => {
  const options = { ids: "a", baseline: -10, maxDrop: 0.05, dropType: "relative" } as const;
  assert.equal((await search({ ...options, metric: (plan) => plan ? -10 : -10.4 })).plan.size, 0);
  assert.equal((await search({ ...options, metric: (plan) => plan ? -10 : -10.6 })).plan.size, 1);
});

for (
  const [title, value, message] of [
    ["NaN", NaN, /got NaN/],
    ["a string", "0.9", /got "0\.9"/],
    ["nothing", null, /got null/],
    ["an object without a metric", { accuracy: 1 }, /got undefined/],
    ["too few values per item", { metric: 1, perItem: [1] }, /one value for each of 4 items, got 1/],
    ["NaN for an item", { metric: 1, perItem: [1, 1, NaN, 1] }, /got NaN for item 2/],
  ] as const
) {
  Deno.test(`searchPlan() throws a TypeError where the metric of the baseline is ${title}`, async () => {
    const run = search({ ids: "a", metric: () => 1, items: 4, baseline: value as unknown as number });
    await assert.rejects(run, (error) => {
      assert.ok(error instanceof InvalidMetricError && error instanceof TypeError);
      assert.equal(error.best, null);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("searchPlan() keeps what it has found where a later metric is NaN", async () => {
  await assert.rejects(search({ ids: "ab", metric: (plan) => plan === "b" ? NaN : 0.9 }), (error) => {
    assert.ok(error instanceof InvalidMetricError);
    assert.match(error.message, /evaluation 3/);
    assert.equal((error as InvalidMetricError<SearchOutcome>).best!.metric, 0.9);
    return true;
  });
});

Deno.test("searchPlan() says which evaluation threw, with the cause and what was found", async () => {
  const cause = new Error("disk on fire");
  const metric = (plan: string, items: readonly number[] | null): number => {
    if (plan === "a" && !items) throw cause;
    return plan ? 0.95 : 0.9;
  };
  await assert.rejects(search({ ids: "ab", metric }), (error) => {
    assert.ok(error instanceof SearchInterruptedError);
    assert.equal(error.cause, cause);
    assert.match(error.message, /1 reverted \(evaluation 5, 1000 items\): disk on fire/);
    assert.equal((error as SearchInterruptedError<SearchOutcome>).best!.metric, 0.9);
    return true;
  });
});

Deno.test("searchPlan() stops where it is aborted, with what was found", async () => {
  const controller = new AbortController();
  const calls: Call[] = [];
  const metric = (plan: string): number => {
    if (plan === "b") controller.abort(new Error("enough"));
    return 0.9;
  };
  await assert.rejects(search({ ids: "abc", metric, signal: controller.signal }, calls), (error) => {
    assert.ok(error instanceof SearchInterruptedError);
    assert.equal(error.name, "AbortError");
    assert.equal((error.cause as Error).message, "enough");
    const { plan, status } = (error as SearchInterruptedError<SearchOutcome>).best!;
    assert.deepEqual([plan.size, status], [0, "interrupted"]);
    return true;
  });
  assert.deepEqual(calls.map(({ plan }) => plan), ["fp32", "", "c", "b"]);
});

Deno.test("searchPlan() passes on what quantization throws", async () => {
  const error = new RangeError("no operator to quantize");
  const prepare = (): Promise<never> => Promise.reject(error);
  await assert.rejects(search({ ids: "", metric: () => 1, prepare }), (thrown) => thrown === error);
});

Deno.test("searchPlan() takes any strategy, and the best plan it evaluated where its own does not do", async () => {
  const result = await search({
    ids: "abc",
    metric: additive({ a: 0.1, b: 0.05, c: 0.001 }),
    strategy: async ({ evaluate }) => {
      await evaluate(new Set("abc"));
      await evaluate(new Set("ab"));
      return new Set("c");
    },
  });
  assert.equal(lettersOf(result.plan), "ab");
  assert.deepEqual(result.reverted.map(({ reason }) => reason.before), [null, null]);
});

Deno.test("searchPlan() ends within the limit, or throws with the least drop of all plans evaluated", async () => {
  const model = fc.record({
    damage: fc.array(fc.double({ min: -0.02, max: 0.1, noNaN: true }), { maxLength: 6 }),
    pairs: fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.double({ min: -0.1, max: 0.1, noNaN: true })), { maxLength: 4 }),
    floor: fc.constantFrom(0, 0, 0.02),
    maxDrop: fc.constantFrom(-0.01, 0, 0.01, 0.05),
    perItem: fc.boolean(),
    rankingSubsetSize: fc.integer({ min: 1, max: 12 }),
  });
  await fc.assert(fc.asyncProperty(model, async ({ damage, pairs, floor, maxDrop, perItem, rankingSubsetSize }) => {
    const ids = "abcdef".slice(0, damage.length);
    const metric = (plan: string, items: readonly number[] | null): number | { metric: number; perItem: number[] } => {
      const on = [...ids].map((id) => !plan.includes(id));
      let value = 1 - floor;
      damage.forEach((d, i) => value -= on[i] ? d : 0);
      for (const [i, j, d] of pairs) if (on[i] && on[j]) value -= d;
      const noisy = (items ?? Array.from({ length: 10 }, (_, i) => i)).map((i) => value + ((i * 7) % 10) / 100);
      return perItem ? { metric: value, perItem: noisy } : value;
    };
    const baseline = perItem ? { metric: 1, perItem: new Array<number>(10).fill(1) } : 1;
    const calls: Call[] = [];
    const full = (): number[] =>
      calls.filter(({ plan, items }) => plan !== "fp32" && !items).map(({ plan }) => {
        const result = metric(plan, null);
        return 1 - (typeof result === "number" ? result : result.metric);
      });
    try {
      const result = await search({ ids, metric, baseline, maxDrop, items: 10, rankingSubsetSize }, calls);
      assert.ok(result.drop <= maxDrop + 1e-9);
    } catch (error) {
      assert.ok(error instanceof AccuracyDropError || error instanceof BaselineMismatchError);
      const best = error.best as SearchOutcome;
      assert.equal(best.drop, Math.min(...full()));
      assert.ok(best.drop > maxDrop);
      assert.ok(calls.some(({ plan, items }) => plan === ids && !items));
    }
    const keys = calls.map((call) => JSON.stringify(call));
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(calls.filter(({ items }) => !items).length <= 3 * ids.length + 2 + ids.length ** 2);
  }));
});
