/** What a user can do, in plain words. @module */
import { dropUnit } from "./limit.ts";
import type { SearchOutcome } from "./outcome.ts";
import { itemsNeeded } from "./statistics.ts";

/** What is known when a search ends. */
export type Findings = Omit<SearchOutcome, "advice" | "warnings" | "seconds">;

/** What the user should know of the result, with a validation set of `items` items. */
export function warningsOf(
  { interval, maxDrop, dropType, baselineMetric, plan, front }: Findings,
  items: number,
): string[] {
  const warnings: string[] = [];
  const unit = dropUnit(dropType, baselineMetric);
  const needed = interval && itemsNeeded(interval.standardError, items, maxDrop * unit);
  if (interval && needed !== null && needed > items) {
    warnings.push(
      `The validation set of ${items} items is too small to resolve a drop of ${maxDrop}: the standard error is ` +
        `${rounded(interval.standardError / unit)}; about ${needed} items are needed`,
    );
  }
  const macs = front.find((point) => point.plan === plan)?.macsShare ?? null;
  if (macs !== null && macs > 0.5) {
    warnings.push(
      `${
        Math.round(100 * macs)
      } % of the multiply-adds stay in FP32: the way ranges are found, not the search, is the problem`,
    );
  }
  return warnings;
}

/** What could be done about it. */
export function adviceOf(findings: Findings, warnings: readonly string[]): string[] {
  const { sensitivities, reached, plan, status, groups, maxDrop, int8Metric, baselineMetric } = findings;
  const advice: string[] = [];
  const ranked = sensitivities.toSorted((a, b) => b.divergence - a.divergence);
  const sum = ranked.reduce((total, { divergence }) => total + Math.max(0, divergence), 0);
  const [worst] = ranked;
  if (worst && sum > 0 && (plan.size > 0 || !reached)) {
    const share = Math.round(100 * worst.divergence / sum);
    const nodes = groups.find(({ id }) => id === worst.group)?.nodes.length ?? 1;
    advice.push(
      `Group "${worst.group}" (${nodes} operation${
        nodes > 1 ? "s" : ""
      }) costs most: ${share} % of the change of the ` +
        "outputs that all groups make one by one; look at its range and weights first",
    );
  }
  if (plan.size > groups.length / 2 || (!reached && int8Metric !== null && int8Metric < baselineMetric / 2)) {
    advice.push(
      "Quantization as set damages most of the model: try one scale for each channel of the weights, other range " +
        "estimators, or bias correction, before leaving more in FP32",
    );
  }
  if (status === "budget_exhausted") {
    advice.push("The budget ended the search: give it more, with the same journal it goes on where it stopped");
  }
  if (!reached && warnings.some((warning) => warning.includes("too small"))) {
    advice.push(`More validation items would tell whether a drop of ${maxDrop} is kept or missed by chance`);
  }
  return advice;
}

function rounded(value: number): number {
  return Number(value.toPrecision(2));
}
