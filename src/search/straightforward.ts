/** The straightforward strategy: rank the groups by what each gives back, and revert them one by one. @module */
import type { Group, Plan } from "../graph/quantizers.ts";
import { DROP_TOLERANCE } from "./limit.ts";
import type { Score } from "./ledger.ts";
import type { SearchContext, Strategy } from "./strategy.ts";
import { spreadItems, worstItems } from "./subset.ts";

/** Settings of the straightforward strategy. */
export interface StraightforwardOptions {
  /** Number of validation items that groups are ranked on. Default 300. */
  readonly rankingSubsetSize?: number;
}

/**
 * A strategy that reverts groups in the order of the metric that each alone gives back on the worst-hit items.
 *
 * A step that makes the drop grow is taken back, and the groups that remain are ranked anew on top of what is in FP32.
 * The first step after each ranking is kept whatever it does, so that the search moves on; it ends at the latest with
 * every group in FP32.
 */
export function straightforward({ rankingSubsetSize = 300 }: StraightforwardOptions = {}): Strategy {
  return async (search) => {
    let plan: Plan = new Set<string>();
    let score = await search.evaluate(plan);
    if (search.within(search.dropOf(score.metric))) return plan;
    let queue = await rank(search, plan, score, search.groups, rankingSubsetSize);
    let keep = true;
    while (queue.length > 0) {
      const [group, ...rest] = queue as [Group, ...Group[]];
      search.report({ type: "stage", stage: "reverting", done: plan.size, total: null });
      const candidate = new Set([...plan, group.id]);
      const next = await search.evaluate(candidate);
      const [before, drop] = [search.dropOf(score.metric), search.dropOf(next.metric)];
      const reached = search.within(drop);
      const accepted = reached || keep || drop <= before + DROP_TOLERANCE;
      search.report({ type: "revert", group: group.id, accepted, before: score.metric, after: next.metric, drop });
      if (reached) return candidate;
      if (accepted) {
        [plan, score, queue, keep] = [candidate, next, rest, false];
      } else if (rest.length === 0) {
        return candidate;
      } else {
        const remaining = search.groups.filter(({ id }) => !plan.has(id));
        const ranked = await rank(search, plan, score, remaining, rankingSubsetSize);
        queue = ranked[0] === group ? [ranked[1]!, group, ...ranked.slice(2)] : ranked;
        keep = true;
      }
    }
    return plan;
  };
}

/**
 * The groups by their metric in FP32 alone on top of the plan, best first. Where that is the same the mean of the values per
 * item decides, then the distance from the inputs: in a model that is broken in several places no group alone moves the metric.
 */
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
  return ranked.sort((a, b) => b.metric - a.metric || b.mean - a.mean).map(({ group }) => group);
}
