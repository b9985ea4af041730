/** Putting groups back into INT8 that need not be in FP32. @module */
import type { Plan } from "../graph/quantizers.ts";
import type { Guide } from "./guided.ts";

/** Probes at most, and failures in a row after which no more are made. */
const [MOST_PROBES, MOST_FAILURES] = [8, 2];

/** The share of the permitted drop that the whole cost of a model is worth when candidates are compared. */
const COST_WORTH = 0.1;

/** A plan without what it did not need, and what was taken out of it, in that order. */
export interface Pruned {
  /** The plan. */
  readonly plan: Plan;
  /** Ids of the groups that are back in INT8. */
  readonly undone: readonly string[];
}

/**
 * Takes groups out of a plan that a probe has passed, as long as probes without them pass.
 *
 * Those are tried first without which the drop is expected to be least, costly ones before cheap ones; a candidate is left
 * out where twice the limit is expected of it, by the scale of what was expected and observed before.
 */
export async function prune(guide: Guide, start: Plan): Promise<Pruned> {
  const { search } = guide;
  const { limit, costs } = search;
  let plan = start;
  const undone: string[] = [];
  const refused = new Set<string>();
  let [probes, failures, scale] = [0, 0, 1];
  while (plan.size > 1 && probes < MOST_PROBES && failures < MOST_FAILURES) {
    const candidate = await bestCandidate(guide, plan, refused);
    if (!candidate || candidate.drop * Math.max(scale, 0) > 2 * Math.max(limit.absolute, 0)) break;
    search.report({ type: "stage", stage: "pruning", done: probes++, total: null });
    const without = less(plan, candidate.group);
    const { verdict, drop } = await guide.probe(without);
    if (candidate.drop > 0 && drop > 0) scale = drop / candidate.drop;
    if (verdict === "fail") {
      refused.add(candidate.group);
      failures++;
    } else {
      plan = without;
      undone.push(candidate.group);
      failures = 0;
    }
  }
  return { plan, undone };

  function worth(group: string): number {
    return COST_WORTH * Math.abs(limit.absolute) * costs.shareOf(new Set([group]));
  }

  /** The candidate of the least expected drop; forecasts are made only of those that may be it. */
  async function bestCandidate(
    { expectedDrop, roughDrop }: Guide,
    from: Plan,
    without: ReadonlySet<string>,
  ): Promise<{ readonly group: string; readonly drop: number } | null> {
    const base = await expectedDrop(from);
    const rough = roughDrop(from);
    const tried = (group: string): boolean => without.has(group) || guide.hasFailed(less(from, group));
    const open = [...from].filter((id) => !tried(id)).map((group) => ({
      group,
      drop: base + Math.max(0, roughDrop(less(from, group)) - rough),
      known: false,
    }));
    const key = ({ group, drop }: { readonly group: string; readonly drop: number }): number => drop - worth(group);
    for (;;) {
      const first = open.sort((a, b) => key(a) - key(b) || Number(b.known) - Number(a.known))[0];
      if (!first || first.known) return first ?? null;
      first.drop = await expectedDrop(less(from, first.group));
      first.known = true;
    }
  }
}

function less(plan: Plan, group: string): Plan {
  return new Set([...plan].filter((id) => id !== group));
}
