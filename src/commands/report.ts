/** `--report`: what a command found, as a page or as JSON. @module */
import type { Plan } from "../graph/quantizers.ts";
import type { CalibrationItems } from "../quant/calibration_set.ts";
import type { CalibrationItem } from "../quant/statistics.ts";
import type { QuantizationResult } from "../quant/quantize.ts";
import type { ReportFile, ReportRun } from "../report/data.ts";
import { reportJson } from "../report/data.ts";
import { type ReportContext, reportOf, reportOfModel } from "../report/from_result.ts";
import { reportPage } from "../report/html/page.ts";
import { rangesOf } from "../report/ranges.ts";
import { timesOf } from "../report/times.ts";
import { VERSION } from "../graph/version.ts";
import type { Backend } from "../runtime/backend.ts";
import type { AccuracyControlResult } from "../search/accuracy_control.ts";
import { type GroupRanking, rankGroups } from "../search/rank.ts";
import { type Arguments, type Option, UsageError } from "./arguments.ts";
import { filesOf } from "./dataset.ts";
import { checkWritable, readBytes, writeWhole } from "./files.ts";
import type { Progress } from "./progress.ts";

/** The option of commands that can report. */
export const REPORT: Option = {
  name: "report",
  value: "FILE",
  repeated: true,
  help: "write a report: FILE.html is a page, FILE.json the same as data",
};

/** Calibration items that ranges are compared with and groups ranked on. */
const ITEMS = 16;

/** Options that name files which a run reads: one for each input of the model, or one. */
const ITEM_OPTIONS = ["calibration", "validation"] as const;
const WHOLE_FILE_OPTIONS = ["labels", "task"] as const;

/** What a command has found. */
export interface Found {
  /** The command. */
  readonly command: string;
  /** Its command line. */
  readonly args: Arguments;
  /** Its options beside those of the quantization, by name. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The file it has written, where it has. */
  readonly out?: string;
  /** Sizes of the FP32 file and of the one written. */
  readonly sizes?: { readonly before: number; readonly after: number };
  /** Where it ran. */
  readonly backend: Backend;
  /** The items that ranges were taken from. */
  readonly calibration: CalibrationItems;
  /** The quantized model. */
  readonly model: QuantizationResult;
  /** What a search found. */
  readonly result?: AccuracyControlResult;
  /** What each group costs alone; measured here where it is left out. */
  readonly ranking?: GroupRanking;
  /** Told how far the measurements are. */
  readonly progress: Progress | null;
}

/**
 * The files of `--report`.
 *
 * @throws {UsageError} Where a name ends neither in .html nor in .json.
 * @throws {Error} Where one cannot be written.
 */
export async function reportFiles(args: Arguments): Promise<readonly string[]> {
  const files = args.values("report");
  for (const file of files) {
    if (!/\.(html|json)$/.test(file)) throw new UsageError(`--report must end in .html or .json, got "${file}"`);
    await checkWritable(file);
  }
  return files;
}

/** Measures what a report shows beside the result, and writes the files of `--report`. Without that option nothing is done. */
export async function writeReports(found: Found): Promise<void> {
  const files = found.args.values("report");
  if (files.length === 0) return;
  const { model, result, progress } = found;
  const context = await contextOf(found, result?.plan ?? new Set()).finally(() => progress?.end());
  const data = result ? reportOf(result, context) : reportOfModel(model, context);
  for (const file of files) {
    const text = file.endsWith(".json") ? reportJson(data) : reportPage(data);
    await writeWhole(file, new TextEncoder().encode(text));
  }
}

async function contextOf(found: Found, plan: Plan): Promise<ReportContext> {
  const { args, model, backend, progress, sizes, ranking, calibration } = found;
  const shown = {
    model: args.positionals[0]!.replace(/^.*[/\\]/, ""),
    run: await runOf(found),
    ...(sizes && { sizes }),
    rungs: model.report.rungs,
  };
  const items: CalibrationItem[] = [];
  for await (const item of calibration) if (items.push(item) === ITEMS) break;
  const metric = args.value("metric") ?? (args.has("labels") ? "top1" : "metric");
  // A calibration set that can be read only once has no items left.
  if (items.length === 0) return { ...shown, metric, ...(ranking && { ranking }) };
  return {
    ...shown,
    metric,
    ranking: ranking ?? await rankGroups(model, items, { backend, onProgress: (done, total) => tell(done, total) }),
    ranges: await rangesOf(model, plan, items, backend),
    times: await timesOf(model, plan, items[0]!, backend),
  };

  function tell(done: number, total: number): void {
    progress?.listen({ type: "stage", stage: "ranking", done, total });
  }
}

async function runOf({ command, args, model, options, out, backend }: Found): Promise<ReportRun> {
  const ofInputs = ITEM_OPTIONS.filter((name) => args.has(name)).flatMap((name) =>
    Array.from(filesOf(model.graph.inputs, name, args.values(name)).values(), (file) => [name, file])
  );
  const inputs = [...ofInputs, ...WHOLE_FILE_OPTIONS.flatMap((name) => args.values(name).map((file) => [name, file]))];
  const named = [["FP32 model", args.positionals[0]!], ...inputs, ...(out === undefined ? [] : [["result", out]])];
  return {
    command: commandLine(["acqua", command, ...args.words]),
    date: new Date().toISOString(),
    backend: backend.name,
    device: backend.device,
    versions: { acqua: VERSION, Deno: Deno.version.deno, system: Deno.build.target },
    options: {
      recipe: args.value("recipe") ?? null,
      recipes: model.report.recipes,
      ...model.report.settings,
      ...options,
    },
    files: await Promise.all(named.map(([role, path]) => describe(role!, path!))),
  };
}

async function describe(role: string, path: string): Promise<ReportFile> {
  const bytes = await readBytes(path);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.slice()));
  return { role, path, bytes: bytes.length, sha256: digest.toHex() };
}

/** Words as a POSIX shell takes them, each option on a line of its own. */
function commandLine(words: readonly string[]): string {
  return words.map((word, i) => `${i === 0 ? "" : word.startsWith("--") ? " \\\n  " : " "}${quoted(word)}`).join("");
}

/** A word as a POSIX shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
