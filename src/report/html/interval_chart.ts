/** The drop of the result with its 95 % interval, beside what was permitted. @module */
import type { ReportMetric } from "../data.ts";
import { metricText } from "../numbers.ts";
import { figure, type Plot, round, WIDTH, xAxis } from "./chart.ts";
import { type Markup, markup } from "./markup.ts";
import { linearScale, padded } from "./scale.ts";
import { table } from "./table.ts";

const PLOT: Plot = { left: 20, top: 28, right: WIDTH - 20, bottom: 72 };

/** The chart of a metric whose interval is known. */
export function intervalChart(metric: ReportMetric, interval: NonNullable<ReportMetric["interval"]>): Markup {
  const { drop, maxDrop, name } = metric;
  const { low, high, standardError } = interval;
  const x = linearScale(padded([0, low, high, drop, maxDrop], 0.08), [PLOT.left, PLOT.right], 8);
  const [from, to, at, limit] = [low, high, drop, maxDrop].map((value) => round(x.at(value))) as [
    number,
    number,
    number,
    number,
  ];
  const y = (PLOT.top + PLOT.bottom) / 2;
  const ends = `95 % interval ${metricText(low)} to ${metricText(high)}`;
  return figure({
    id: "interval",
    title: `Drop of ${name} with its 95 % interval`,
    description: `The drop is ${metricText(drop)}, ${ends}; ${metricText(maxDrop)} was permitted.`,
    height: 110,
    shapes: markup`<rect class="within" x="${PLOT.left}" y="${PLOT.top}" width="${
      round(
        Math.max(0, limit - PLOT.left),
      )
    }" height="${PLOT.bottom - PLOT.top}"/>${xAxis(PLOT, x, `drop of ${name}`)}<path class="limit" d="M${limit} ${
      PLOT.top - 4
    }V${PLOT.bottom}"/><text class="value" x="${limit}" y="${PLOT.top - 10}" text-anchor="middle">permitted ${
      metricText(maxDrop)
    }</text><path class="whisker" d="M${from} ${y}H${to}M${from} ${y - 7}v14M${to} ${
      y - 7
    }v14"/><circle class="dot" cx="${at}" cy="${y}" r="6"><title>${metricText(drop)}, ${ends}</title></circle>`,
    caption: "The drop measured, with its 95 % interval over the validation items; shaded is what was permitted.",
    table: table(`Drop of ${name}`, [{ title: "quantity" }, { title: "value", kind: "number" }], [
      { cells: ["drop", metricText(drop)] },
      { cells: ["standard error", metricText(standardError)] },
      { cells: ["95 % interval, lower end", metricText(low)] },
      { cells: ["95 % interval, upper end", metricText(high)] },
      { cells: ["permitted", metricText(maxDrop)] },
    ]),
  });
}
