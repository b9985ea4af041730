/** What a search found. @module */
import type { Group, Plan } from "../graph/quantizers.ts";
import type { CostUnit } from "./costs.ts";
import type { FrontPoint } from "./front.ts";
import type { DropType } from "./limit.ts";
import type { Evaluation } from "./measure.ts";
import type { Interval } from "./statistics.ts";

/** A group that is kept in FP32. */
export interface Reverted {
  /** Id of the group. */
  readonly group: string;
  /** Names of its nodes. */
  readonly nodes: readonly string[];
  /** Why. */
  readonly reason: {
    /** The metric before its step; `null` where the strategy did not measure that. */
    readonly before: number | null;
    /** The metric after its step; `null` where the strategy did not measure that. */
    readonly after: number | null;
    /** How far the outputs move where this group alone is in INT8; `null` where the strategy did not measure that. */
    readonly sensitivity: number | null;
  };
}

/** How much a group matters: the distance of the outputs from those of the FP32 model where it alone is in INT8. */
export interface Sensitivity {
  /** Id of the group. */
  readonly group: string;
  /** The distance: of class scores the Kullback-Leibler divergence, else the squared error as a share of the squares. */
  readonly divergence: number;
}

/** A measurement on items that the search has not seen. */
export interface Holdout {
  /** Number of items. */
  readonly items: number;
  /** The metric of the FP32 model on them. */
  readonly baselineMetric: number;
  /** The metric under the plan on them. */
  readonly metric: number;
  /** The drop between the two, as `dropType` counts it. */
  readonly drop: number;
  /** Its interval, in units of the metric; `null` where the metric is no mean of values per item. */
  readonly interval: Interval | null;
}

/** How a search ended: within the limit; not, though all was tried; not, because the budget was spent; by a signal or an error. */
export type SearchStatus = "reached" | "not_reached" | "budget_exhausted" | "interrupted";

/** What a search found, and what it cost. */
export interface SearchOutcome {
  /** Ids of the groups in FP32, in the order in which they were put there. */
  readonly plan: Plan;
  /** The metric of the FP32 model. */
  readonly baselineMetric: number;
  /** The metric with every group in INT8; `null` where it was clear before all items were run that it is too low. */
  readonly int8Metric: number | null;
  /** The metric under the plan. */
  readonly metric: number;
  /** Its drop against the baseline, as `dropType` counts it. */
  readonly drop: number;
  /** The interval of the drop, in units of the metric; `null` where the metric is no mean of values per item. */
  readonly interval: Interval | null;
  /** Whether metric and drop were measured on all items; if not, the search was stopped and they are estimates. */
  readonly verified: boolean;
  /** The drop that was permitted. */
  readonly maxDrop: number;
  /** How the drop is counted. */
  readonly dropType: DropType;
  /** The share of chance to which the drop had to be below the limit, or `null`. */
  readonly confidence: number | null;
  /** Whether the drop keeps to the limit. */
  readonly reached: boolean;
  /** How the search ended. */
  readonly status: SearchStatus;
  /** All groups, those nearer to the inputs first. */
  readonly groups: readonly Group[];
  /** The groups in FP32, and why. */
  readonly reverted: readonly Reverted[];
  /** The part of the cost of all groups that the plan leaves in FP32, 0 to 1, and what is counted. */
  readonly revertedShare: { readonly unit: CostUnit; readonly share: number };
  /** How much each group matters, in the order of `groups`; empty where the strategy did not measure it. */
  readonly sensitivities: readonly Sensitivity[];
  /** Of all plans that were run on all items, those of which none is better in everything. */
  readonly front: readonly FrontPoint[];
  /** All plans that were run. */
  readonly evaluations: readonly Evaluation[];
  /** Items run through the network, of validation, forecasts and holdout; a part of it counts by its share of multiply-adds. */
  readonly itemInferences: number;
  /** The measurement on items that the search has not seen, or `null` where none were given. */
  readonly holdout: Holdout | null;
  /** What the user should know. */
  readonly warnings: readonly string[];
  /** What could be done about a drop or a share in FP32 that is too great. */
  readonly advice: readonly string[];
  /** Time taken. */
  readonly seconds: number;
}
