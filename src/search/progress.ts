/** What a search tells while it runs. @module */
import type { Evaluation } from "./measure.ts";

/** A part of the work. */
export type Stage = "baseline" | "calibration" | "int8" | "ranking" | "reverting" | "pruning" | "verifying" | "holdout";

/** How far a stage has come. */
export interface StageEvent {
  /** What kind of event this is. */
  readonly type: "stage";
  /** The part of the work. */
  readonly stage: Stage;
  /** Steps done. */
  readonly done: number;
  /** Steps known to be needed; `null` where that is not known yet. */
  readonly total: number | null;
}

/** A plan has been evaluated; where it is run in blocks, once for each block, with the sums so far. */
export interface EvaluationEvent {
  /** What kind of event this is. */
  readonly type: "evaluation";
  /** Its outcome. */
  readonly evaluation: Evaluation;
}

/** A group has been tried in FP32 on top of what is in FP32 already. */
export interface RevertEvent {
  /** What kind of event this is. */
  readonly type: "revert";
  /** Id of the group. */
  readonly group: string;
  /** Whether it stays in FP32; `false` where the drop grew and the step was taken back. */
  readonly accepted: boolean;
  /** The metric before the step. */
  readonly before: number;
  /** The metric after it. */
  readonly after: number;
  /** The drop after it. */
  readonly drop: number;
}

/** How much a group matters has been measured. */
export interface SensitivityEvent {
  /** What kind of event this is. */
  readonly type: "sensitivity";
  /** Id of the group. */
  readonly group: string;
  /** How far the outputs lie from those of the FP32 model where this group alone is in INT8. */
  readonly divergence: number;
}

/** A plan has been tried on as many items as its decision needed. */
export interface ProbeEvent {
  /** What kind of event this is. */
  readonly type: "probe";
  /** Ids of the groups in FP32. */
  readonly plan: readonly string[];
  /** Whether it keeps to the limit: certainly, probably, or not. */
  readonly verdict: "pass" | "likely" | "fail";
  /** The drop in units of the metric: exact after a pass, else an estimate. */
  readonly drop: number;
  /** The drop that unlabelled items let expect, or `null` where they say nothing. */
  readonly expected: number | null;
}

/** What a search tells while it runs. */
export type SearchEvent = StageEvent | EvaluationEvent | RevertEvent | SensitivityEvent | ProbeEvent;
