/** How long each operation takes. @module */
import type { ReportTimes } from "../data.ts";
import { msText } from "../numbers.ts";
import { type Bar, barRows, type BarStyle, MOST_ROWS } from "./bars.ts";
import { figure, legend } from "./chart.ts";
import { type Markup, markup } from "./markup.ts";
import { nameText, table } from "./table.ts";

/** Operations that are drawn of a network with too many for all. */
const LONGEST = 24;

/** How long each operation takes in FP32, in INT8 and in the result. */
export function timeChart({ clock, rounds, inputs, layers, endToEnd }: ReportTimes): Markup {
  const mixed = endToEnd.resultMs !== undefined;
  const longest = layers.map((layer, i) => ({ layer, place: i + 1 }))
    .toSorted((a, b) => most(b.layer) - most(a.layer)).slice(0, layers.length > MOST_ROWS ? LONGEST : MOST_ROWS)
    .toSorted((a, b) => a.place - b.place);
  const bars = longest.map(({ layer, place }): Bar => ({
    ...{ name: layer.node, place, reverted: layer.reverted },
    values: [layer.fp32Ms, layer.int8Ms],
  }));
  const style: BarStyle = { title: "milliseconds", series: ["fp32", "int8"], text: msText, logarithmic: false };
  const { shapes, height } = barRows(bars, style);
  const shapeText = Object.entries(inputs).map(([name, shape]) => `${name} [${shape.join(", ")}]`).join(", ");
  const left = layers.length - longest.length;
  return markup`${legend([{ mark: "fp32", text: "FP32" }, { mark: "int8", text: "all INT8" }])}${
    figure({
      id: "time-chart",
      title: "Time of each operation in FP32 and in INT8",
      description: `From end to end ${msText(endToEnd.fp32Ms)} in FP32 and ${msText(endToEnd.int8Ms)} in INT8.`,
      height,
      shapes,
      caption:
        `${left > 0 ? `The ${longest.length} longest of ${layers.length} operations. ` : ""}Inputs ${shapeText}; ` +
        `medians of ${rounds} rounds by ${clock}; an operation counts with those fused into it and with the copies that ` +
        `bring its inputs into its layout.`,
      table: table(
        "Time of each operation",
        [
          { title: "place", kind: "number" },
          { title: "operation", kind: "name" },
          { title: "operator" },
          { title: "FP32", kind: "number" },
          { title: "all INT8", kind: "number" },
          ...(mixed ? [{ title: "result", kind: "number" as const }] : []),
        ],
        layers.map((layer, i) => ({
          cells: [
            i + 1,
            nameText(layer.node),
            layer.operator ?? "",
            maybeMs(layer.fp32Ms),
            maybeMs(layer.int8Ms),
            ...(mixed ? [maybeMs(layer.resultMs)] : []),
          ],
          ...(layer.reverted && { mark: "reverted" }),
        })),
      ),
    })
  }`;
}

function most({ fp32Ms, int8Ms }: ReportTimes["layers"][number]): number {
  return Math.max(fp32Ms ?? 0, int8Ms ?? 0);
}

function maybeMs(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? "" : msText(ms);
}
