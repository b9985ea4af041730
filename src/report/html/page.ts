/** A report as a page of its own. @module */
import type { ReportData } from "../data.ts";
import { dropChart } from "./drop_chart.ts";
import { type Content, Markup, markup } from "./markup.ts";
import { paretoChart } from "./pareto_chart.ts";
import { rangeSection } from "./range_chart.ts";
import { recipeTable, revertedTable, runSection } from "./sections.ts";
import { sensitivityChart } from "./sensitivity_chart.ts";
import { STYLE } from "./style.ts";
import { summary } from "./summary.ts";
import { timeChart } from "./time_chart.ts";

/** A part of the page that its head links to. */
interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: Content;
}

/**
 * A report as one HTML page that needs nothing else: no network, no scripts.
 *
 * It follows the reader's setting for light or dark, prints well, and has each chart as a table too. Names may hold anything.
 *
 * @example
 * ```ts
 * import { reportPage } from "@acqua/acqua";
 * import assert from "node:assert/strict";
 *
 * const page = reportPage({
 *   model: "classifier.onnx",
 *   metrics: [],
 *   groups: [{ id: "conv1", nodes: ["conv1"], operators: ["Conv"], reverted: false }],
 *   advice: [],
 *   warnings: ["few calibration items: <3"],
 *   run: { backend: "cpu", device: "CPU", versions: { acqua: "0.1.0" }, options: {}, files: [] },
 * });
 * assert(page.includes("few calibration items: &lt;3"));
 * ```
 */
export function reportPage(data: ReportData): string {
  const sections = sectionsOf(data);
  const { model, run, advice, warnings } = data;
  const list = (items: readonly string[]): Markup => markup`<ul>${items.map((text) => markup`<li>${text}</li>`)}</ul>`;
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${model} · acqua report</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<p class="kicker">acqua report${run.date === undefined ? null : ` · ${run.date.slice(0, 10)}`} · ${run.device}</p>
<h1>${model}</h1>
${summary(data)}
${warnings.length > 0 ? markup`<h3>Warnings</h3>${list(warnings)}` : null}
${advice.length > 0 ? markup`<h3>What this says</h3>${list(advice)}` : null}
<nav aria-label="Sections">${sections.map(({ id, title }) => markup`<a href="#${id}">${title}</a>`)}</nav>
${
    sections.map(({ id, title, content }) =>
      markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
${content}</section>
`
    )
  }
</main>
</body>
</html>
`.toString();
}

function sectionsOf(data: ReportData): Section[] {
  const { metrics: [metric], evaluations, sensitivity, recipes, pareto, ranges, times, groups, run } = data;
  const sections: Section[] = [];
  const add = (id: string, title: string, content: Content): void => {
    sections.push({ id, title, content });
  };
  if (metric && evaluations?.some(({ reverted }) => reverted !== null)) {
    add("drop", "Drop against reverted layers", dropChart(metric, evaluations));
  }
  if (groups.length > 0) {
    if (metric) add("reverted", "Kept in FP32", revertedTable(data));
    if (sensitivity) add("sensitivity", "Sensitivity of each group", sensitivityChart({ ...data, sensitivity }));
  }
  if (recipes && recipes.length > 0) add("recipes", "Recipes", recipeTable(recipes));
  if (metric && pareto && pareto.length > 1) {
    add("pareto", "Pareto front: drop against cost", paretoChart(metric, pareto));
  }
  if (times && times.layers.length > 0) add("time", "Time of each layer", timeChart(times));
  if (ranges && ranges.length > 0) add("ranges", "Ranges and clipping", rangeSection(ranges));
  add("repeat", "To repeat this", runSection(run));
  return sections;
}
