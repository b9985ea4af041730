/**
 * Holds the files of every export target to outside judges, `deno task accept:export [name...]`.
 *
 * Each model is quantized as a whole, written for each target, read back, and run by acqua and by onnxruntime: in
 * WebAssembly, natively as written, and natively with its optimizations.
 *
 * - Of the file for onnxruntime, run in WebAssembly, at least 99 % of the output elements lie within one step of the last
 *   quantizer of acqua's; or acqua's are no farther from them than onnxruntime is from itself, fused and as written: a float
 *   operator between quantizers (Softmax, Erf) rounds differently everywhere, and each rounding that falls on the other side
 *   grows from layer to layer.
 * - In the other files biases are floats, which only some readers round as acqua does. There, and where nodes run one by
 *   one in float, the difference must be smaller than the one that quantization itself makes, or no greater than that of
 *   onnxruntime from itself.
 * - Top-1 of the file for onnxruntime lies within 0.2 points of acqua's, in WebAssembly.
 * - Of the file with 8-bit weights alone nothing differs but the order of float sums, and it is small.
 *
 * Native onnxruntime with its optimizations is told but held to nothing: on x86 CPUs without VNNI it adds pairs of products
 * in 16 bits, which clip. With weights that keep to half their range they do not. The files of both kinds, the inputs and
 * acqua's outputs stay in out/export for other judges.
 */
import {
  applyPlan,
  type Backend,
  compressWeights,
  exportGraph,
  type ExportTarget,
  extractQuantizers,
  forTarget,
  type Graph,
  type ItemInputs,
  openBackend,
  openModel,
  optionsFor,
  quantize,
  type QuantizedGraph,
  readModel,
  writeOnnx,
} from "../../mod.ts";
import { readImages } from "../bench/images.ts";
import { hasData, readData, type Subject, SUBJECTS } from "./datasets.ts";
import { type JudgeName, openJudge } from "./judges.ts";

const OUT = new URL("../../out/export/", import.meta.url);
const DATA = new URL("../../../shared/data/", import.meta.url);
const TARGETS: readonly ExportTarget[] = ["onnxruntime", "openvino", "tensorrt"];

const CALIBRATION_ITEMS = 32;
/** Items whose output elements are compared. */
const COMPARED_ITEMS = 16;
const LEAST_SHARE = 0.99;
/** Decibels by which acqua may be farther from onnxruntime than that from itself: twice as far. */
const SLACK = 20 * Math.log10(2);
const TOP1_TOLERANCE = 0.2;
/** Two float evaluations of one file are at least this near, in decibels. */
const LEAST_FLOAT_SQNR = 80;
/** A file of 8-bit weights is at most this share of the float one. */
const LARGEST_SHARE = 0.4;

/** A model with items, and their classes where it is a classifier. */
interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly calibration: readonly ItemInputs[];
  readonly items: readonly ItemInputs[];
  readonly labels: readonly number[] | null;
}

const CASES: Readonly<Record<string, () => Promise<Case>>> = {
  kws_dscnn: async () => ({
    ...await labelled("kws_dscnn_hardened_r4"),
    name: "kws_dscnn",
    bytes: readData("kws/kws_dscnn.onnx"),
  }),
  resnet20_cifar10: () => labelled("resnet20_cifar10"),
  mobilenet_v1_025: () => labelled("mobilenet_v1_025"),
  kwt1_features: () => labelled("kwt1_features"),
  fastestdet: async () => {
    const options = { size: 352, order: "CHW", bgr: true, mean: 0, scale: 1 / 255 } as const;
    const images = await readImages(new URL("detect_vww_coco_train128/img352/", DATA), 48, options);
    const items = images.map((image) => ({ "input.1": image }));
    const bytes = readData("detect_vww_coco_train128/FastestDet.onnx");
    return { name: "fastestdet", bytes, calibration: items.slice(0, 32), items: items.slice(32), labels: null };
  },
};

async function labelled(name: string): Promise<Case> {
  const { bytes, calibration, validation }: Subject = await SUBJECTS[name]!();
  return {
    name,
    bytes,
    calibration: calibration.slice(0, CALIBRATION_ITEMS).map(({ inputs }) => inputs),
    items: validation.map(({ inputs }) => inputs),
    labels: validation.map(({ label }) => label),
  };
}

function batched(inputs: ItemInputs, graph: Graph): ItemInputs {
  return Object.fromEntries(graph.inputs.map(({ name, shape }) => {
    const item = inputs[name]!;
    return [name, shape!.length > item.shape.length ? { ...item, shape: [1, ...item.shape] } : item];
  }));
}

async function runAll(run: (inputs: ItemInputs) => Promise<Float32Array>, items: readonly ItemInputs[]) {
  const outputs: Float32Array[] = [];
  for (const item of items) outputs.push(Float32Array.from(await run(item)));
  return outputs;
}

