/**
 * Takes real models through the whole way, `deno task accept [name...]`: FP32 accuracy as published, accuracy control, the
 * file written, and the same accuracy from that file in onnxruntime, which runs its convolutions as integers.
 */
import onnxProto from "onnx-proto";
import * as ort from "onnxruntime-node";
import {
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
import { openInOnnxruntime } from "./judge.ts";
import { hasData, type Subject, SUBJECTS } from "./datasets.ts";

const MAX_DROP = 0.01;
const OUT = new URL("../../out/acceptance/", import.meta.url);

/** Points of top-1 by which two runs of one model may differ: rounding moves items on the border. */
const FP32_TOLERANCE = 0.2;
const FILE_TOLERANCE = 0.3;

/** How many convolutions onnxruntime runs as integers in a file, after its own optimization. */
async function integerConvolutions(path: string): Promise<number> {
  const optimized = await Deno.makeTempFile({ suffix: ".onnx" });
  const session = await ort.InferenceSession.create(path, {
    optimizedModelFilePath: optimized,
    graphOptimizationLevel: "extended",
    logSeverityLevel: 3,
  });
  await session.release();
  const nodes = onnxProto.onnx.ModelProto.decode(await Deno.readFile(optimized)).graph?.node ?? [];
  await Deno.remove(optimized);
  return nodes.filter(({ opType }) => opType === "QLinearConv").length;
}

/** The convolutions between quantizers, behind their activations: those that can be run as integers. */
function quantizedConvolutions({ nodes }: Graph): number {
  const readersOf = (value: string) => nodes.filter(({ inputs }) => inputs.includes(value));
  const producer = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node])));
  const isQuantized = (value: string): boolean => {
    const readers = readersOf(value);
    return readers.length > 0 &&
      readers.every(({ op, outputs }) =>
        op === "QuantizeLinear" || ((op === "Relu" || op === "Clip") && isQuantized(outputs[0]!))
      );
  };
  return nodes.filter(({ op, inputs, outputs }) =>
    op === "Conv" && inputs.slice(0, 2).every((name) => producer.get(name)?.op === "DequantizeLinear") &&
    isQuantized(outputs[0]!)
  ).length;
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
  await using judge = await openInOnnxruntime(file, graph);
  const outside = 100 * (await top1(judge, validation)).metric;
  const [integer, wanted] = [await integerConvolutions(path.pathname), quantizedConvolutions(result.graph)];
  return {
    model: name,
    "FP32 %": fp32.toFixed(2),
    "known %": subject.fp32Top1,
    "INT8 %": result.int8Metric === null ? "too low" : (100 * result.int8Metric).toFixed(2),
    "mixed %": (100 * result.metric).toFixed(2),
    "drop": result.drop.toFixed(4),
    "FP32 groups": `${result.plan.size} of ${result.groups.length}`,
    "onnxruntime %": outside.toFixed(2),
    "QLinearConv": `${integer} of ${wanted}`,
    "KB": `${Math.round(bytes.length / 1024)} -> ${Math.round(file.length / 1024)}`,
    "s": Math.round((performance.now() - start) / 1000),
    ok: Math.abs(fp32 - subject.fp32Top1) <= FP32_TOLERANCE && result.reached &&
      Math.abs(outside - 100 * result.metric) <= FILE_TOLERANCE && integer >= wanted,
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
