/** `quantize`: an FP32 model to INT8, with as much left in FP32 as the metric asks for. @module */
import { resolve } from "node:path";
import type { Graph } from "../graph/graph.ts";
import { exportGraph } from "../graph/export.ts";
import type { Plan } from "../graph/quantizers.ts";
import { EXPORT_TARGETS } from "../graph/targets.ts";
import { writeOnnx } from "../onnx/write.ts";
import type { CalibrationItems } from "../quant/calibration_set.ts";
import { type QuantizationResult, quantize } from "../quant/quantize.ts";
import { optionsFor } from "../quant/target_options.ts";
import { backendText, fileRows, reportText, table } from "../report/text.ts";
import type { Backend } from "../runtime/backend.ts";
import { type AccuracyControlResult, quantizeWithAccuracyControl } from "../search/accuracy_control.ts";
import { AccuracyDropError } from "../search/errors.ts";
import { type LabelledItem, top1, top5 } from "../search/metrics.ts";
import type { Validate } from "../search/subject.ts";
import { type Arguments, choiceOf, modelOf, UsageError } from "./arguments.ts";
import { BACKEND_OPTIONS, backendOf, openOwn } from "./backend.ts";
import { type Command, EXIT, type Terminal } from "./command.ts";
import { readCalibration, readItems, readLabels } from "./dataset.ts";
import { checkWritable, readBytes, readModel, writeWhole } from "./files.ts";
import { type Progress, progressOf } from "./progress.ts";
import { QUANTIZATION_OPTIONS, quantizeOptionsOf } from "./quantization.ts";
import { REPORT, reportFiles, writeReports } from "./report.ts";
import { SEARCH_OPTIONS, searchOptionsOf } from "./search.ts";
import { importTask } from "./task.ts";
import { writeWeightsOnly } from "./weights_only.ts";

/** The options that only a search uses. */
const NEEDING_VALIDATION = ["labels", "metric", ...SEARCH_OPTIONS.map(({ name }) => name)];

/** The options that need data, which weights alone do without. */
const NEEDING_DATA = [
  ...["calibration", "validation", "task", "report", ...NEEDING_VALIDATION],
  ...QUANTIZATION_OPTIONS.map(({ name }) => name).filter((name) => name !== "per-tensor"),
];

/** The ready metrics. */
const METRICS = { top1, top5 };
const METRIC_NAMES = ["top1", "top5"] as const;

/** Data and a metric, in the types that the library takes. */
interface Data {
  readonly calibration: CalibrationItems;
  readonly search: { readonly validation: readonly unknown[]; readonly validate: Validate<unknown> } | null;
}

/** The settings of a call. */
type Settings = ReturnType<typeof settingsOf>;

/** `quantize` */
export const quantizeCommand: Command = {
  summary: "Quantize an FP32 ONNX model to INT8, and keep its metric",
  usage:
    "quantize MODEL (--calibration X.npy [--validation Y.npy --labels L.npy] | --task TASK.ts | --weights-only) [options]",
  notes: [
    "Without --validation the whole model is quantized and nothing is measured.",
    "The first axis of a .npy file counts the items. A model with several inputs takes NAME=X.npy for each.",
    "TASK.ts exports calibration (model inputs), validation (an array) and validate(model, data), higher is better.",
    "Exit code 3: the drop could not be kept; the best model is written all the same.",
  ],
  options: [
    { name: "calibration", value: "[NAME=]X.npy", repeated: true, help: "inputs that ranges are taken from" },
    { name: "validation", value: "[NAME=]Y.npy", repeated: true, help: "inputs that the metric is computed on" },
    { name: "labels", value: "L.npy", help: "the class of each validation item" },
    { name: "metric", value: "NAME", help: "the metric: top1 (default) or top5" },
    { name: "task", value: "TASK.ts", help: "a module with the data and the metric" },
    ...SEARCH_OPTIONS,
    ...QUANTIZATION_OPTIONS,
    ...BACKEND_OPTIONS,
    { name: "export", value: "TARGET", help: "who reads the file: onnxruntime (default), openvino or tensorrt" },
    { name: "weights-only", help: "weights in INT8 and nothing else; needs no data" },
    { name: "out", value: "FILE", help: "the file to write (default: MODEL with .int8.onnx)" },
    REPORT,
    { name: "json", help: "print one JSON object instead of a table" },
    { name: "quiet", help: "do not tell of progress" },
  ],
  async run(args, terminal): Promise<number> {
    const settings = settingsOf(args);
    if (args.has("weights-only")) {
      const { model, out, target } = settings;
      const [perChannel, json] = [!args.has("per-tensor"), args.has("json")];
      return await writeWeightsOnly({ model, out, target, perChannel, json }, terminal);
    }
    const graph = await readModel(settings.model);
    await checkWritable(settings.out);
    await reportFiles(args);
    const data = await readData(graph, args);
    await using backend = await openOwn(args, terminal);
    const progress = args.has("quiet") ? null : progressOf(terminal);
    const report: Report = { args, settings, terminal, backend, progress, json: args.has("json") };
    return data.search ? await control(graph, data, data.search, report) : await convert(graph, data, report);
  },
};

