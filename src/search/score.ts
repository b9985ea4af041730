/** Reading what a validation function returned. @module */
import { EvaluationFailure, type Metric, type Score } from "./measure.ts";

/**
 * A validation function's result, checked.
 *
 * @param what Of which evaluation, for messages.
 * @throws {EvaluationFailure} Where it is no metric.
 */
export function toScore(result: unknown, items: number, what: string): Score {
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

/** Whether a metric is the mean of its values per item, but for rounding. */
export function isMeanOf({ metric, perItem }: Score): boolean {
  if (!perItem || perItem.length === 0) return false;
  let sum = 0;
  for (const value of perItem) sum += value;
  return Math.abs(sum / perItem.length - metric) <= 1e-6 * Math.max(1, Math.abs(metric));
}