async function ours(graph: Graph, items: readonly ItemInputs[], backend: Backend): Promise<Float32Array[]> {
  await using model = openModel(graph, backend);
  return await runAll(async (inputs) => (await model.run(inputs))[graph.outputs[0]!.name]!.data as Float32Array, items);
}

async function theirs(judge: JudgeName, bytes: Uint8Array, items: readonly ItemInputs[]): Promise<Float32Array[]> {
  await using session = await openJudge(judge, bytes);
  return await runAll((inputs) => session.run(inputs), items);
}

/** The scale of the quantizer of the first output; where it has none, the step of one that holds all its values. */
function stepOf(graph: Graph, outputs: readonly Float32Array[]): number {
  const last = graph.nodes.find((node) => node.outputs.includes(graph.outputs[0]!.name));
  if (last?.op === "DequantizeLinear") return graph.constants.get(last.inputs[1]!)!.data[0]!;
  let [min, max] = [0, 0];
  for (const output of outputs) for (const v of output) [min, max] = [Math.min(min, v), Math.max(max, v)];
  return (max - min) / 255;
}

interface Agreement {
  /** The share of elements within one step. */
  readonly within: number;
  /** Signal to noise in decibels. */
  readonly sqnr: number;
}

function agreement(a: readonly Float32Array[], b: readonly Float32Array[], step: number): Agreement {
  let [near, count, signal, noise] = [0, 0, 0, 0];
  a.forEach((output, item) =>
    output.forEach((v, i) => {
      const difference = Math.abs(v - b[item]![i]!);
      near += Number(difference <= step * (1 + 1e-5));
      [count, signal, noise] = [count + 1, signal + v * v, noise + difference * difference];
    })
  );
  return { within: near / count, sqnr: 10 * Math.log10(signal / noise) };
}

function top1(outputs: readonly Float32Array[], labels: readonly number[]): number {
  const right = outputs.filter((scores, i) => scores.indexOf(Math.max(...scores)) === labels[i]).length;
  return 100 * right / outputs.length;
}

/** Weights on every second integer only: sums of two products with them fit 16 bits. */
function halfRange(model: QuantizedGraph): QuantizedGraph {
  const quantizers = model.quantizers.map((own) =>
    own.kind === "weight"
      ? { ...own, parameters: { ...own.parameters, scale: own.parameters.scale.map((scale) => 2 * scale) } }
      : own
  );
  return { ...model, quantizers };
}

/** The parameters that each input of each node is read through; an axis of one channel is none. */
function readThrough({ quantizers }: QuantizedGraph): Map<string, string> {
  return new Map(
    quantizers.flatMap(({ parameters: { scale, zeroPoint, dtype, axis }, sites }) =>
      sites.flatMap(({ readers }) =>
        readers.map(({ node, input }) =>
          [`${node} ${input}`, `${dtype} ${scale.length > 1 ? axis : null} ${scale} ${zeroPoint}`] as const
        )
      )
    ),
  );
}

/** Whether a file gives back the quantizers and the empty plan that it was written with, and a file of those alike. */
async function readsBack(model: QuantizedGraph, file: Graph, item: ItemInputs, backend: Backend): Promise<boolean> {
  const { model: found, plan } = extractQuantizers(file);
  const [wanted, got] = [readThrough(model), readThrough(found)];
  const alike = [...wanted].every(([reader, parameters]) => got.get(reader) === parameters) || told(wanted, got);
  const [[a], [b]] = await Promise.all([ours(file, [item], backend), ours(applyPlan(found, plan), [item], backend)]);
  return alike && plan.size === 0 && agreement([a!], [b!], 0).sqnr > 100;
}

function told(wanted: ReadonlyMap<string, string>, got: ReadonlyMap<string, string>): false {
  for (const [reader, parameters] of wanted) {
    if (got.get(reader) !== parameters) console.log(`  read back: ${reader}: ${parameters} became ${got.get(reader)}`);
  }
  return false;
}

const percent = (share: number): string => (100 * share).toFixed(2);

