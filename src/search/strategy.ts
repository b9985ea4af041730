/** What a search strategy is given and must give. @module */
import type { Group, Plan } from "../graph/quantizers.ts";
import type { Costs } from "./costs.ts";
import type { Limit } from "./limit.ts";
import type { Forecast, Score } from "./measure.ts";
import type { SearchEvent } from "./progress.ts";

/** All that a strategy may know and do. */
export interface SearchContext {
  /** The groups that may be kept in FP32, those nearer to the model's inputs first. */
  readonly groups: readonly Group[];
  /** Number of validation items. */
  readonly items: number;
  /** The FP32 model on all items. */
  readonly baseline: Score;
  /** The permitted drop. */
  readonly limit: Limit;
  /** What groups cost in FP32. */
  readonly costs: Costs;
  /** Whether the metric is the mean of values per item, as far as has been seen: if so a few items tell something of all. */
  readonly additive: boolean;
  /** Number of unlabelled items for forecasts; 0 where there are none. */
  readonly unlabelled: number;
  /** The metric of a plan, on all items or on those of the given indices. What is known already costs nothing. */
  evaluate(plan: Plan, items?: readonly number[]): Promise<Score>;
  /** What a plan does to outputs on unlabelled items, and what that lets expect of the metric. */
  forecast(plan: Plan, items: number): Promise<Forecast>;
  /** The share of a whole run that an item of a forecast of this plan takes. */
  shareOf(plan: Plan): number;
  /** The value of each item under a plan where it is known, else NaN; `null` where the metric is no mean of them. */
  valuesOf(plan: Plan): Float64Array | null;
  /** Whether a plan keeps to the share that may be left in FP32. */
  allows(plan: Plan): boolean;
  /** Tells the caller how far the search has come. */
  report(event: SearchEvent): void;
}

/** Finds a plan that keeps to the limit; where there is none, the last one that it tried. */
export type Strategy = (search: SearchContext) => Promise<Plan>;
