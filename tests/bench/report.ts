/** What the bench prints: tables, and how far the goals are. */
import type { Row } from "./row.ts";
import type { Precision } from "./runner.ts";
import { geometricMean } from "./statistics.ts";

/** Median milliseconds of one runner; `undefined` where the cell is empty. */
export function msOf({ timings }: Row, who: string, precision: Precision): number | undefined {
  return timings.find((timing) => timing.who === who && timing.precision === precision)?.medianMs;
}

/** How many times faster acqua is than another, or than itself in another precision. */
export interface Ratio {
  readonly title: string;
  readonly of: readonly [who: string, precision: Precision];
  readonly to: Precision;
}

/** The ratios shown for each workload: `of` divided by acqua in `to`. */
export const RATIOS = {
  webgpu: { title: "vs ort-webgpu", of: ["ort-webgpu", "FP32"], to: "FP32" },
  tfjs: { title: "vs tfjs", of: ["tfjs", "FP32"], to: "FP32" },
  wasm: { title: "vs ort-wasm", of: ["ort-wasm", "FP32"], to: "FP32" },
  node: { title: "vs ort-node", of: ["ort-node", "FP32"], to: "FP32" },
  int8: { title: "INT8 vs FP32", of: ["acqua", "FP32"], to: "INT8" },
  int8Webgpu: { title: "INT8 vs ort-webgpu", of: ["ort-webgpu", "INT8"], to: "INT8" },
  int8Wasm: { title: "INT8 vs ort-wasm", of: ["ort-wasm", "INT8"], to: "INT8" },
  int8Node: { title: "INT8 vs ort-node", of: ["ort-node", "INT8"], to: "INT8" },
} as const satisfies Record<string, Ratio>;

/** A ratio in one row; `undefined` where one of its cells is empty. */
export function ratioOf(row: Row, { of, to }: Ratio): number | undefined {
  const [theirs, own] = [msOf(row, ...of), msOf(row, "acqua", to)];
  return theirs === undefined || own === undefined ? undefined : theirs / own;
}

/** A ratio to reach over some rows. */
export interface Goal {
  readonly what: string;
  readonly wanted: number;
  /** `null` where no row tells. */
  readonly reached: number | null;
  /** The row of the least ratio. */
  readonly least: string;
  readonly met: boolean | null;
}

const MODELS = (row: Row) => row.kind === "model";
const OPERATORS = (row: Row) => row.kind === "operator";
const named = (...prefixes: string[]) => (row: Row) => prefixes.some((prefix) => row.name.startsWith(prefix));

/** How far each goal is. */
export function goalsOf(rows: readonly Row[]): Goal[] {
  const goal = (
    what: string,
    ratio: Ratio,
    wanted: number,
    over: "mean" | "least",
    of: (row: Row) => boolean,
  ): Goal => {
    const ratios = rows.filter(of).flatMap((row) => {
      const value = ratioOf(row, ratio);
      return value === undefined ? [] : [{ name: row.name, value }];
    }).sort((a, b) => a.value - b.value);
    const least = ratios[0];
    if (!least) return { what, wanted, reached: null, least: "", met: null };
    const reached = over === "least" ? least.value : geometricMean(ratios.map(({ value }) => value));
    return { what, wanted, reached, least: `${times(least.value)} ${least.name}`, met: reached >= wanted };
  };
  return [
    goal("models, ort-webgpu, geometric mean", RATIOS.webgpu, 10, "mean", MODELS),
    goal("models, ort-webgpu, least", RATIOS.webgpu, 5, "least", MODELS),
    goal("operators, ort-webgpu, geometric mean", RATIOS.webgpu, 10, "mean", OPERATORS),
    goal("operators, tfjs, geometric mean", RATIOS.tfjs, 10, "mean", OPERATORS),
    goal("models, ort-wasm, geometric mean", RATIOS.wasm, 1.3, "mean", MODELS),
    goal("operators, ort-wasm, geometric mean", RATIOS.wasm, 1.3, "mean", OPERATORS),
    goal("ResNet-20, INT8 vs FP32, least", RATIOS.int8, 1.6, "least", named("resnet20")),
    goal("ResNet-18, INT8 vs FP32, least", RATIOS.int8, 1.6, "least", named("resnet18")),
    goal("MobileNetV2, INT8 vs FP32, least", RATIOS.int8, 1.6, "least", named("mobilenetv2")),
    goal("models, INT8 vs FP32, least", RATIOS.int8, 1, "least", MODELS),
  ];
}

/** A table of columns of equal width, the first at the left and numbers at the right. */
export function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ").trimEnd();
  return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...body.map(line)].join("\n");
}

const times = (ratio: number) => `${ratio.toFixed(2)}x`;
const mega = (bytes: number) => (bytes / 1e6).toFixed(1);

/** Median milliseconds of all. */
export function timeTable(rows: readonly Row[], runners: readonly string[]): string {
  const columns = runners.flatMap((who) => (["FP32", "INT8"] as const).map((precision) => ({ who, precision })))
    .filter(({ who, precision }) => rows.some((row) => msOf(row, who, precision) !== undefined));
  return table(
    ["ms", ...columns.map(({ who, precision }) => precision === "FP32" ? who : `${who} i8`)],
    rows.map((row) => [
      row.name,
      ...columns.map(({ who, precision }) => msOf(row, who, precision)?.toFixed(1) ?? ""),
    ]),
  );
}

/** How many times faster acqua is. */
export function ratioTable(rows: readonly Row[]): string {
  const ratios = Object.values(RATIOS).filter((ratio) => rows.some((row) => ratioOf(row, ratio) !== undefined));
  return table(
    ["times faster", ...ratios.map(({ title }) => title)],
    rows.map((row) => [
      row.name,
      ...ratios.map((ratio) => {
        const value = ratioOf(row, ratio);
        return value === undefined ? "" : times(value);
      }),
    ]),
  );
}

/** Memory of acqua: on the device beside what it must stay below, and growth of the process over further runs. */
export function memoryTable(rows: readonly Row[]): string {
  return table(
    ["MB", "device", "limit", "device i8", "limit i8", "growth", "growth i8", "file", "file i8", "INT8 dB"],
    rows.map(({ name, memory: { FP32, INT8 }, fileBytes, int8 }) => [
      name,
      ...[FP32, INT8].flatMap((memory) =>
        memory ? [mega(memory.activations + memory.constants), mega(memory.limit)] : ["", ""]
      ),
      ...[FP32, INT8].map((memory) => memory ? mega(memory.growthBytes) : ""),
      ...[fileBytes.FP32, fileBytes.INT8].map((bytes) => bytes === null ? "" : mega(bytes)),
      int8 ? int8.decibels.toFixed(1) : "",
    ]),
  );
}

/** The goals, met or not. */
export function goalTable(goals: readonly Goal[]): string {
  return table(
    ["goal", "wanted", "reached", "met", "least"],
    goals.filter(({ reached }) => reached !== null).map(({ what, wanted, reached, met, least }) => [
      what,
      times(wanted),
      times(reached!),
      met ? "yes" : "no",
      least,
    ]),
  );
}