async function judge(own: Case, backend: Backend): Promise<Record<string, string | number | boolean>[]> {
  const graph = readModel(own.bytes, { file: own.name });
  const items = own.items.map((item) => batched(item, graph));
  const compared = items.slice(0, COMPARED_ITEMS);
  const calibration = own.calibration.map((item) => batched(item, graph));
  Deno.writeFileSync(
    new URL(`${own.name}.input.bin`, OUT),
    bytesOf(compared.map((item) => Object.values(item)[0]!.data as Float32Array)),
  );
  const float = await ours(graph, compared, backend);
  const rows = [];
  for (const target of TARGETS) {
    const model = await quantize(graph, calibration, optionsFor(target, { backend }));
    const written = exportGraph(model, new Set(), { target, parameters: { subsetSize: calibration.length } });
    const bytes = writeOnnx(written);
    Deno.writeFileSync(new URL(`${own.name}.${target}.onnx`, OUT), bytes);
    const file = readModel(bytes);
    const expected = await ours(file, compared, backend);
    Deno.writeFileSync(new URL(`${own.name}.${target}.acqua.bin`, OUT), bytesOf(expected));
    const step = stepOf(file, expected);
    const row: Record<string, string | number | boolean> = {
      model: own.name,
      target,
      "KB": `${kb(own.bytes)} -> ${kb(bytes)}`,
    };
    const noise = agreement(float, expected, step).sqnr;
    row["FP32: dB"] = noise.toFixed(1);
    let ok = await readsBack(forTarget(model, target), file, compared[0]!, backend);
    row["reads back"] = ok;
    const wasm = await theirs("wasm", bytes, compared);
    const asWritten = await theirs("as written", bytes, compared);
    const self = agreement(asWritten, wasm, step).sqnr;
    row["onnxruntime itself: dB"] = self.toFixed(1);
    const native = await theirs("native", bytes, compared);
    for (const [name, answers] of Object.entries({ wasm, "as written": asWritten, native })) {
      const { within, sqnr } = agreement(expected, answers, step);
      row[`${name}: within 1 step %`] = percent(within);
      row[`${name}: dB`] = sqnr.toFixed(1);
      const strict = target === "onnxruntime" && name === "wasm";
      if (name !== "native") ok &&= (strict ? within >= LEAST_SHARE : sqnr > noise) || sqnr >= self - SLACK;
    }
    const half = writeOnnx(exportGraph(halfRange(model), new Set(), { target }));
    Deno.writeFileSync(new URL(`${own.name}.${target}.half.onnx`, OUT), half);
    const halfExpected = await ours(readModel(half), compared, backend);
    Deno.writeFileSync(new URL(`${own.name}.${target}.half.acqua.bin`, OUT), bytesOf(halfExpected));
    row["native, half range: dB"] = agreement(halfExpected, await theirs("native", half, compared), step).sqnr.toFixed(
      1,
    );
    if (own.labels && target === "onnxruntime") {
      const [a, b] = [
        top1(await ours(file, items, backend), own.labels),
        top1(await theirs("wasm", bytes, items), own.labels),
      ];
      [row["acqua top-1"], row["wasm top-1"]] = [a.toFixed(2), b.toFixed(2)];
      ok &&= Math.abs(a - b) <= TOP1_TOLERANCE;
    }
    rows.push({ ...row, ok });
    console.log(JSON.stringify(rows.at(-1)));
  }
  rows.push(await judgeWeights(own, graph, float, compared, backend));
  return rows;
}

/** A file of 8-bit weights that computes in float: nothing but the order of sums differs in a reader. */
async function judgeWeights(
  own: Case,
  graph: Graph,
  float: readonly Float32Array[],
  items: readonly ItemInputs[],
  backend: Backend,
): Promise<Record<string, string | number | boolean>> {
  const bytes = writeOnnx(exportGraph(compressWeights(graph), new Set()));
  Deno.writeFileSync(new URL(`${own.name}.weights.onnx`, OUT), bytes);
  const expected = await ours(readModel(bytes), items, backend);
  const { sqnr } = agreement(expected, await theirs("wasm", bytes, items), 0);
  const row = {
    model: own.name,
    target: "weights only",
    KB: `${kb(own.bytes)} -> ${kb(bytes)}`,
    "FP32: dB": agreement(float, expected, 0).sqnr.toFixed(1),
    "wasm: dB": sqnr.toFixed(1),
    ok: sqnr >= LEAST_FLOAT_SQNR && bytes.length <= LARGEST_SHARE * own.bytes.length,
  };
  console.log(JSON.stringify(row));
  return row;
}

function kb(bytes: Uint8Array): number {
  return Math.round(bytes.length / 1024);
}

function bytesOf(arrays: readonly Float32Array[]): Uint8Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return new Uint8Array(all.buffer);
}

if (!hasData()) {
  console.log("Skipped: there is no ../shared/data folder with models and data");
  Deno.exit(0);
}
Deno.mkdirSync(OUT, { recursive: true });
await using backend = await openBackend();
const rows = [];
for (const name of Deno.args.length > 0 ? Deno.args : Object.keys(CASES)) {
  const load = CASES[name];
  if (!load) throw new RangeError(`"${name}" must be one of ${Object.keys(CASES).join(", ")}`);
  rows.push(...await judge(await load(), backend));
}
console.table(rows);
Deno.writeTextFileSync(new URL("table.json", OUT), JSON.stringify(rows, null, 2) + "\n");
if (!rows.every(({ ok }) => ok)) Deno.exitCode = 1;
