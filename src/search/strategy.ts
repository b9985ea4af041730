/** What a search strategy is given and must give. @module */
import type { Group, Plan } from "../graph/quantizers.ts";
import type { Score } from "./ledger.ts";
import type { SearchEvent } from "./progress.ts";

/** All that a strategy may know and do. */
export interface SearchContext {
  /** The groups that may be kept in FP32, those nearer to the model's inputs first. */
  readonly groups: readonly Group[];
  /** Number of validation items. */
  readonly items: number;
  /** The FP32 model on all items. */
  readonly baseline: Score;
  /** The metric of a plan, on all items or on those of the given indices. What is known already costs nothing. */
  evaluate(plan: Plan, items?: readonly number[]): Promise<Score>;
  /** The drop of a metric on all items. */
  dropOf(metric: number): number;
  /** Whether a drop keeps to the limit. */
  within(drop: number): boolean;
  /** Tells the caller how far the search has come. */
  report(event: SearchEvent): void;
}

/** Finds a plan that keeps to the limit; where there is none, the last one that it tried. */
export type Strategy = (search: SearchContext) => Promise<Plan>;
