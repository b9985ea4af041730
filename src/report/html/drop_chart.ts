/** The drop against the number of groups in FP32. @module */
import type { ReportEvaluation, ReportMetric } from "../data.ts";
import { durationText, groupedText, metricText } from "../numbers.ts";
import { figure, legend, type Plot, round, WIDTH, xAxis, yAxis } from "./chart.ts";
import { type Markup, markup } from "./markup.ts";
import { linearScale, padded, type Scale } from "./scale.ts";
import { table } from "./table.ts";

const HEIGHT = 330;
const [TOP, BOTTOM] = [34, HEIGHT - 46];

/** An evaluation with a place on the chart. */
interface Dot extends ReportEvaluation {
  readonly reverted: number;
  readonly drop: number;
}

/** Where the greatest drop is this many times the permitted one, a second plot shows what lies near the limit. */
const WIDE = 6;

/** The chart of all plans measured, with their table. */
export function dropChart({ name, maxDrop }: ReportMetric, evaluations: readonly ReportEvaluation[]): Markup {
  const dots = evaluations.filter((own): own is Dot => own.reverted !== null && own.drop !== null);
  const least = Math.min(0, ...dots.map(({ drop }) => drop));
  const most = Math.max(maxDrop, ...dots.map(({ drop }) => drop));
  const near = dots.filter(({ drop }) => drop <= 3 * maxDrop);
  const wide = maxDrop > 0 && most > WIDE * maxDrop && near.length > 0;
  const plots: Plot[] = wide
    ? [{ left: 60, top: TOP, right: 430, bottom: BOTTOM }, { left: 540, top: TOP, right: WIDTH - 16, bottom: BOTTOM }]
    : [{ left: 60, top: TOP, right: WIDTH - 16, bottom: BOTTOM }];
  const accepted = dots.findLast((own) => own.accepted);
  return markup`${
    legend([
      { mark: "dot", text: "all items" },
      ...(dots.some(({ full }) => !full) ? [{ mark: "dot part", text: "some items, estimated" }] : []),
      ...(accepted ? [{ mark: "ring", text: "accepted" }] : []),
      { mark: "limit", text: `permitted ${metricText(maxDrop)}` },
    ])
  }${
    figure({
      id: "drop-chart",
      title: `Drop of ${name} against the number of groups in FP32`,
      description: `${dots.length} plans; the line joins the least drop measured with each number of groups.` +
        (accepted ? ` Accepted: ${accepted.reverted} groups, a drop of ${metricText(accepted.drop)}.` : ""),
      height: HEIGHT,
      shapes: [
        plotOf(plots[0]!, dots, [least, most], maxDrop, name),
        wide ? plotOf(plots[1]!, near, [Math.min(0, least), 3 * maxDrop], maxDrop, `${name}, near the limit`) : null,
      ],
      table: evaluationTable(evaluations),
    })
  }`;
}

function plotOf(
  plot: Plot,
  dots: readonly Dot[],
  domain: readonly [number, number],
  maxDrop: number,
  name: string,
): Markup {
  const counts = dots.map(({ reverted }) => reverted);
  const greatest = Math.max(1, ...counts);
  const x = linearScale([0, greatest], [plot.left + 14, plot.right - 14], Math.min(10, greatest));
  const y = linearScale(padded([...domain], 0.05), [plot.bottom, plot.top], 6);
  const limit = round(y.at(maxDrop));
  return markup`<rect class="within" x="${plot.left}" y="${limit}" width="${plot.right - plot.left}" height="${
    round(
      plot.bottom - limit,
    )
  }"/>${yAxis(plot, y, `drop of ${name}`)}${
    xAxis(plot, x, "groups in FP32")
  }<path class="limit" d="M${plot.left} ${limit}H${plot.right}"/><path class="path" d="${lineOf(dots, x, y)}"/>${
    dots.map((dot) => dotOf(dot, x, y))
  }`;
}

/** The least drop measured on all items with each number of groups. */
function lineOf(dots: readonly Dot[], x: Scale, y: Scale): string {
  const best = new Map<number, number>();
  for (const { reverted, drop, full } of dots) {
    if (full) best.set(reverted, Math.min(drop, best.get(reverted) ?? Infinity));
  }
  const points = [...best].sort(([a], [b]) => a - b).map(([count, drop]) =>
    `${round(x.at(count))} ${round(y.at(drop))}`
  );
  return points.length > 0 ? `M${points.join("L")}` : "";
}

function dotOf(dot: Dot, x: Scale, y: Scale): Markup {
  const [cx, cy] = [round(x.at(dot.reverted)), round(y.at(dot.drop))];
  return markup`${dot.accepted ? markup`<circle class="ring" cx="${cx}" cy="${cy}" r="9"/>` : null}<circle class="dot${
    dot.full ? "" : " part"
  }" cx="${cx}" cy="${cy}" r="4"><title>${dot.reverted} in FP32: drop ${metricText(dot.drop)} on ${
    groupedText(dot.items)
  } items</title></circle>`;
}

function evaluationTable(evaluations: readonly ReportEvaluation[]): Markup {
  return table(
    "Plans measured, in order",
    [
      { title: "#", kind: "number" },
      { title: "groups in FP32", kind: "number" },
      { title: "items", kind: "number" },
      { title: "metric", kind: "number" },
      { title: "drop", kind: "number" },
      { title: "time", kind: "number" },
      { title: "" },
    ],
    evaluations.map(({ reverted, items, full, metric, drop, seconds, accepted }, i) => ({
      cells: [
        i + 1,
        reverted ?? "FP32 model",
        groupedText(items),
        metricText(metric),
        drop === null ? "" : metricText(drop),
        durationText(seconds),
        accepted ? "accepted" : full ? "" : "some items",
      ],
      ...(accepted && { mark: "accepted" }),
    })),
  );
}
