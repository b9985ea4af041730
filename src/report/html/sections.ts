/** The sections of the page that are mostly tables. @module */
import type { ReportData, ReportRange, ReportRecipe, ReportRun, ReportSensitivity, ReportTimes } from "../data.ts";
import { bytesText, digitsText, metricText, msText, percentText } from "../numbers.ts";
import { type Bar, barRows, type BarStyle, MOST_ROWS } from "./bars.ts";
import { figure, legend } from "./chart.ts";
import { type Content, type Markup, markup } from "./markup.ts";
import { MEASURES, nodesText } from "./sensitivity_chart.ts";
import { nameText, table } from "./table.ts";

/** The groups that are kept in FP32, and why. */
export function revertedTable({ groups }: ReportData): Markup {
  const rows = groups.map((group, i) => ({ group, place: i + 1 })).filter(({ group }) => group.reverted);
  if (rows.length === 0) return markup`<p>None: every group runs in INT8.</p>`;
  const measured = rows.some(({ group }) => group.sensitivity !== undefined);
  return table(
    "Groups kept in FP32",
    [
      { title: "place", kind: "number" },
      { title: "group", kind: "name" },
      { title: "operators" },
      ...(measured ? [{ title: "sensitivity", kind: "number" as const }] : []),
      { title: "why" },
    ],
    rows.map(({ group, place }) => ({
      cells: [
        place,
        nodesText(group),
        group.operators.join(", "),
        ...(measured ? [group.sensitivity === undefined ? "" : digitsText(group.sensitivity)] : []),
        group.reason ?? "",
      ],
      mark: "reverted",
    })),
  );
}

/** The recipes that were compared. */
export function recipeTable(recipes: readonly ReportRecipe[], measure: ReportSensitivity["measure"]): Markup {
  const measured = recipes.some(({ drop }) => drop !== undefined);
  return table(
    "Recipes",
    [
      { title: "recipe" },
      { title: MEASURES[measure], kind: "number" },
      ...(measured ? [{ title: "drop, all INT8", kind: "number" as const }] : []),
      { title: "" },
    ],
    recipes.map(({ name, divergence, drop, chosen }) => ({
      cells: [
        name,
        digitsText(divergence),
        ...(measured ? [drop === undefined ? "" : metricText(drop)] : []),
        chosen ? "chosen" : "",
      ],
      ...(chosen && { mark: "chosen" }),
    })),
  );
}

/** The ranges of quantized values. */
export function rangeTable(ranges: readonly ReportRange[]): Markup {
  const span = ([low, high]: readonly [number, number]): string => `${digitsText(low)} … ${digitsText(high)}`;
  const whole = ([low, high]: readonly [number, number]): string => low === high ? String(low) : `${low} … ${high}`;
  const both = ([low, high]: readonly [number, number]): string =>
    low === high ? digitsText(low) : `${digitsText(low)} … ${digitsText(high)}`;
  return table(
    "Ranges of quantized values, in the order of the network",
    [
      { title: "value", kind: "name" },
      { title: "kind" },
      { title: "seen", kind: "number" },
      { title: "representable", kind: "number" },
      { title: "scale", kind: "number" },
      { title: "zero point", kind: "number" },
      { title: "clipped", kind: "number" },
    ],
    ranges.map((own) => ({
      cells: [
        nameText(own.value),
        `${own.kind}, ${own.dtype}${own.channels > 1 ? `, ${own.channels} channels` : ""}`,
        own.seen ? span(own.seen) : "",
        span(own.representable),
        both(own.scale),
        whole(own.zeroPoint),
        own.clipped === undefined ? "" : percentText(own.clipped),
      ],
      ...(!own.used && { mark: "unused" }),
    })),
  );
}

/** How long each operation takes in FP32, in INT8 and in the result. */
export function timeChart({ clock, rounds, inputs, layers, endToEnd }: ReportTimes): Markup {
  const mixed = endToEnd.resultMs !== undefined;
  const longest = layers.map((layer, i) => ({ layer, place: i + 1 }))
    .toSorted((a, b) => most(b.layer) - most(a.layer)).slice(0, MOST_ROWS)
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

/** All that is needed to repeat a run. */
export function runSection({ command, date, backend, device, versions, options, files }: ReportRun): Markup {
  const row = (term: Content, value: Content): { cells: Content[] } => ({ cells: [term, value] });
  const columns = [{ title: "what" }, { title: "value" }];
  return markup`${command === undefined ? null : markup`<pre><code>${command}</code></pre>`}${
    table("Where it ran", columns, [
      row("device", `${device} (${backend})`),
      ...Object.entries(versions).map(([name, version]) => row(name, version)),
      ...(date === undefined ? [] : [row("ended", date)]),
    ])
  }<h3>Files</h3>${
    table(
      "Files",
      [{ title: "role" }, { title: "path", kind: "name" }, { title: "size", kind: "number" }, {
        title: "SHA-256",
        kind: "name",
      }],
      files.map((file) => ({
        cells: [file.role, nameText(file.path), bytesText(file.bytes), markup`<code>${file.sha256}</code>`],
      })),
    )
  }<h3>Options</h3>${
    table(
      "Options",
      columns,
      Object.entries(options).map(([name, value]) => row(nameText(name), nameText(JSON.stringify(value) ?? "not set"))),
    )
  }`;
}
