/** What each group costs alone, in the order of the network. @module */
import type { ReportData, ReportGroup, ReportSensitivity } from "../data.ts";
import { countText, digitsText, percentText } from "../numbers.ts";
import { type Bar, barRows, barStrip, type BarStyle, MOST_ROWS } from "./bars.ts";
import { figure, legend } from "./chart.ts";
import { type Content, type Markup, markup } from "./markup.ts";
import { nameText, table } from "./table.ts";

/** What a sensitivity is, in plain words. */
export const MEASURES: Readonly<Record<ReportSensitivity["measure"], string>> = {
  kl: "KL divergence of the outputs, nats",
  nmse: "squared error of the outputs, share of their power",
  loss: "loss of the metric",
};

/** The chart of groups whose sensitivity was measured, with their table. */
export function sensitivityChart(
  { groups, sensitivity }: ReportData & { readonly sensitivity: ReportSensitivity },
): Markup {
  const { measure, items } = sensitivity;
  const bars = groups.map(({ id, reverted, sensitivity: value }, i): Bar => ({
    ...{ name: id, place: i + 1, reverted },
    values: [value ?? null],
  }));
  const style: BarStyle = { title: MEASURES[measure], series: ["group"], text: digitsText, logarithmic: true };
  const { shapes, height } = bars.length > MOST_ROWS ? barStrip(bars, style) : barRows(bars, style);
  const worst = mostSensitive(groups);
  return markup`${
    groups.some(({ reverted }) => reverted)
      ? legend([{ mark: "int8", text: "in INT8" }, { mark: "fp32", text: "kept in FP32" }])
      : null
  }${
    figure({
      id: "sensitivity-chart",
      title: "Sensitivity of each group, in the order of the network",
      description: `${MEASURES[measure]}, where that group alone is in INT8, on ${countText(items, "item")}.` +
        (worst ? ` The greatest is that of ${worst.id}.` : ""),
      height,
      shapes,
      caption: `Each group alone in INT8, all others in FP32; mean over ${countText(items, "unlabelled item")}.`,
      table: sensitivityTable(groups, measure),
    })
  }`;
}

/** The group with the greatest sensitivity, where one is known. */
export function mostSensitive(groups: readonly ReportGroup[]): ReportGroup | undefined {
  return groups.filter((group) => group.sensitivity !== undefined)
    .toSorted((a, b) => b.sensitivity! - a.sensitivity!)[0];
}

function sensitivityTable(groups: readonly ReportGroup[], measure: ReportSensitivity["measure"]): Content {
  const [hasNoise, hasMacs] = [groups.some(({ sqnrDb }) => sqnrDb !== undefined), groups.some((own) => own.macsShare)];
  const ranked = groups.map((group, i) => ({ group, place: i + 1 }))
    .toSorted((a, b) => (b.group.sensitivity ?? -1) - (a.group.sensitivity ?? -1));
  return table(
    "Groups by sensitivity, greatest first",
    [
      { title: "place", kind: "number" },
      { title: "group", kind: "name" },
      { title: "operators" },
      { title: measure === "kl" ? "KL" : measure === "nmse" ? "error share" : "loss", kind: "number" },
      ...(hasNoise ? [{ title: "SQNR", kind: "number" as const }] : []),
      ...(hasMacs ? [{ title: "MACs", kind: "number" as const }] : []),
      { title: "precision" },
    ],
    ranked.map(({ group, place }) => ({
      cells: [
        place,
        nodesText(group),
        group.operators.join(", "),
        group.sensitivity === undefined ? "" : digitsText(group.sensitivity),
        ...(hasNoise ? [noiseText(group.sqnrDb)] : []),
        ...(hasMacs ? [group.macsShare === undefined ? "" : percentText(group.macsShare)] : []),
        group.reverted ? markup`<span class="tag">FP32</span>` : "INT8",
      ],
      ...(group.reverted && { mark: "reverted" }),
    })),
  );
}

function noiseText(sqnrDb: number | null | undefined): string {
  return sqnrDb === undefined ? "" : sqnrDb === null ? "exact" : `${sqnrDb.toFixed(1)} dB`;
}

/** The id of a group, and how many nodes it has besides. */
export function nodesText({ id, nodes }: ReportGroup): Markup {
  return markup`${nameText(id)}${
    nodes.length > 1 ? markup` <span title="${nodes.join("\n")}">+${nodes.length - 1}</span>` : null
  }`;
}
