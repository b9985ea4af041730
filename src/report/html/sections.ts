/** The sections of the page that are mostly tables. @module */
import type { ReportData, ReportRecipe, ReportRun } from "../data.ts";
import { bytesText, digitsText, metricText } from "../numbers.ts";
import { type Content, type Markup, markup } from "./markup.ts";
import { nodesText } from "./sensitivity_chart.ts";
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
export function recipeTable(recipes: readonly ReportRecipe[]): Markup {
  const measured = recipes.some(({ drop }) => drop !== undefined);
  return table(
    "Recipes",
    [
      { title: "recipe" },
      { title: "SQNR of the outputs", kind: "number" },
      ...(measured ? [{ title: "drop, all INT8", kind: "number" as const }] : []),
      { title: "" },
    ],
    recipes.map(({ name, sqnrDb, drop, chosen }) => ({
      cells: [
        name,
        `${sqnrDb.toFixed(1)} dB`,
        ...(measured ? [drop === undefined ? "" : metricText(drop)] : []),
        chosen ? "chosen" : "",
      ],
      ...(chosen && { mark: "chosen" }),
    })),
  );
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
