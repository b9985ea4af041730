/** The strategy of NNCF's accuracy control, for comparison. @module */
import type { Group, Plan } from "../graph/quantizers.ts";
import { DROP_TOLERANCE } from "./limit.ts";
import type { Score } from "./measure.ts";
import type { SearchContext, Strategy } from "./strategy.ts";
import { spreadItems, worstItems } from "./subset.ts";

/** Settings of the `nncf` strategy. */
export interface NncfOptions {
  /** Number of validation items that groups are ranked on. Default 300. */
  readonly rankingSubsetSize?: number;
}

/**
 * A strategy that reverts groups in the order of the metric that each alone gives back on the items that lost most.
 *
 * Groups are listed from the outputs to the inputs, sorted by score, the lowest first and equal ones as they were, and taken
 * from the end. A step after which the drop has grown is taken back, and what is left is ranked anew; the first step after
 * each ranking is kept whatever it does. It stops at the first plan within the limit.
 *
 * Unlike NNCF 3.4 it accepts a limit that is met exactly or by the last group, ranks by the metric alone, takes the items
 * that the plan of the moment loses, and measures nothing twice; the frame around it returns the best plan, not the last.
 */
export function nncf({ rankingSubsetSize = 300 }: NncfOptions = {}): Strategy {
  return async (search) => {
    search.report({ type: "stage", stage: "int8", done: 0, total: null });
    let plan: Plan = new Set<string>();
    let score = await search.evaluate(plan);
    if (search.limit.accepts(score)) return plan;
    let queue = await rank(search, plan, score, search.groups.toReversed(), rankingSubsetSize);
    let keep = true;
    for (let group = queue.pop(); group; group = queue.pop()) {
      const candidate = new Set([...plan, group.id]);
      if (!search.allows(candidate)) break;
      search.report({ type: "stage", stage: "reverting", done: plan.size, total: null });
      const next = await search.evaluate(candidate);
      const [before, drop] = [search.limit.dropOf(score), search.limit.dropOf(next)];
      const reached = search.limit.accepts(next);
      const accepted = reached || keep || drop <= before + DROP_TOLERANCE;
      search.report({
        ...{ type: "revert", group: group.id, accepted, before: score.metric, after: next.metric, drop },
      });
      if (reached) return candidate;
      if (accepted) {
        [plan, score, keep] = [candidate, next, false];
        continue;
      }
      if (queue.length === 0) return candidate;
      queue = await rank(search, plan, score, [...queue, group], rankingSubsetSize);
      keep = true;
    }
    return plan;
  };
}

/** The groups by their metric in FP32 alone on top of the plan, lowest first; where that is the same, by the mean per item. */
async function rank(
  search: SearchContext,
  plan: Plan,
  score: Score,
  groups: readonly Group[],
  size: number,
): Promise<Group[]> {
  const items = search.baseline.perItem && score.perItem
    ? worstItems(search.baseline.perItem, score.perItem, size)
    : spreadItems(search.items, size);
  const ranked: { group: Group; metric: number; mean: number }[] = [];
  for (const [done, group] of groups.entries()) {
    search.report({ type: "stage", stage: "ranking", done, total: groups.length });
    const { metric, perItem } = await search.evaluate(new Set([...plan, group.id]), items);
    ranked.push({ group, metric, mean: perItem ? perItem.reduce((a, b) => a + b, 0) / perItem.length : 0 });
  }
  search.report({ type: "stage", stage: "ranking", done: groups.length, total: groups.length });
  return ranked.sort((a, b) => a.metric - b.metric || a.mean - b.mean).map(({ group }) => group);
}
