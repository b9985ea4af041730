/** Evaluates plans, each only once, and keeps the book of it. @module */
import type { Plan } from "../graph/quantizers.ts";

/** What a validation function returns: a number, higher is better, and what each item contributes where it is known. */
export interface Metric {
  /** The metric over all items given. */
  readonly metric: number;
  /**
   * A value for each item given, in their order; higher is better. Their mean need not be the metric: finer values than
   * a yes or no tell the search more where the metric of several plans is the same.
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

/** Gives plans their metric: the only way in which a search touches models and data. */
export interface Evaluator {
  /** Number of validation items. */
  readonly items: number;
  /**
   * The metric of a plan.
   *
   * @param plan The groups in FP32, or `null` for the model that was given, without quantizers.
   * @param items Indices of the items to use, or `null` for all of them.
   */
  evaluate(plan: Plan | null, items: readonly number[] | null): Promise<Metric | number>;
}

/** One call of the validation function. */
export interface Evaluation {
  /** Ids of the groups in FP32, or `null` for the model that was given. */
  readonly plan: readonly string[] | null;
  /** Number of items. */
  readonly items: number;
  /** Whether these were all items of the validation set. */
  readonly full: boolean;
  /** The metric on them. */
  readonly metric: number;
  /** The drop against the baseline, or `null` where only some items were used. */
  readonly drop: number | null;
  /** Time taken, with preparing the model. */
  readonly seconds: number;
}

/** Why a plan could not be evaluated. */
export class EvaluationFailure extends Error {
  /** Whether the metric is at fault, the validation function threw, or the signal stopped it. */
  readonly reason: "metric" | "thrown" | "aborted";

  /**
   * A failed evaluation.
   *
   * @param reason What failed.
   * @param message Which evaluation, and how.
   * @param cause The error behind it.
   */
  constructor(reason: "metric" | "thrown" | "aborted", message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/** The book of all evaluations. */
export interface Ledger {
  /** Number of validation items. */
  readonly items: number;
  /** All calls of the validation function, in order. */
  readonly evaluations: readonly Evaluation[];
  /** The metric of a plan; the validation function is called only where plan and items are new. */
  score(plan: Plan | null, items?: readonly number[]): Promise<Score>;
  /** The metric of a plan on all items, where it has been evaluated. */
  known(plan: Iterable<string>): Score | undefined;
}

/** What a ledger needs to know. */
export interface LedgerOptions {
  /** The drop of a metric on all items. */
  readonly dropOf: (metric: number) => number;
  /** Told of each call of the validation function. */
  readonly onEvaluation: (evaluation: Evaluation) => void;
  /** Stops the evaluations. */
  readonly signal: AbortSignal | undefined;
}

/** Opens an empty ledger. */
export function openLedger(evaluator: Evaluator, { dropOf, onEvaluation, signal }: LedgerOptions): Ledger {
  const evaluations: Evaluation[] = [];
  const scores = new Map<string, Score>();

  async function score(plan: Plan | null, items?: readonly number[]): Promise<Score> {
    const subset = items && items.length < evaluator.items ? items : null;
    const key = keyOf(plan, subset);
    const found = scores.get(key);
    if (found) return found;
    const what = describe(plan, subset?.length ?? evaluator.items, evaluations.length + 1);
    if (signal?.aborted) throw new EvaluationFailure("aborted", `Search aborted before ${what}`, signal.reason);
    const start = performance.now();
    let result: Metric | number;
    try {
      result = await evaluator.evaluate(plan, subset);
    } catch (cause) {
      if (signal?.aborted) throw new EvaluationFailure("aborted", `Search aborted during ${what}`, signal.reason);
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new EvaluationFailure("thrown", `Cannot evaluate ${what}: ${text}`, cause);
    }
    const seconds = (performance.now() - start) / 1000;
    const own = toScore(result, subset?.length ?? evaluator.items, what);
    scores.set(key, own);
    const evaluation: Evaluation = {
      plan: plan && [...plan],
      items: subset?.length ?? evaluator.items,
      full: !subset,
      metric: own.metric,
      drop: subset ? null : dropOf(own.metric),
      seconds,
    };
    evaluations.push(evaluation);
    onEvaluation(evaluation);
    return own;
  }

  return {
    items: evaluator.items,
    evaluations,
    score,
    known: (plan) => scores.get(keyOf(new Set(plan), null)),
  };
}

function keyOf(plan: Plan | null, items: readonly number[] | null): string {
  return JSON.stringify([plan && [...plan].sort(), items]);
}

function describe(plan: Plan | null, items: number, number: number): string {
  const model = plan === null ? "the FP32 model" : `the INT8 model, ${plan.size} reverted`;
  return `${model} (evaluation ${number}, ${items} items)`;
}

function toScore(result: unknown, items: number, what: string): Score {
  const record = typeof result === "object" && result !== null ? result as Partial<Metric> : { metric: result };
  const { metric, perItem } = record as { metric?: unknown; perItem?: ArrayLike<number> | null };
  const wrong = (problem: string): EvaluationFailure =>
    new EvaluationFailure("metric", `Cannot use the metric of ${what}: ${problem}`);
  if (typeof metric !== "number" || Number.isNaN(metric)) {
    throw wrong(`validate must return a number or { metric, perItem? }, got ${show(metric)}`);
  }
  if (perItem === undefined || perItem === null) return { metric, perItem: null };
  if (perItem.length !== items) {
    throw wrong(`perItem must have one value for each of ${items} items, got ${show(perItem.length)}`);
  }
  for (let i = 0; i < items; i++) {
    const value: unknown = perItem[i];
    if (typeof value !== "number" || Number.isNaN(value)) {
      throw wrong(`perItem must hold numbers, got ${show(value)} for item ${i}`);
    }
  }
  return { metric, perItem: Array.from(perItem) };
}

function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return `an object (${Object.keys(value).join(", ") || "empty"})`;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
