/** What a search may spend. @module */
import { EvaluationFailure } from "./measure.ts";

/** What a search may spend; what is left out is not limited. It is checked before each evaluation. */
export interface Budget {
  /** Item inferences: items run through the whole network, or parts of it by their share of multiply-adds. */
  readonly items?: number;
  /** Calls of the validation function. */
  readonly evaluations?: number;
  /** Seconds from the start of the search, calibration included. */
  readonly seconds?: number;
}

/** Watches over a budget. */
export interface BudgetCheck {
  /**
   * To be called before a measurement.
   *
   * @throws {EvaluationFailure} Where the budget is spent or the signal has been given.
   */
  before(what: string): void;
  /** To be called after a measurement. */
  spent(spent: { readonly items: number; readonly evaluations: number }): void;
}

/**
 * Watches over a budget from now on.
 *
 * @throws {RangeError} Where a limit is not a number above 0.
 */
export function openBudget(budget: Budget, signal: AbortSignal | undefined): BudgetCheck {
  for (const name of ["items", "evaluations", "seconds"] as const) {
    const limit = budget[name];
    if (limit !== undefined && !(typeof limit === "number" && limit > 0)) {
      throw new RangeError(`"budget.${name}" must be a number above 0: current value is ${String(limit)}`);
    }
  }
  const start = performance.now();
  const sums = { items: 0, evaluations: 0 };
  return {
    before(what): void {
      if (signal?.aborted) throw new EvaluationFailure("aborted", `Search aborted before ${what}`, signal.reason);
      const used = { ...sums, seconds: (performance.now() - start) / 1000 };
      for (const name of ["items", "evaluations", "seconds"] as const) {
        const limit = budget[name];
        if (limit !== undefined && used[name] >= limit) {
          const amount = Number(used[name].toFixed(1));
          throw new EvaluationFailure("budget", `Budget of ${limit} ${name} spent (${amount}) before ${what}`);
        }
      }
    },
    spent({ items, evaluations }): void {
      sums.items += items;
      sums.evaluations += evaluations;
    },
  };
}
