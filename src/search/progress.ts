/** What a search tells while it runs. @module */
import type { Evaluation } from "./ledger.ts";

/** A part of the work. */
export type Stage = "baseline" | "calibration" | "int8" | "ranking" | "reverting";

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

/** A plan has been evaluated. */
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

/** What a search tells while it runs. */
export type SearchEvent = StageEvent | EvaluationEvent | RevertEvent;
