/** What is measured of a plan, and by whom. @module */
import type { Plan } from "../graph/quantizers.ts";
import type { Expected, KeptScores } from "./surrogate.ts";

/** What a validation function returns: a number, higher is better, and what each item contributes where it is known. */
export interface Metric {
  /** The metric over all items given. */
  readonly metric: number;
  /**
   * A value for each item given, in their order; higher is better. Where the metric is their mean, the search runs a model
   * on a few items at a time and stops where the rest cannot change its decision. Their mean need not be the metric.
   */
  readonly perItem?: ArrayLike<number>;
}

/** A plan's metric on some items. */
export interface Score {
  /** The metric over the items. */
  readonly metric: number;
  /** A value for each item, or `null` where the validation function gives none. */
  readonly perItem: readonly number[] | null;
}

/** What a plan does, as far as unlabelled items tell. */
export interface Forecast {
  /** How far the outputs lie from those of the FP32 model. */
  readonly divergence: number;
  /** What each labelled item is expected to lose and gain; `null` where the metric cannot be computed from scores. */
  readonly expected: Expected | null;
  /** Item inferences that it took; a part of the network counts by its share of multiply-adds. */
  readonly cost: number;
}

/** Measures plans: the only way in which a search touches models and data. */
export interface Evaluator {
  /** Number of validation items. */
  readonly items: number;
  /** Number of unlabelled items that forecasts can use. Absent where there are no forecasts. */
  readonly unlabelled?: number;
  /**
   * The metric of a plan.
   *
   * @param plan The groups in FP32, or `null` for the model that was given, without quantizers.
   * @param items Indices of the items to use, or `null` for all of them.
   */
  evaluate(plan: Plan | null, items: readonly number[] | null): Promise<Metric | number>;
  /** The scores that the last evaluation of the FP32 model on all items gave, where the metric is made of them. */
  kept?(): KeptScores | null;
  /**
   * What a plan does to the outputs on unlabelled items.
   *
   * @param plan The groups in FP32.
   * @param items How many items are used.
   * @param kept What was kept of the FP32 model's scores on the validation items.
   */
  forecast?(plan: Plan, items: number, kept: KeptScores | null): Promise<Forecast>;
  /** The share of a whole run that a forecast of the plan takes. Default 1. */
  shareOf?(plan: Plan): number;
}

/** One plan measured on validation items, at once or in blocks. */
export interface Evaluation {
  /** Ids of the groups in FP32, or `null` for the model that was given. */
  readonly plan: readonly string[] | null;
  /** Items that were run for it. */
  readonly items: number;
  /** Whether the plan has now been run on all items of the validation set. */
  readonly full: boolean;
  /** The metric on the items known. Where these are not all, the search chose the ones that tell most: it is no estimate. */
  readonly metric: number;
  /** The drop against the baseline, or `null` where not all items were run. */
  readonly drop: number | null;
  /** Time taken, with preparing the model. */
  readonly seconds: number;
}

/** What ends a search before its time. */
export type FailureReason = "metric" | "thrown" | "aborted" | "budget";

/** Why a plan could not be measured. */
export class EvaluationFailure extends Error {
  /** Whether the metric is at fault, the validation function threw, the signal stopped it or the budget is spent. */
  readonly reason: FailureReason;

  /**
   * A failed evaluation.
   *
   * @param reason What failed.
   * @param message Which evaluation, and how.
   * @param cause The error behind it.
   */
  constructor(reason: FailureReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}
