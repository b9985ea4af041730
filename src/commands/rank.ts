/** `rank`: what each group of operations costs in INT8, without labels. @module */
import type { Graph } from "../graph/graph.ts";
import type { CalibrationItem } from "../quant/statistics.ts";
import { quantize } from "../quant/quantize.ts";
import { rankText } from "../report/rank.ts";
import { backendText } from "../report/text.ts";
import { rankGroups } from "../search/rank.ts";
import { type Arguments, countOf, modelOf, UsageError } from "./arguments.ts";
import { BACKEND_OPTIONS, backendOf, openOwn } from "./backend.ts";
import { type Command, EXIT } from "./command.ts";
import { readCalibration } from "./dataset.ts";
import { readModel } from "./files.ts";
import { progressOf } from "./progress.ts";
import { QUANTIZATION_OPTIONS, quantizeOptionsOf } from "./quantization.ts";
import { REPORT, reportFiles, writeReports } from "./report.ts";
import { importCalibration } from "./task.ts";

/** `rank` */
export const rankCommand: Command = {
  summary: "Show what each group of operations costs in INT8, without labels",
  usage: "rank MODEL (--calibration X.npy | --task TASK.ts) [options]",
  notes: [
    "Each group alone is run in INT8 and the outputs compared with those in FP32, most sensitive first: SQNR, the ratio of",
    "signal to quantization noise, and where the outputs look like scores of classes their KL divergence, which decides.",
  ],
  options: [
    { name: "calibration", value: "[NAME=]X.npy", repeated: true, help: "inputs for ranges and for the comparison" },
    { name: "task", value: "TASK.ts", help: "a module that exports calibration" },
    { name: "items", value: "N", help: "items that outputs are compared on (default 32)" },
    ...QUANTIZATION_OPTIONS,
    { name: "top", value: "N", help: "list only the N most sensitive groups" },
    ...BACKEND_OPTIONS,
    REPORT,
    { name: "json", help: "print one JSON object instead of a table" },
    { name: "quiet", help: "do not tell of progress" },
  ],
  async run(args, terminal): Promise<number> {
    const file = modelOf(args);
    const [items, top] = ["items", "top"].map((name) => countOf(args, name));
    backendOf(args);
    const quantization = quantizeOptionsOf(args);
    await reportFiles(args);
    const graph = await readModel(file);
    const calibration = await calibrationOf(graph, args);
    await using backend = await openOwn(args, terminal);
    const progress = args.has("quiet") ? null : progressOf(terminal);
    const tell = (stage: "calibration" | "ranking") => (done: number, total: number | null = null): void =>
      progress?.listen({ type: "stage", stage, done, total });
    progress?.listen({ type: "stage", stage: "calibration", done: 0, total: null });
    const model = await quantize(graph, calibration, { ...quantization, backend, onProgress: tell("calibration") });
    const ranking = await rankGroups(model, calibration, {
      ...(items !== undefined && { items }),
      backend,
      onProgress: tell("ranking"),
    }).finally(() => progress?.end());
    await writeReports({
      ...{ command: "rank", args, options: { items: ranking.items }, backend, progress },
      ...{ calibration, model, ranking },
    });
    for (const warning of model.warnings) terminal.error(`warning: ${warning}`);
    if (args.has("json")) {
      terminal.out(JSON.stringify({ file, backend: backend.name, device: backend.device, ...ranking }));
    } else {
      terminal.out(rankText(model, ranking, top === undefined ? {} : { top }));
      terminal.out(`${ranking.groups.length} groups, ${ranking.items} items, on ${backendText(backend)}`);
    }
    return EXIT.done;
  },
};

/** The calibration items, which are read twice. */
async function calibrationOf({ inputs }: Graph, args: Arguments): Promise<CalibrationItem[]> {
  const task = args.value("task");
  if (task !== undefined) {
    if (args.has("calibration")) throw new UsageError("--calibration and --task exclude each other");
    return await Array.fromAsync(await importCalibration(task));
  }
  if (!args.has("calibration")) throw new UsageError("--calibration or --task is missing");
  return await readCalibration(inputs, args.values("calibration"));
}
