/** The head of the page: what came out. @module */
import type { ReportData, ReportMetric } from "../data.ts";
import { bytesText, countText, durationText, groupedText, metricText, msText, percentText } from "../numbers.ts";
import { verdictOf } from "../words.ts";
import { intervalChart } from "./interval_chart.ts";
import { type Content, type Markup, markup } from "./markup.ts";

/** The name of the model, the verdict and the figures that matter most. */
export function summary(data: ReportData): Markup {
  const { good, headline, details } = verdictOf(data);
  const [head, ...rest] = headline.split(": ");
  return markup`<div class="verdict${good === null ? "" : good ? " good" : " bad"}"><p><strong>${
    good === null ? "" : good ? "✓ " : "✗ "
  }${head}</strong>: ${rest.join(": ")}</p>${details.map((text) => markup`<p>${text}</p>`)}</div><dl class="figures">${
    data.metrics.map(metricFigures)
  }${groupFigure(data)}${sizeFigure(data)}${timeFigure(data)}${costFigure(data)}</dl>${
    data.metrics.slice(0, 1).map((metric) => metric.interval ? intervalChart(metric, metric.interval) : null)
  }`;
}

function tile(term: Content, main: Content, ...notes: readonly Content[]): Markup {
  return markup`<div><dt>${term}</dt><dd class="main">${main}</dd>${
    notes.map((note) => markup`<dd>${note}</dd>`)
  }</div>`;
}

function metricFigures(metric: ReportMetric): Markup {
  const { name, baseline, int8, result, drop, maxDrop, dropType, interval, exported } = metric;
  const relative = dropType === "relative" ? ", relative" : "";
  return markup`${
    tile(
      `${name}: FP32 → result`,
      `${metricText(baseline)} → ${metricText(result)}`,
      int8 === undefined ? null : `all INT8 ${metricText(int8)}`,
      exported === undefined ? null : `the file written, measured again: ${metricText(exported)}`,
    )
  }${
    tile(
      `drop${relative}`,
      metricText(drop),
      `permitted ${metricText(maxDrop)}`,
      interval ? `± ${metricText(interval.standardError)} standard error` : null,
    )
  }`;
}

function groupFigure({ groups, metrics }: ReportData): Markup {
  if (metrics.length === 0) return tile("groups of operations", groupedText(groups.length));
  const reverted = groups.filter((group) => group.reverted);
  const [all, own] = [groups, reverted].map((list) => list.reduce((sum, { nodes }) => sum + nodes.length, 0));
  return tile(
    "kept in FP32",
    `${reverted.length} of ${countText(groups.length, "group")}`,
    all! > 0 ? `${percentText(own! / all!)} of the operations that can be quantized` : null,
  );
}

function sizeFigure({ sizes }: ReportData): Content {
  if (!sizes) return null;
  const { before, after } = sizes;
  return tile("size", bytesText(after), `${percentText(after / before)} of ${bytesText(before)}`);
}

function timeFigure({ times }: ReportData): Content {
  if (!times) return null;
  const { fp32Ms, int8Ms, resultMs = int8Ms } = times.endToEnd;
  return tile(
    "time of a run",
    msText(resultMs),
    `FP32 ${msText(fp32Ms)}, ${(fp32Ms / resultMs).toFixed(2)} times as long`,
    int8Ms === resultMs ? null : `all INT8 ${msText(int8Ms)}`,
  );
}

function costFigure({ cost }: ReportData): Content {
  if (!cost) return null;
  return tile(
    "cost of the search",
    durationText(cost.seconds),
    `${countText(cost.evaluations, "evaluation")}, ${groupedText(cost.itemInferences)} item inferences`,
  );
}
