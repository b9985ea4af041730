/** How a search fails. What it has found until then is never lost. @module */
import type { AccuracyControlResult } from "./accuracy_control.ts";
import type { Interval } from "./statistics.ts";

/** Why no plan was accepted: none keeps to the limit, none within `maxRevertedShare` does, or the budget was spent. */
export type DropReason = "limit" | "maxRevertedShare" | "budget";

/** Thrown where no plan that was found holds the metric within the permitted drop. */
export class AccuracyDropError<R = AccuracyControlResult> extends Error {
  /** @ignore */
  override readonly name = "AccuracyDropError";
  /** The best that was found: of all plans run on the whole validation set, the one with the least drop. */
  readonly best: R;
  /** Why nothing better was found. */
  readonly reason: DropReason;
  /** The interval of the best plan's drop, in units of the metric; `null` where it is not known. */
  readonly interval: Interval | null;

  /**
   * An error that carries the best result.
   *
   * @param message What was wanted and what was reached.
   * @param best The best result.
   * @param options Why nothing better was found, and the interval of the drop.
   */
  constructor(
    message: string,
    best: R,
    options: { readonly reason?: DropReason; readonly interval?: Interval | null } = {},
  ) {
    super(message);
    this.best = best;
    this.reason = options.reason ?? "limit";
    this.interval = options.interval ?? null;
  }
}

/**
 * Thrown where the plan with every group in FP32 misses the limit too: the validation function does not give the same model
 * the same metric twice, or what was measured as the baseline is not the model that was quantized.
 */
export class BaselineMismatchError<R = AccuracyControlResult> extends Error {
  /** @ignore */
  override readonly name = "BaselineMismatchError";
  /** The best that was found. */
  readonly best: R;

  /**
   * An error that carries the best result.
   *
   * @param message The two metrics.
   * @param best The best result.
   */
  constructor(message: string, best: R) {
    super(message);
    this.best = best;
  }
}

/** Thrown where the validation function throws, or the search is aborted (`name` is then `"AbortError"`). */
export class SearchInterruptedError<R = AccuracyControlResult> extends Error {
  /** The best that was found until then, or `null` where no INT8 model had been evaluated. */
  readonly best: R | null;

  /**
   * An error that carries the best result until then.
   *
   * @param message Which evaluation failed, and how.
   * @param best The best result until then.
   * @param options The error that ended the search, and the name to give this one.
   */
  constructor(message: string, best: R | null, options: { readonly cause: unknown; readonly name?: string }) {
    super(message, { cause: options.cause });
    this.name = options.name ?? "SearchInterruptedError";
    this.best = best;
  }
}

/** Thrown where the validation function returns something that is not a metric. */
export class InvalidMetricError<R = AccuracyControlResult> extends TypeError {
  /** @ignore */
  override readonly name = "InvalidMetricError";
  /** The best that was found until then, or `null` where no INT8 model had been evaluated. */
  readonly best: R | null;

  /**
   * An error that names the value.
   *
   * @param message The value, and what is wanted.
   * @param best The best result until then.
   */
  constructor(message: string, best: R | null) {
    super(message);
    this.best = best;
  }
}
