/**
 * The guided strategy: unlabelled items say in which order groups are reverted and how many of them, labelled ones decide.
 *
 * @module
 */
import { planName } from "./plans.ts";
import type { Group, Plan } from "../graph/quantizers.ts";
import { type Probe, probe } from "./probe.ts";
import { prune } from "./prune.ts";
import { averageOf, rankAlone, rankChanged, type Ranking, rankReverted } from "./sensitivity.ts";
import type { SearchContext, Strategy } from "./strategy.ts";
import { type Expected, expectedDrop } from "./surrogate.ts";

/** Unlabelled items that the forecast of a plan uses: a 20th of the validation items, from 8 to 32. */
function forecastItems({ items, unlabelled }: SearchContext): number {
  return Math.min(unlabelled, Math.max(8, Math.min(32, 8 * Math.ceil(items / 160))));
}

/** What the parts of a guided search share. */
export interface Guide {
  /** The search. */
  readonly search: SearchContext;
  /** The order of the groups, and what each does alone. */
  readonly ranking: Ranking;
  /** Probes a plan. */
  probe(plan: Plan, final?: boolean): Promise<Probe>;
  /** Whether a probe of the plan has failed. */
  hasFailed(plan: Plan): boolean;
  /** The drop that a plan is expected to have, in units of the metric. */
  expectedDrop(plan: Plan): Promise<number>;
  /** What the sensitivities of the groups in INT8 let expect without running anything, in units of the metric. */
  roughDrop(plan: Plan): number;
}

/**
 * A strategy that ranks groups by what each does to outputs on unlabelled items, and reverts as few of them as it can.
 *
 * 1. All groups in INT8 are probed: run on validation items, those first that are most likely to change, until it is clear
 *    whether the limit is kept.
 * 2. Groups are ranked by the change of the outputs where a group alone is in INT8; where that lets expect no harm and there
 *    is some, by what each alone in FP32 gives back of the items seen to change.
 * 3. Errors on unlabelled items say how many groups, in that order, will be needed; where these are many, two more orders
 *    are made, and the one is taken that needs the fewest.
 * 4. The number is found by probes: away from the expected one until the verdict changes, then by bisection.
 * 5. Groups are put back into INT8, one by one, where the limit is kept without them.
 * 6. The plan is run on all items. Where it does not keep to the limit after all, steps are taken back.
 */
export function guided(): Strategy {
  return async (search) => {
    const quantized: Plan = new Set<string>();
    search.report({ type: "stage", stage: "int8", done: 0, total: null });
    const seen = await expectedOf(search, quantized);
    let first = await probe(search, quantized, { expected: seen });
    if (first.verdict === "likely") first = await probe(search, quantized, { final: true });
    if (first.verdict === "pass") return quantized;
    if (search.groups.length === 0) return quantized;
    const alone = await rankAlone(search);
    // Forecasts that see no harm where there is some cannot order groups by it.
    const blind = seen !== null && expectedDrop(seen) <= search.limit.absolute;
    let guide = guideOf(search, blind ? await rankChanged(search, alone) ?? alone : alone, first);
    let count = await neededCount(guide, guide.ranking.order);
    if (count > Math.max(3, search.groups.length / 5) && seen) {
      for (const ranking of await otherRankings(guide)) {
        const other = guideOf(search, ranking, first);
        const needed = await neededCount(other, ranking.order);
        if (needed < count || (needed === count && cheaper(search, ranking, guide.ranking, count))) {
          [guide, count] = [other, needed];
        }
      }
    }
    const bracketed = await bracket(guide, count);
    if (bracketed === null) return planOf(guide.ranking.order, greatestCount(guide));
    const { plan, undone } = await prune(guide, planOf(guide.ranking.order, bracketed));
    return await verify(guide, plan, undone);
  };
}

