/** How much each group matters, without labels. @module */
import { allBut } from "./plans.ts";
import type { Group, Plan } from "../graph/quantizers.ts";
import { spreadItems } from "./subset.ts";
import type { SearchContext } from "./strategy.ts";

/** Passes over the validation set that a ranking may cost. */
const RANKING_PASSES = 0.5;

/** Items that observations are made of: the cost of a ranking decides how many of them. */
const [FEWEST, MOST, STEP] = [8, 32, 8];

/** Groups in order, the one to be reverted first at the front. */
export interface Ranking {
  /** The groups. */
  readonly order: readonly Group[];
  /** The sensitivity of each, by id. */
  readonly sensitivities: ReadonlyMap<string, number>;
}

/** How many unlabelled items forecasts of all these plans may use, so that they cost half a pass over the validation set. */
export function rankingItems(search: SearchContext, plans: readonly Plan[]): number {
  const share = plans.reduce((sum, plan) => sum + search.shareOf(plan), 0);
  const affordable = Math.floor(RANKING_PASSES * search.items / Math.max(share, 1e-9) / STEP) * STEP;
  return Math.min(search.unlabelled, Math.max(FEWEST, Math.min(MOST, affordable)));
}

/**
 * Ranks groups by how far the outputs move where that group alone is in INT8, for each unit of what the group costs in FP32.
 *
 * Where there are no unlabelled items the mean loss on 32 validation items stands for that.
 */
export async function rankAlone(search: SearchContext): Promise<Ranking> {
  const { groups } = search;
  const plans = groups.map((group) => allBut(groups, group));
  const items = search.unlabelled > 0 ? rankingItems(search, plans) : 0;
  const sensitivities = new Map<string, number>();
  for (const [done, { id }] of groups.entries()) {
    search.report({ type: "stage", stage: "ranking", done, total: groups.length });
    const divergence = items > 0
      ? (await search.forecast(plans[done]!, items)).divergence
      : await lossOf(search, plans[done]!);
    search.report({ type: "sensitivity", group: id, divergence });
    sensitivities.set(id, divergence);
  }
  search.report({ type: "stage", stage: "ranking", done: groups.length, total: groups.length });
  return { order: ordered(search, (id) => sensitivities.get(id)!), sensitivities };
}

async function lossOf(search: SearchContext, plan: Plan): Promise<number> {
  const items = spreadItems(search.items, MOST);
  const { metric, perItem } = await search.evaluate(plan, items);
  const { baseline } = search;
  if (!perItem || !baseline.perItem) return baseline.metric - metric;
  return items.reduce((sum, item, i) => sum + baseline.perItem![item]! - perItem[i]!, 0) / items.length;
}

/** Ranks groups by how much nearer the outputs come where that group alone is in FP32. */
export async function rankReverted(search: SearchContext): Promise<Ranking> {
  const { groups } = search;
  const plans = groups.map(({ id }) => new Set([id]));
  const items = rankingItems(search, plans);
  const whole = (await search.forecast(new Set(), items)).divergence;
  const sensitivities = new Map<string, number>();
  for (const [done, { id }] of groups.entries()) {
    search.report({ type: "stage", stage: "ranking", done, total: groups.length });
    sensitivities.set(id, whole - (await search.forecast(plans[done]!, items)).divergence);
  }
  return { order: ordered(search, (id) => sensitivities.get(id)!), sensitivities };
}

/**
 * Ranks groups by what each alone in FP32 gives back of the items that are known to change when all are in INT8; of equal ones
 * the one that another ranking has first. At most half a pass over the validation set is spent on it.
 *
 * @returns `null` where no such item is known.
 */
export async function rankChanged(search: SearchContext, { order, sensitivities }: Ranking): Promise<Ranking | null> {
  const values = search.valuesOf(new Set());
  const before = search.baseline.perItem;
  if (!values || !before) return null;
  const change = (i: number): number => before[i]! - values[i]!;
  const changed = Array.from(values.keys()).filter((i) => change(i) !== 0 && !Number.isNaN(values[i]!));
  const affordable = Math.max(1, Math.floor(RANKING_PASSES * search.items / search.groups.length));
  const items = changed.sort((a, b) => change(b) - change(a)).slice(0, affordable);
  if (items.length === 0) return null;
  const given = new Map<string, number>();
  for (const [done, { id }] of order.entries()) {
    search.report({ type: "stage", stage: "ranking", done, total: order.length });
    const { perItem, metric } = await search.evaluate(new Set([id]), items);
    given.set(id, perItem ? perItem.reduce((a, b) => a + b, 0) : metric);
  }
  return { order: order.toSorted((a, b) => given.get(b.id)! - given.get(a.id)!), sensitivities };
}

/** Ranks groups by the mean of their places in two rankings. */
export function averageOf(search: SearchContext, one: Ranking, other: Ranking): Ranking {
  const place = ({ order }: Ranking): Map<string, number> => new Map(order.map(({ id }, i) => [id, -i]));
  const [a, b] = [place(one), place(other)];
  const order = search.groups.toSorted((g, h) => a.get(h.id)! + b.get(h.id)! - a.get(g.id)! - b.get(g.id)!);
  return { order, sensitivities: one.sensitivities };
}

/** The groups by value for cost, greatest first; of equal ones the one nearer to the inputs. */
function ordered({ groups, costs }: SearchContext, valueOf: (id: string) => number): Group[] {
  const worth = ({ id }: Group): number => valueOf(id) / (valueOf(id) > 0 ? costs.weightOf(id) : 1);
  return groups.toSorted((a, b) => worth(b) - worth(a));
}
