/** Results in plain words. @module */
import type { ReportData, ReportMetric } from "./data.ts";
import { countText, groupedText, metricText, percentText } from "./numbers.ts";

/** The outcome of a run. */
export interface Verdict {
  /** Whether every limit is kept; `null` where nothing was measured. */
  readonly good: boolean | null;
  /** The outcome in one sentence. */
  readonly headline: string;
  /** What it rests on. */
  readonly details: readonly string[];
}

/** What came out of a run, and how far it can be trusted. */
export function verdictOf({ metrics, groups }: ReportData): Verdict {
  const reverted = groups.filter((own) => own.reverted).length;
  const kept = reverted === 0
    ? `all ${countText(groups.length, "group")} in INT8`
    : `${reverted} of ${countText(groups.length, "group")} kept in FP32`;
  if (metrics.length === 0) {
    return { good: null, headline: "No metric was measured: what follows rests on unlabelled items.", details: [] };
  }
  const missed = metrics.filter(({ reached }) => !reached);
  const [first] = missed.length > 0 ? missed : metrics;
  const { name, drop, maxDrop } = first!;
  const size = drop < 0 ? `${name} rose by ${metricText(-drop)}` : `${name} fell by ${metricText(drop)}`;
  const place = missed.length > 0 ? "more than the permitted" : "within the permitted";
  return {
    good: missed.length === 0,
    headline: `${missed.length > 0 ? "Limit missed" : "Limit kept"}: ${size}, ${place} ${
      metricText(maxDrop)
    }, with ${kept}.`,
    details: metrics.flatMap((metric) => [...trustOf(metric), ...holdoutOf(metric)]),
  };
}

/** What items say that the search has not seen. */
function holdoutOf({ name, maxDrop, holdout }: ReportMetric): string[] {
  if (!holdout) return [];
  const { items, drop, interval } = holdout;
  const range = interval ? ` (95 % interval ${metricText(interval.low)} to ${metricText(interval.high)})` : "";
  return [
    `On ${groupedText(items)} items that the search has not seen the drop of ${name} is ${metricText(drop)}${range}, ` +
    `${drop <= maxDrop ? "within" : "more than"} the permitted ${metricText(maxDrop)}.`,
  ];
}

/** What the interval says about the limit. */
function trustOf({ name, drop, maxDrop, interval, items, reached, estimated }: ReportMetric): string[] {
  if (estimated) return [`The search was stopped before all items were run: the drop of ${name} is an estimate.`];
  if (!interval) return [];
  const { low, high, standardError } = interval;
  const range = `With ${groupedText(items)} items the standard error of the drop of ${name} is ` +
    `${metricText(standardError)} and its 95 % interval ${metricText(low)} to ${metricText(high)}`;
  if (!reached) {
    return [`${range}${low <= maxDrop ? ", which the limit lies in: more items could decide otherwise" : ""}.`];
  }
  if (high <= maxDrop) return [`${range}, all of it within the limit.`];
  return [
    `${range}. On these items the limit is kept; on other items the drop may be greater than ${metricText(maxDrop)}` +
    `${drop <= 0 ? ", though none was seen" : ""}.`,
  ];
}

/** Share of the operations in FP32 from which on reverting is the wrong means. */
const MANY = 0.5;

/** What a user could do next, from what a report shows. */
export function adviceOf({ metrics, groups, sensitivity, recipes }: Omit<ReportData, "advice">): string[] {
  const advice: string[] = [];
  const known = groups.filter((group) => group.sensitivity !== undefined && group.sensitivity > 0);
  const sum = known.reduce((total, group) => total + group.sensitivity!, 0);
  const [worst] = known.toSorted((a, b) => b.sensitivity! - a.sensitivity!);
  if (sensitivity && worst && known.length > 1) {
    advice.push(
      `"${worst.id}" costs most: alone in INT8 it moves the outputs by ${
        percentText(worst.sensitivity! / sum)
      } of what ` +
        `all groups together do one by one${worst.reverted ? ", and it is kept in FP32" : ""}.`,
    );
  }
  const chosen = recipes?.find((recipe) => recipe.chosen);
  const plain = recipes?.[0];
  if (chosen && plain && chosen !== plain) {
    advice.push(
      `The recipe "${chosen.name}" takes ${
        (chosen.sqnrDb - plain.sqnrDb).toFixed(1)
      } dB of quantization noise from the ` +
        `outputs, compared with "${plain.name}".`,
    );
  }
  const operations = groups.reduce((count, { nodes }) => count + nodes.length, 0);
  const inFloat = groups.reduce((count, { nodes, reverted }) => count + (reverted ? nodes.length : 0), 0);
  if (operations > 0 && inFloat > MANY * operations) {
    advice.push(
      `${percentText(inFloat / operations)} of the operations are in FP32: other ranges, a scale for each channel or ` +
        `bias correction will gain more than further reverting.`,
    );
  }
  for (const { name, items, interval } of metrics) {
    if (interval?.itemsNeeded !== undefined && interval.itemsNeeded > items) {
      advice.push(
        `${groupedText(items)} validation items are too few to resolve the permitted drop of ${name}: about ` +
          `${groupedText(interval.itemsNeeded)} are needed.`,
      );
    }
  }
  return advice;
}