function settingsOf(args: Arguments) {
  const model = modelOf(args);
  checkDataOptions(args);
  const out = args.value("out") ?? model.replace(/(\.onnx)?$/, ".int8.onnx");
  if (resolve(out) === resolve(model)) throw new UsageError("--out is MODEL itself");
  const target = choiceOf(args, "export", EXPORT_TARGETS) ?? "onnxruntime";
  const quantization = optionsFor(target, quantizeOptionsOf(args));
  backendOf(args);
  return {
    model,
    out,
    target,
    quantize: quantization,
    search: searchOptionsOf(args, quantization.subsetSize ?? 300),
  };
}

function checkDataOptions(args: Arguments): void {
  if (args.has("weights-only")) return exclude(args, "weights-only", NEEDING_DATA);
  if (args.has("task")) return exclude(args, "task", ["calibration", "validation", "labels", "metric"]);
  if (!args.has("calibration")) throw new UsageError("--calibration or --task is missing");
  choiceOf(args, "metric", METRIC_NAMES);
  if (args.has("validation")) {
    if (!args.has("labels")) throw new UsageError("--labels is missing: --validation needs the class of each item");
    return;
  }
  const useless = NEEDING_VALIDATION.find((name) => args.has(name));
  if (useless) throw new UsageError(`--${useless} needs --validation`);
}

function exclude(args: Arguments, option: string, names: readonly string[]): void {
  const other = names.find((name) => args.has(name));
  if (other) throw new UsageError(`--${other} and --${option} exclude each other`);
}

async function readData({ inputs }: Graph, args: Arguments): Promise<Data> {
  const task = args.value("task");
  if (task !== undefined) {
    const { calibration, ...search } = await importTask(task);
    return { calibration, search };
  }
  const calibration = await readCalibration(inputs, args.values("calibration"));
  const labels = args.value("labels");
  if (labels === undefined) return { calibration, search: null };
  const validation = await readItems(inputs, "validation", args.values("validation"));
  const classes = await readLabels(labels, validation.length);
  return {
    calibration,
    search: {
      validation: validation.map((item, i): LabelledItem => ({ inputs: item, label: classes[i]! })),
      validate: METRICS[choiceOf(args, "metric", METRIC_NAMES) ?? "top1"] as Validate<unknown>,
    },
  };
}

/** How results are told. */
interface Report {
  readonly args: Arguments;
  readonly settings: Settings;
  readonly terminal: Terminal;
  readonly backend: Backend;
  readonly progress: Progress | null;
  readonly json: boolean;
}

