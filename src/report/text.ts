/** Results as text for a terminal. @module */
import type { SearchOutcome } from "../search/outcome.ts";
import { bytesText, metricText } from "./numbers.ts";

/** What is told beside the outcome of a search. */
export interface ReportOptions {
  /** The file that was written. */
  readonly file?: string;
  /** Sizes of the FP32 file and of the file that was written, in bytes. */
  readonly sizes?: { readonly before: number; readonly after: number };
  /** Where the metric was measured. */
  readonly backend?: { readonly name: string; readonly device: string };
}

/** Names in columns are cut to this many characters. */
const NAME = 32;

/** Names that are listed before the rest is only counted. */
const NAMES = 12;

/** The outcome of a search as a short table. */
export function reportText(outcome: SearchOutcome, options: ReportOptions = {}): string {
  const { baselineMetric, int8Metric, metric, drop, maxDrop, dropType, reached, groups, reverted } = outcome;
  const change = (value: number): string => metricText(value - baselineMetric, true);
  const rows: [string, string][] = [
    ["metric FP32", metricText(baselineMetric)],
    [
      "metric INT8",
      int8Metric === null ? "too low: not all items were run" : `${metricText(int8Metric)}  (${change(int8Metric)})`,
    ],
    ["metric result", `${metricText(metric)}  (${change(metric)})`],
    ["drop", `${metricText(drop)} ${dropType}, ${reached ? "within" : "NOT within"} ${maxDrop}`],
    ["kept in FP32", `${reverted.length} of ${groups.length} groups`],
    ...namesOf(outcome).map((name): [string, string] => ["", name]),
    ["evaluations", `${outcome.evaluations.length}, with ${outcome.itemInferences} item inferences`],
    ["time", `${outcome.seconds.toFixed(1)} s${options.backend ? ` on ${backendText(options.backend)}` : ""}`],
    ...fileRows(options),
  ];
  return table(rows);
}

/** Rows of a label and a text, in two columns. */
export function table(rows: readonly (readonly [label: string, text: string])[]): string {
  const width = Math.max(0, ...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)}  ${text}`.trimEnd()).join("\n");
}

/** The rows that tell of the file that was written. */
export function fileRows({ file, sizes }: ReportOptions): [label: string, text: string][] {
  const size = sizes &&
    `${bytesText(sizes.after)}, ${Math.round(100 * sizes.after / sizes.before)} % of ${bytesText(sizes.before)}`;
  return [
    ...(file === undefined ? [] : [["file", file] as [string, string]]),
    ...(size === undefined ? [] : [["size", size] as [string, string]]),
  ];
}

/** A backend and its device. */
export function backendText({ name, device }: { readonly name: string; readonly device: string }): string {
  return device === "" || device === name ? name : `${name} (${device})`;
}

function namesOf({ reverted }: SearchOutcome): string[] {
  const lines = reverted.slice(0, NAMES).map(({ group, nodes, reason: { before, after } }) => {
    const more = nodes.length > 1 ? ` and ${nodes.length - 1} more` : "";
    const step = before === null || after === null ? "" : `  ${metricText(before)} -> ${metricText(after)}`;
    return `${group}${more}${step}`;
  });
  return reverted.length > NAMES ? [...lines, `... and ${reverted.length - NAMES} more groups`] : lines;
}

/** Columns as wide as their cells: the first `texts` aligned to the left, numbers to the right. Rows may be short. */
export function grid(head: readonly string[], rows: readonly (readonly string[])[], texts: number): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => i < texts ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ").trimEnd();
  return [head, ...rows].map(line).join("\n");
}

/** A name, cut where it would make a column too wide. */
export function cut(text: string): string {
  return text.length <= NAME ? text : `${text.slice(0, NAME - 1)}…`;
}
