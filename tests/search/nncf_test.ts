import assert from "node:assert/strict";
import type { SearchEvent } from "../../src/search/progress.ts";
import { additive, type Call, lettersOf, search } from "./synthetic.ts";

const stepsOf = (events: readonly SearchEvent[]): string[] =>
  events.filter((event) => event.type === "revert").map(({ group, accepted }) => group + (accepted ? "+" : "-"));

Deno.test("nncf() reverts nothing where INT8 keeps to the limit", async () => {
  const calls: Call[] = [];
  const result = await search({ ids: "ab", metric: additive({ a: 0.004, b: 0.005 }) }, calls);
  assert.equal(result.plan.size, 0);
  assert.deepEqual(calls.map(({ plan }) => plan), ["fp32", ""]);
});

Deno.test("nncf() reverts the groups that do most damage, worst first", async () => {
  const result = await search({ ids: "abcd", metric: additive({ a: 0.004, b: 0.05, c: 0.005, d: 0.1 }) });
  assert.deepEqual([...result.plan], ["d", "b"]);
  assert.ok(result.reached && Math.abs(result.drop - 0.009) < 1e-12);
  assert.deepEqual(result.reverted[0]!.nodes, ["d.node"]);
  const steps = result.reverted.map(({ reason }) => [reason.before!, reason.after!].map((x) => +x.toFixed(6)));
  assert.deepEqual(steps, [[0.841, 0.941], [0.941, 0.991]]);
});

Deno.test("nncf() reverts of equal groups the one nearer to the inputs", async () => {
  const result = await search({ ids: "zya", metric: additive({ z: 0.02, y: 0.02, a: 0.02 }), maxDrop: 0.045 });
  assert.deepEqual([...result.plan], ["z"]);
});

Deno.test("nncf() leaves equal groups as the ranking before had them", async () => {
  const metric = new Map(Object.entries({
    ...{ "": .5, a: .52, b: .53, c: .54, d: .55 },
    ...{ cd: .54, ad: .6, bd: .6, abd: 1 },
  }));
  const events: SearchEvent[] = [];
  await search({ ids: "abcd", metric: (plan) => metric.get(plan)!, onProgress: (event) => events.push(event) });
  assert.deepEqual(stepsOf(events), ["d+", "c-", "b+", "a+"]);
});

Deno.test("nncf() asks the values per item where groups give the metric back alike", async () => {
  const fine: Readonly<Record<string, number>> = { a: 0.1, b: 0.6, c: 0.3 };
  const metric = (plan: string, items: readonly number[] | null) => ({
    metric: plan.includes("b") && plan.includes("c") ? 1 : 0,
    perItem: Array.from(items ?? Array(10), () => [...plan].reduce((sum, id) => sum + fine[id]!, 0)),
  });
  const result = await search({ ids: "abc", metric, baseline: { metric: 1, perItem: Array(10).fill(1) }, items: 10 });
  assert.deepEqual([...result.plan], ["b", "c"]);
});

/** Scenario 1 of NNCF's loop: reverting b on top of a makes the drop grow. */
const ROLLBACK = new Map(Object.entries({
  ...{ "": .9, a: .905, b: .9049, c: .904, d: .9 },
  ...{ ab: .9045, ac: .92, ad: .902, abc: .93, abcd: 1 },
}));

Deno.test("nncf() takes a harmful step back and ranks the rest anew", async () => {
  const [calls, events]: [Call[], SearchEvent[]] = [[], []];
  const result = await search({
    ids: "abcd",
    metric: (plan) => ROLLBACK.get(plan)!,
    onProgress: (event) => events.push(event),
  }, calls);
  assert.deepEqual(stepsOf(events), ["a+", "b-", "c+", "b+", "d+"]);
  assert.equal(lettersOf(result.plan), "abcd");
  const plans = (full: boolean): string[] => calls.filter(({ items }) => !items === full).map(({ plan }) => plan);
  assert.deepEqual(plans(true), ["fp32", "", "a", "ab", "ac", "abc", "abcd"]);
  assert.deepEqual(plans(false), ["d", "c", "b", "a", "ad", "ac", "ab"]);
});

Deno.test("nncf() keeps the first step after each ranking, also one that was taken back before", async () => {
  const metric = new Map(Object.entries({ "": .8, a: .9, b: .85, c: .84, ab: .89, ac: .88, abc: 1 }));
  const [calls, events]: [Call[], SearchEvent[]] = [[], []];
  await search({
    ids: "abc",
    metric: (plan) => metric.get(plan)!,
    onProgress: (event) => events.push(event),
  }, calls);
  assert.deepEqual(stepsOf(events), ["a+", "b-", "b+", "c+"]);
  assert.equal(calls.filter(({ plan, items }) => plan === "ab" && !items).length, 1);
});

Deno.test("nncf() counts success with the last group as success", async () => {
  const result = await search({ ids: "ab", metric: (plan) => plan === "ab" ? 1 : 0.5 });
  assert.ok(result.reached);
  assert.equal(lettersOf(result.plan), "ab");
});

Deno.test("nncf() ranks on the items that lost most, from the plan of the moment", async () => {
  const calls: Call[] = [];
  const valuesOf = (plan: string): number[] => {
    const values = [1, 1, 1, 1, 1, 1];
    if (!plan.includes("a")) values[0] = values[1] = values[2] = 0;
    if (!plan.includes("b")) values[4] = 0;
    return values;
  };
  const metric = (plan: string, items: readonly number[] | null) => {
    const perItem = valuesOf(plan).filter((_, i) => !items || items.includes(i));
    return { metric: perItem.reduce((a, b) => a + b, 0) / perItem.length, perItem };
  };
  await search({
    ...{ ids: "abc", metric, baseline: { metric: 1, perItem: [1, 1, 1, 1, 1, 1] } },
    ...{ items: 6, rankingSubsetSize: 4 },
  }, calls);
  assert.deepEqual(calls.slice(2, 5), ["c", "b", "a"].map((plan) => ({ plan, items: [0, 1, 2, 4] })));
});

Deno.test("nncf() spreads the ranking subset where no values per item are given", async () => {
  const calls: Call[] = [];
  await search({ ids: "ab", metric: additive({ a: 0.1, b: 0.001 }), items: 8, rankingSubsetSize: 4 }, calls);
  assert.deepEqual(calls[2]!.items, [0, 2, 4, 6]);
});

Deno.test("nncf() calls nothing twice where the ranking subset is the whole set", async () => {
  const calls: Call[] = [];
  await search({ ids: "abc", metric: additive({ a: 0.1, b: 0.05, c: 0.001 }), items: 10 }, calls);
  assert.deepEqual(calls.map(({ plan }) => plan), ["fp32", "", "c", "b", "a", "ab"]);
});