async function control(
  graph: Graph,
  { calibration }: Data,
  { validation, validate }: NonNullable<Data["search"]>,
  report: Report,
): Promise<number> {
  const { settings, terminal, backend, progress, json } = report;
  let result: AccuracyControlResult;
  try {
    result = await quantizeWithAccuracyControl(graph, calibration, validation, validate, {
      ...settings.quantize,
      ...settings.search,
      backend,
      ...(progress && { onProgress: progress.listen }),
    });
  } catch (error) {
    if (!(error instanceof AccuracyDropError)) throw error;
    result = error.best as AccuracyControlResult;
  } finally {
    progress?.end();
  }
  const sizes = await write(result.model, result.plan, report);
  warn(terminal, result.warnings);
  terminal.out(
    json
      ? JSON.stringify({ ...jsonOf(result), ...fileJson(report, sizes, result.warnings) })
      : reportText(result, { file: settings.out, sizes, backend }),
  );
  const options = { ...settings.search, journal: report.args.value("journal") ?? null, target: settings.target };
  await writeReports({ ...found(report), options, sizes, calibration, model: result.model, result });
  if (result.reached) return EXIT.done;
  for (const advice of result.advice) terminal.error(`advice: ${advice}`);
  terminal.error(
    `acqua quantize: a drop of ${result.maxDrop} (${result.dropType}) cannot be kept: the best model found ` +
      `has a metric of ${result.metric}, a drop of ${
        Number(result.drop.toPrecision(6))
      }; it is written to "${settings.out}"`,
  );
  return EXIT.notReached;
}

async function convert(graph: Graph, { calibration }: Data, report: Report): Promise<number> {
  const { settings, terminal, backend, progress, json } = report;
  const start = performance.now();
  progress?.listen({ type: "stage", stage: "calibration", done: 0, total: null });
  const model = await quantize(graph, calibration, {
    ...settings.quantize,
    backend,
    onProgress: (done) => progress?.listen({ type: "stage", stage: "calibration", done, total: null }),
  }).finally(() => progress?.end());
  const seconds = (performance.now() - start) / 1000;
  const sizes = await write(model, new Set(), report);
  warn(terminal, model.warnings);
  const counts = { groups: model.groups.length, reverted: [], evaluations: 0, itemInferences: 0, seconds };
  terminal.out(
    json ? JSON.stringify({ ...NOT_MEASURED, ...counts, ...fileJson(report, sizes, model.warnings) }) : table([
      ["in INT8", `${model.groups.length} groups; nothing was measured (no --validation)`],
      ["time", `${seconds.toFixed(1)} s on ${backendText(backend)}`],
      ...fileRows({ file: settings.out, sizes }),
    ]),
  );
  await writeReports({ ...found(report), options: { target: settings.target }, sizes, calibration, model });
  return EXIT.done;
}

async function write(
  model: QuantizationResult,
  plan: Plan,
  { settings }: Report,
): Promise<{ before: number; after: number }> {
  const { recipes, settings: own } = model.report;
  const bytes = writeOnnx(exportGraph(model, plan, { target: settings.target, parameters: { recipes, ...own } }));
  await writeWhole(settings.out, bytes);
  return { before: (await readBytes(settings.model)).length, after: bytes.length };
}

/** What a report says of the call. */
function found({ args, settings, backend, progress }: Report) {
  return { command: "quantize", args, out: settings.out, backend, progress };
}

function warn(terminal: Terminal, warnings: readonly string[]): void {
  for (const warning of warnings) terminal.error(`warning: ${warning}`);
}

const NOT_MEASURED = { baselineMetric: null, int8Metric: null, metric: null, drop: null, maxDrop: null, reached: null };

function jsonOf(result: AccuracyControlResult): Record<string, unknown> {
  const { baselineMetric, int8Metric, metric, drop, maxDrop, dropType, reached, itemInferences, seconds } = result;
  return {
    ...{ baselineMetric, int8Metric, metric, drop, maxDrop, dropType, reached },
    ...{ status: result.status, interval: result.interval, verified: result.verified },
    groups: result.groups.length,
    reverted: result.reverted.map(({ group }) => group),
    evaluations: result.evaluations.length,
    itemInferences,
    seconds,
  };
}

function fileJson(
  { settings, backend }: Report,
  { before, after }: { readonly before: number; readonly after: number },
  warnings: readonly string[],
): Record<string, unknown> {
  const { name, device } = backend;
  return { backend: name, device, out: settings.out, bytesBefore: before, bytes: after, warnings };
}
