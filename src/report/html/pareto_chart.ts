/** What was tried: drop against cost. @module */
import type { ReportMetric, ReportPoint } from "../data.ts";
import { bytesText, metricText, msText, percentText } from "../numbers.ts";
import { figure, legend, type Plot, round, WIDTH, xAxis, yAxis } from "./chart.ts";
import { type Markup, markup } from "./markup.ts";
import { linearScale, padded } from "./scale.ts";
import { table } from "./table.ts";

/** A cost that points may have. */
interface Cost {
  readonly title: string;
  readonly of: (point: ReportPoint) => number | undefined;
}

const COSTS: readonly Cost[] = [
  { title: "share of operations in FP32, %", of: ({ fp32Share }) => 100 * fp32Share },
  { title: "size of the file, MB", of: ({ bytes }) => bytes === undefined ? undefined : bytes / 1e6 },
  { title: "time of a run, ms", of: ({ ms }) => ms },
];

const HEIGHT = 320;

/** The chart of all points, one plot for each cost that is known, with their table. */
export function paretoChart({ name, maxDrop }: ReportMetric, points: readonly ReportPoint[]): Markup {
  const costs = COSTS.filter(({ of }) => points.filter((point) => of(point) !== undefined).length > 1);
  const gap = 76;
  const width = (WIDTH - 16 - 60 - gap * (costs.length - 1)) / costs.length;
  const front = points.filter((own) => own.front);
  return markup`${
    legend([
      { mark: "dot", text: "on the front" },
      ...(front.length < points.length ? [{ mark: "dot other", text: "another plan is better" }] : []),
      ...(points.some(({ accepted }) => accepted) ? [{ mark: "ring", text: "accepted" }] : []),
      { mark: "limit", text: `permitted ${metricText(maxDrop)}` },
    ])
  }${
    figure({
      id: "pareto-chart",
      title: `Drop of ${name} against what plans cost`,
      description:
        `${points.length} plans, ${front.length} of them on the front: no other has less drop at no more cost.`,
      height: HEIGHT,
      shapes: costs.map((cost, i) => {
        const left = 60 + i * (width + gap);
        return plotOf({ left, right: left + width, top: 34, bottom: HEIGHT - 46 }, cost, points, maxDrop, name);
      }),
      table: pointTable(points),
    })
  }`;
}

function plotOf(
  plot: Plot,
  { title, of }: Cost,
  points: readonly ReportPoint[],
  maxDrop: number,
  name: string,
): Markup {
  const known = points.flatMap((point) => {
    const cost = of(point);
    return cost === undefined ? [] : [{ ...point, cost }];
  });
  const x = linearScale(
    padded(known.map(({ cost }) => cost)),
    [plot.left, plot.right],
    plot.right - plot.left > 400 ? 8 : 4,
  );
  const y = linearScale(padded([0, maxDrop, ...known.map(({ drop }) => drop)]), [plot.bottom, plot.top], 6);
  const front = known.filter((own) => own.front).toSorted((a, b) => a.cost - b.cost);
  const steps = front.map(({ cost, drop }, i) =>
    `${i === 0 ? "M" : "H"}${round(x.at(cost))}${i === 0 ? " " : "V"}${round(y.at(drop))}`
  );
  return markup`${yAxis(plot, y, `drop of ${name}`)}${xAxis(plot, x, title)}<path class="limit" d="M${plot.left} ${
    round(y.at(maxDrop))
  }H${plot.right}"/><path class="path" d="${
    steps.join(
      "",
    )
  }"/>${
    known.map((point) => {
      const at = markup`cx="${round(x.at(point.cost))}" cy="${round(y.at(point.drop))}"`;
      return markup`${point.accepted ? markup`<circle class="ring" ${at} r="9"/>` : null}<circle class="dot${
        point.front ? "" : " other"
      }" ${at} r="4"><title>${point.reverted} groups in FP32: drop ${metricText(point.drop)}</title></circle>`;
    })
  }`;
}

function pointTable(points: readonly ReportPoint[]): Markup {
  const [sized, timed] = [points.some(({ bytes }) => bytes !== undefined), points.some(({ ms }) => ms !== undefined)];
  const number = "number" as const;
  return table(
    "Plans by the number of groups in FP32",
    [
      { title: "groups in FP32", kind: number },
      { title: "operations in FP32", kind: number },
      { title: "drop", kind: number },
      ...(sized ? [{ title: "size", kind: number }] : []),
      ...(timed ? [{ title: "time", kind: number }] : []),
      { title: "" },
    ],
    points.toSorted((a, b) => a.reverted - b.reverted || a.drop - b.drop).map((point) => ({
      cells: [
        point.reverted,
        percentText(point.fp32Share),
        metricText(point.drop),
        ...(sized ? [point.bytes === undefined ? "" : bytesText(point.bytes)] : []),
        ...(timed ? [point.ms === undefined ? "" : msText(point.ms)] : []),
        point.accepted ? "accepted" : point.front ? "front" : "",
      ],
      ...(point.accepted && { mark: "accepted" }),
    })),
  );
}
