/** Searches on models that exist only as the damage that each group does. */
import type { Group, Plan } from "../../src/graph/quantizers.ts";
import type { Metric } from "../../src/search/measure.ts";
import { nncf } from "../../src/search/nncf.ts";
import type { SearchOutcome } from "../../src/search/outcome.ts";
import { searchPlan, type SearchTask } from "../../src/search/search.ts";

/** Groups named by the letters of `ids`. */
export function groupsOf(ids: Iterable<string>): Group[] {
  return [...ids].map((id) => ({ id, nodes: [`${id}.node`] }));
}

/** A call of the evaluator. */
export interface Call {
  /** The plan, as sorted letters; "fp32" for the baseline. */
  readonly plan: string;
  /** The items, or `null` for all. */
  readonly items: readonly number[] | null;
}

/** What a synthetic search needs. */
export interface Synthetic extends Partial<Omit<SearchTask<SearchOutcome>, "evaluator" | "finish">> {
  /** Ids of the groups, nearest to the inputs first. */
  readonly ids: string;
  /** The metric of a plan on items. */
  readonly metric: (plan: string, items: readonly number[] | null) => Metric | number;
  /** Metric of the baseline. Default 1. */
  readonly baseline?: Metric | number;
  /** Number of validation items. Default 1000. */
  readonly items?: number;
  /** Number of items that groups are ranked on. Default 300. */
  readonly rankingSubsetSize?: number;
}

/** The letters of a plan in alphabetical order. */
export function lettersOf(plan: Plan): string {
  return [...plan].sort().join("");
}

/** Runs a search on a synthetic model; `calls` lists the calls of the evaluator. The default strategy is `nncf`. */
export function search(
  { ids, metric, baseline = 1, items = 1000, rankingSubsetSize = 300, ...task }: Synthetic,
  calls: Call[] = [],
): Promise<SearchOutcome> {
  return searchPlan({
    prepare: () => groupsOf(ids),
    maxDrop: 0.01,
    dropType: "absolute",
    strategy: nncf({ rankingSubsetSize }),
    ...task,
    finish: (outcome) => outcome,
    evaluator: {
      items,
      evaluate: (plan, subset) => {
        calls.push({ plan: plan === null ? "fp32" : lettersOf(plan), items: subset });
        return Promise.resolve(plan === null ? baseline : metric(lettersOf(plan), subset));
      },
    },
  });
}

/** A metric of 1 less the damage of each group that is in INT8. */
export function additive(damage: Readonly<Record<string, number>>): (plan: string) => number {
  return (plan) => 1 - Object.entries(damage).reduce((sum, [id, d]) => sum + (plan.includes(id) ? 0 : d), 0);
}
