/** How a search fails. What it has found until then is never lost. @module */
import type { AccuracyControlResult } from "./accuracy_control.ts";

/** Thrown where no plan holds the metric within the permitted drop. */
export class AccuracyDropError<R = AccuracyControlResult> extends Error {
  /** @ignore */
  override readonly name = "AccuracyDropError";
  /** The best that was found: of all plans evaluated on the whole validation set, the one with the least drop. */
  readonly best: R;

  /**
   * An error that carries the best result.
   *
   * @param message What was wanted and what was reached.
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
