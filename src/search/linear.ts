/** The linear strategy: groups are reverted one by one, those first that move the outputs most. @module */
import { rankAlone } from "./sensitivity.ts";
import type { Strategy } from "./strategy.ts";

/** A strategy that ranks groups without labels, as `guided` does, and reverts one after the other with full passes. */
export function linear(): Strategy {
  return async (search) => {
    search.report({ type: "stage", stage: "int8", done: 0, total: null });
    let plan: ReadonlySet<string> = new Set<string>();
    let score = await search.evaluate(plan);
    if (search.limit.accepts(score)) return plan;
    const { order } = await rankAlone(search);
    for (const { id } of order) {
      const next = new Set([...plan, id]);
      if (!search.allows(next)) break;
      search.report({ type: "stage", stage: "reverting", done: plan.size, total: null });
      const after = await search.evaluate(next);
      const drop = search.limit.dropOf(after);
      search.report({ type: "revert", group: id, accepted: true, before: score.metric, after: after.metric, drop });
      [plan, score] = [next, after];
      if (search.limit.accepts(score)) break;
    }
    return plan;
  };
}