function guideOf(search: SearchContext, ranking: Ranking, first: Probe): Guide {
  const noise = (plan: Plan): number =>
    search.groups.reduce((sum, { id }) => sum + (plan.has(id) ? 0 : Math.max(0, ranking.sensitivities.get(id)!)), 0);
  const whole = noise(new Set());
  // Flips grow with the amplitude of the noise, and powers of independent noises add up.
  const roughDrop = (plan: Plan): number => whole > 0 ? first.drop * Math.sqrt(noise(plan) / whole) : 0;
  const failed = new Set<string>();
  return {
    search,
    ranking,
    probe: async (plan, final = false) => {
      const result = await probe(search, plan, { expected: await expectedOf(search, plan), final });
      if (result.verdict === "fail") failed.add(planName(plan));
      return result;
    },
    hasFailed: (plan) => failed.has(planName(plan)),
    roughDrop,
    expectedDrop: async (plan) => {
      const expected = await expectedOf(search, plan);
      return expected ? expectedDrop(expected) : roughDrop(plan);
    },
  };
}

async function expectedOf(search: SearchContext, plan: Plan): Promise<Expected | null> {
  if (search.unlabelled === 0 || plan.size === search.groups.length) return null;
  if (plan.size > 0 && !(await expectedOf(search, new Set()))) return null;
  return (await search.forecast(plan, forecastItems(search))).expected;
}

function planOf(order: readonly Group[], count: number): Plan {
  return new Set(order.slice(0, count).map(({ id }) => id));
}

/** The smallest number of groups with which the limit is expected to be kept, by bisection. */
async function neededCount(guide: Guide, order: readonly Group[]): Promise<number> {
  const { search } = guide;
  let [low, high] = [0, order.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await guide.expectedDrop(planOf(order, middle)) <= search.limit.absolute) high = middle;
    else low = middle;
  }
  return high;
}

async function otherRankings({ search, ranking }: Guide): Promise<Ranking[]> {
  const reverted = await rankReverted(search);
  const { sensitivities } = ranking;
  return [{ ...reverted, sensitivities }, averageOf(search, ranking, reverted)];
}

function cheaper({ costs }: SearchContext, one: Ranking, other: Ranking, count: number): boolean {
  return costs.sumOf(planOf(one.order, count)) < costs.sumOf(planOf(other.order, count));
}

/** The greatest number of groups, in order, that may be reverted. */
function greatestCount({ search, ranking: { order } }: Guide): number {
  let count = order.length;
  while (count > 0 && !search.allows(planOf(order, count))) count--;
  return count;
}

/**
 * The number of groups, in order, with which a probe passes and with one less fails; `null` where none passes.
 *
 * All groups in FP32 are taken to pass without a probe.
 */
async function bracket(guide: Guide, expected: number): Promise<number | null> {
  const { search, ranking: { order } } = guide;
  const most = greatestCount(guide);
  if (most === 0) return null;
  let [fails, passes] = [0, most === order.length ? most : most + 1];
  const start = Math.min(Math.max(expected, 1), most);
  const passesWith = async (count: number): Promise<boolean> => {
    search.report({ type: "stage", stage: "reverting", done: count, total: null });
    const passed = count === order.length || (await guide.probe(planOf(order, count))).verdict !== "fail";
    if (passed) passes = count;
    else fails = count;
    return passed;
  };
  const passed = await passesWith(start);
  for (let step = 1;; step *= 2) {
    const next = passed ? start - step : start + step;
    if (next <= fails || next >= passes) break;
    if (await passesWith(next) !== passed) break;
  }
  while (passes - fails > 1) await passesWith((passes + fails) >> 1);
  return passes > most ? null : passes;
}

/** The plan after a run on all items, groups added until it keeps to the limit. */
async function verify({ search, ranking, probe }: Guide, pruned: Plan, undone: readonly string[]): Promise<Plan> {
  const spare = [...undone.toReversed(), ...ranking.order.map(({ id }) => id)];
  let plan = pruned;
  for (;;) {
    search.report({ type: "stage", stage: "verifying", done: 0, total: null });
    if ((await probe(plan, true)).verdict === "pass") return plan;
    const next = spare.find((id) => !plan.has(id));
    if (next === undefined || !search.allows(new Set([...plan, next]))) return plan;
    plan = new Set([...plan, next]);
  }
}
