/** Plans as values: their names and what they have in common. @module */
import type { Group, Plan } from "../graph/quantizers.ts";

/** A name for a plan, the same for plans of the same groups; `null` is the model without quantizers. Journals hold it. */
export function planName(plan: Iterable<string> | null): string {
  return JSON.stringify(plan && [...plan].sort());
}

/** Whether two plans keep the same groups in FP32. */
export function isSamePlan(one: Iterable<string> | null, other: Iterable<string> | null): boolean {
  return planName(one) === planName(other);
}

/** All groups but one. */
export function allBut(groups: readonly Group[], group: Group): Plan {
  return new Set(groups.filter((other) => other !== group).map(({ id }) => id));
}
