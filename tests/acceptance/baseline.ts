/**
 * Plain 8-bit quantization beside NNCF's, model by model, `deno task baseline [--recipes] [name...]`: the metric in FP32, with
 * the defaults, with the preset "mixed" and, asked for, with the recipe that the ladder chooses.
 */
import {
  applyPlan,
  type Graph,
  type Model,
  openBackend,
  openModel,
  quantize,
  type QuantizeOptions,
  readModel,
  writeOnnx,
} from "../../mod.ts";
import { hasData } from "./datasets.ts";
import { openInOnnxruntime } from "./judge.ts";
import { type AccuracyTask, TASKS } from "./tasks.ts";

/** What `nncf.quantize` of NNCF 3.4.0 gave, in percent, with the defaults and with the preset "mixed". */
interface Row {
  readonly task: string;
  readonly variant: string;
  readonly options: QuantizeOptions;
  /** In OpenVINO 2026.4, the model converted with `ov.convert_model`. */
  readonly openvino: readonly [standard: number, mixed: number];
  /** As an ONNX file in onnxruntime 1.32, where it was measured. */
  readonly onnx?: readonly [standard: number, mixed: number];
}

const PER_TENSOR: QuantizeOptions = { advanced: { weightsQuantizationParams: { perChannel: false } } };

const ROWS: readonly Row[] = [
  { task: "kws_dscnn", variant: "", options: {}, openvino: [89.88, 89.75], onnx: [89.88, 89.88] },
  { task: "kws_dscnn_hardened_r4", variant: "", options: {}, openvino: [89.88, 89.62], onnx: [90.12, 89.88] },
  {
    ...{ task: "kws_dscnn_hardened_r4", variant: "per-tensor weights", options: PER_TENSOR },
    ...{ openvino: [75.38, 77.25], onnx: [75, 77.62] },
  },
  { task: "resnet20_cifar10", variant: "", options: {}, openvino: [91.3, 91.7], onnx: [91.9, 91.5] },
  { task: "mobilenetv2like_alibaba_ic", variant: "", options: {}, openvino: [82.1, 82.5], onnx: [82.1, 82.3] },
  { task: "mobilenet_v1_025", variant: "", options: {}, openvino: [56.11, 56.22], onnx: [54.67, 54.78] },
  { task: "mobilenet_v1_025", variant: "per-tensor weights", options: PER_TENSOR, openvino: [0, 0] },
  { task: "kwt1_features", variant: "", options: {}, openvino: [96.19, 97.14] },
  { task: "kwt1_features", variant: "transformer", options: { modelType: "transformer" }, openvino: [97.14, 97.14] },
  { task: "fastestdet", variant: "", options: {}, openvino: [31.42, 30.64], onnx: [29.92, 30.23] },
  { task: "stories260k", variant: "", options: {}, openvino: [52.01, 52.13] },
  { task: "stories260k", variant: "transformer", options: { modelType: "transformer" }, openvino: [52.62, 52.62] },
  { task: "ocr", variant: "", options: {}, openvino: [99.67, 99.67] },
  { task: "ocr", variant: "per-tensor weights", options: PER_TENSOR, openvino: [0, 0] },
];

/** Points by which a metric over about a thousand items may lie below NNCF's. */
const TOLERANCE = 0.3;

/** Points by which onnxruntime may read another metric from the file that is written. */
const FILE_TOLERANCE = 0.2;

async function metricOf(open: Model | Promise<Model>, { validate, validation }: AccuracyTask): Promise<number> {
  await using model = await open;
  const result = await validate(model, validation);
  return 100 * (typeof result === "number" ? result : result.metric);
}

if (!hasData()) {
  console.log("Skipped: there is no ../shared/data folder with models and labelled data");
  Deno.exit(0);
}
const recipes = Deno.args.includes("--recipes");
const names = Deno.args.filter((word) => !word.startsWith("--"));
await using backend = await openBackend();
const table: Record<string, string | number | boolean>[] = [];
for (const name of new Set(ROWS.map(({ task }) => task))) {
  if (names.length > 0 && !names.includes(name)) continue;
  const task = await TASKS[name]!();
  const graph = readModel(task.bytes);
  const fp32 = await metricOf(openModel(graph, backend), task);
  for (const { variant, options, openvino, onnx } of ROWS.filter((row) => row.task === name)) {
    const start = performance.now();
    const int8 = async (own: QuantizeOptions): Promise<Graph> =>
      applyPlan(await quantize(graph, task.calibration, { ...own, backend }), new Set());
    const plain = await int8(options);
    const standard = await metricOf(openModel(plain, backend), task);
    const outside = await metricOf(openInOnnxruntime(writeOnnx(plain), plain), task);
    const mixed = await metricOf(openModel(await int8({ ...options, preset: "mixed" }), backend), task);
    const row = {
      model: variant ? `${name}, ${variant}` : name,
      "FP32": fp32.toFixed(2),
      "INT8": standard.toFixed(2),
      "NNCF": openvino[0],
      "NNCF onnx": onnx?.[0] ?? "",
      "mixed": mixed.toFixed(2),
      "NNCF mixed": openvino[1],
      "NNCF onnx mixed": onnx?.[1] ?? "",
      ...(recipes && {
        recipe: (await metricOf(openModel(await int8({ ...options, recipe: "auto" }), backend), task)).toFixed(2),
      }),
      "onnxruntime": outside.toFixed(2),
      "s": Math.round((performance.now() - start) / 1000),
      ok: Math.abs(outside - standard) <= FILE_TOLERANCE &&
        [[standard, 0], [mixed, 1]].every(([own, i]) => own! >= Math.max(openvino[i!]!, onnx?.[i!] ?? 0) - TOLERANCE),
    };
    console.log(JSON.stringify(row));
    table.push(row);
  }
}
console.table(table);
Deno.mkdirSync(new URL("../../out/", import.meta.url), { recursive: true });
Deno.writeTextFileSync(new URL("../../out/baseline.json", import.meta.url), JSON.stringify(table, null, 2) + "\n");
if (!table.every(({ ok }) => ok)) Deno.exitCode = 1;
