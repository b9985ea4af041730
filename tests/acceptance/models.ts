/**
 * Takes real models through the whole way, `deno task accept [name...]`: FP32 accuracy as published, accuracy control, the
 * file written, and the same accuracy from that file in onnxruntime, which runs its convolutions as integers.
 */
import onnxProto from "onnx-proto";
import * as ort from "onnxruntime-node";
import {
  type AccuracyControlResult,
  type Backend,
  type Graph,
  type LabelledItem,
  openBackend,
  openModel,
  optionsFor,
  quantizeWithAccuracyControl,
  readModel,
  top1,
  writeOnnx,
} from "../../mod.ts";
import { hasData, type Subject, SUBJECTS } from "./datasets.ts";

const MAX_DROP = 0.01;
const OUT = new URL("../../out/acceptance/", import.meta.url);

/** Points of top-1 by which two runs of one model may differ: rounding moves items on the border. */
const FP32_TOLERANCE = 0.2;
const FILE_TOLERANCE = 0.3;

interface Judgement {
  readonly top1: number;
  readonly integerConvolutions: number;
}

/** Runs a file in onnxruntime: its accuracy, and how many convolutions it runs as integers after its own optimization. */
async function judge(path: string, graph: Graph, items: readonly LabelledItem[]): Promise<Judgement> {
  const optimized = await Deno.makeTempFile({ suffix: ".onnx" });
  const session = await ort.InferenceSession.create(path, {
    optimizedModelFilePath: optimized,
    graphOptimizationLevel: "extended",
    logSeverityLevel: 3,
  });
  let right = 0;
  for (const { inputs, label } of items) {
    const feeds = graph.inputs.map(({ name, shape }) => {
      const { data, shape: own } = inputs[name]!;
      const dims = shape!.length > own.length ? [1, ...own] : own;
      return [name, new ort.Tensor("float32", data as Float32Array, dims)] as const;
    });
    const scores = (await session.run(Object.fromEntries(feeds)))[graph.outputs[0]!.name]!.data as Float32Array;
    if (scores.indexOf(Math.max(...scores)) === label) right++;
  }
  await session.release();
  const nodes = onnxProto.onnx.ModelProto.decode(await Deno.readFile(optimized)).graph?.node ?? [];
  await Deno.remove(optimized);
  return {
    top1: 100 * right / items.length,
    integerConvolutions: nodes.filter(({ opType }) => opType === "QLinearConv").length,
  };
}

function convolutionsIn8Bits({ model, plan }: AccuracyControlResult): number {
  const names = new Set(model.groups.filter(({ id }) => !plan.has(id)).flatMap(({ nodes }) => nodes));
  return model.graph.nodes.filter(({ name, op }) => op === "Conv" && names.has(name)).length;
}

async function accept(subject: Subject, backend: Backend): Promise<Record<string, string | number | boolean>> {
  const { name, bytes, calibration, validation } = subject;
  const start = performance.now();
  const graph = readModel(bytes);
  await using float = openModel(graph, backend);
  const fp32 = 100 * (await top1(float, subject.published)).metric;
  const result = await quantizeWithAccuracyControl(
    graph,
    calibration.map(({ inputs }) => batched(inputs, graph)),
    validation,
    top1,
    { ...optionsFor("onnxruntime", {}), maxDrop: MAX_DROP, backend },
  );
  const path = new URL(`${name}.onnx`, OUT);
  const file = writeOnnx(result.graph);
  Deno.writeFileSync(path, file);
  const outside = await judge(path.pathname, graph, validation);
  const integer = convolutionsIn8Bits(result);
  return {
    model: name,
    "FP32 %": fp32.toFixed(2),
    "known %": subject.fp32Top1,
    "INT8 %": result.int8Metric === null ? "too low" : (100 * result.int8Metric).toFixed(2),
    "mixed %": (100 * result.metric).toFixed(2),
    "drop": result.drop.toFixed(4),
    "FP32 groups": `${result.plan.size} of ${result.groups.length}`,
    "onnxruntime %": outside.top1.toFixed(2),
    "QLinearConv": `${outside.integerConvolutions} of ${integer}`,
    "KB": `${Math.round(bytes.length / 1024)} -> ${Math.round(file.length / 1024)}`,
    "s": Math.round((performance.now() - start) / 1000),
    ok: Math.abs(fp32 - subject.fp32Top1) <= FP32_TOLERANCE && result.reached &&
      Math.abs(outside.top1 - 100 * result.metric) <= FILE_TOLERANCE && outside.integerConvolutions === integer,
  };
}

function batched(inputs: LabelledItem["inputs"], graph: Graph): LabelledItem["inputs"] {
  return Object.fromEntries(graph.inputs.map(({ name, shape }) => {
    const item = inputs[name]!;
    return [name, shape!.length > item.shape.length ? { ...item, shape: [1, ...item.shape] } : item];
  }));
}

if (!hasData()) {
  console.log("Skipped: there is no ../shared/data folder with models and labelled data");
  Deno.exit(0);
}
Deno.mkdirSync(OUT, { recursive: true });
await using backend = await openBackend();
console.log(`Permitted drop ${MAX_DROP}, on ${backend.device}`);
const rows = [];
for (const name of Deno.args.length > 0 ? Deno.args : Object.keys(SUBJECTS)) {
  const load = SUBJECTS[name];
  if (!load) throw new RangeError(`"${name}" must be one of ${Object.keys(SUBJECTS).join(", ")}`);
  const row = await accept(await load(), backend);
  console.log(JSON.stringify(row));
  rows.push(row);
}
console.table(rows);
Deno.writeTextFileSync(new URL("table.json", OUT), JSON.stringify(rows, null, 2) + "\n");
if (!rows.every(({ ok }) => ok)) Deno.exitCode = 1;
