/**
 * Times whole models beside onnxruntime-web, `deno task bench [rounds]`: all in one process, in interleaved rounds, each
 * run from input in host memory to output in host memory. Results must agree before anything is timed.
 */
import assert from "node:assert/strict";
import { loadReader, toInput } from "../../examples/ocr/reader.ts";
import { renderLines } from "../../examples/ocr/render.ts";
import {
  applyPlan,
  type Graph,
  openBackend,
  openModel,
  planOf,
  quantize,
  readModel,
  type Tensor,
  writeOnnx,
} from "../../mod.ts";
import { hasData, SUBJECTS } from "../acceptance/datasets.ts";
import { openPeer, PEER_VERSION, type Runner } from "./peers.ts";

const ROUNDS = Number(Deno.args[0] ?? 9);
const CALIBRATION_ITEMS = 16;
const MEMORY_RUNS = 100;
const OUT = new URL("../../out/", import.meta.url);
const PEERS = ["webgpu", "wasm"] as const;

interface Workload {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Name of the input. */
  readonly input: string;
  /** What is timed. */
  readonly x: Tensor;
  readonly calibration: readonly Readonly<Record<string, Tensor>>[];
}

interface Row {
  readonly model: string;
  readonly precision: "FP32" | "INT8";
  /** Median milliseconds of acqua and its peers. */
  readonly ms: Readonly<Record<"acqua" | (typeof PEERS)[number], number>>;
  /** Bytes of device memory that the model takes, and what it must stay below: its file and four times its largest value. */
  readonly deviceBytes: { readonly activations: number; readonly constants: number; readonly limit: number };
  /** Growth of the process over `MEMORY_RUNS` runs. */
  readonly growthBytes: number;
}

function stack(items: readonly Tensor[]): Tensor {
  const data = new Float32Array(items.reduce((size, { data }) => size + data.length, 0));
  items.forEach((item, i) => data.set(item.data, i * item.data.length));
  return { dtype: "f32", shape: [items.length, ...items[0]!.shape], data };
}

async function fromData(subject: string, batch: number): Promise<Workload> {
  const { name, bytes, calibration, validation } = await SUBJECTS[subject]!();
  const input = Object.keys(validation[0]!.inputs)[0]!;
  return {
    name: `${name}, batch ${batch}`,
    bytes,
    input,
    x: stack(validation.slice(0, batch).map(({ inputs }) => inputs[input]!)),
    calibration: calibration.slice(0, CALIBRATION_ITEMS).map(({ inputs }) => ({ [input]: stack([inputs[input]!]) })),
  };
}

async function reader(): Promise<Workload> {
  const width = 256;
  const lines = await renderLines(CALIBRATION_ITEMS + 1, width, 3);
  const [x, ...calibration] = lines.map((line) => stack([toInput(line, width)]));
  return {
    name: `ppocr_v4_rec, one line of 48x${width}`,
    bytes: loadReader().bytes,
    input: "x",
    x: x!,
    calibration: calibration.map((x) => ({ x })),
  };
}

/** Asserts that outputs agree: closely in FP32; in INT8, where a last bit may move a sum over a border, in their classes. */
function assertAlike(actual: ArrayLike<number>, expected: ArrayLike<number>, classes: number, exact: boolean): void {
  assert.equal(actual.length, expected.length);
  let [same, rows, greatest, difference] = [0, 0, 0, 0];
  for (let start = 0; start < expected.length; start += classes) {
    let [a, e] = [start, start];
    for (let i = start; i < start + classes; i++) {
      if (actual[i]! > actual[a]!) a = i;
      if (expected[i]! > expected[e]!) e = i;
      greatest = Math.max(greatest, Math.abs(expected[i]!));
      difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    }
    same += a === e ? 1 : 0;
    rows++;
  }
  if (exact) assert(difference <= 1e-3 * greatest, `FP32 results differ by ${difference} of ${greatest}`);
  else assert(same >= 0.9 * rows, `INT8 results give the same class in ${same} of ${rows} rows only`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function measure(
  { name, bytes, input, x }: Workload,
  precision: Row["precision"],
): Promise<Row> {
  const graph = readModel(bytes);
  await using backend = await openBackend("webgpu");
  await using model = openModel(graph, backend);
  const output = graph.outputs[0]!.name;
  const own: Runner = {
    run: async () => (await model.run({ [input]: x }))[output]!.data,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  await using resources = new AsyncDisposableStack();
  const runners: Record<string, Runner> = { acqua: own };
  for (const peer of PEERS) runners[peer] = resources.use(await openPeer(peer, bytes, x));

  const { shape, data } = (await model.run({ [input]: x }))[output]!;
  for (const peer of PEERS) assertAlike(data, await runners[peer]!.run(), shape.at(-1)!, precision === "FP32");

  const times: Record<string, number[]> = {};
  for (let round = -1; round < ROUNDS; round++) {
    for (const [who, runner] of Object.entries(runners)) {
      const start = performance.now();
      await runner.run();
      if (round >= 0) (times[who] ??= []).push(performance.now() - start);
    }
  }
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < MEMORY_RUNS; i++) await own.run();
  return {
    model: name,
    precision,
    ms: { acqua: median(times["acqua"]!), webgpu: median(times["webgpu"]!), wasm: median(times["wasm"]!) },
    deviceBytes: {
      activations: model.bytes,
      constants: backend.constantBytes,
      limit: bytes.length + 4 * largestValue(graph, { [input]: x }),
    },
    growthBytes: Deno.memoryUsage().rss - before,
  };
}

/** Bytes of the largest value that a run reads or computes. */
function largestValue(graph: Graph, inputs: Readonly<Record<string, Tensor>>): number {
  const { steps, types } = planOf(graph, inputs);
  return Math.max(
    ...[Object.keys(inputs), ...steps.map(({ outputs }) => outputs)].flatMap((names) =>
      names.map((name) => {
        const { dtype, shape } = types.get(name)!;
        return shape.reduce((size, dim) => size * dim, dtype === "i8" ? 1 : 4);
      })
    ),
  );
}

const workloads = [reader];
if (hasData()) workloads.unshift(() => fromData("resnet20_cifar10", 32), () => fromData("mobilenet_v1_025", 1));
else console.log("Only the reader is timed: there is no ../shared/data folder with further models");

const rows: Row[] = [];
await using backend = await openBackend("webgpu");
console.log(`acqua and onnxruntime-web ${PEER_VERSION} on ${backend.device}, ${ROUNDS} rounds`);
for (const load of workloads) {
  const workload = await load();
  const quantized = await quantize(readModel(workload.bytes), workload.calibration, { backend });
  const int8 = writeOnnx(applyPlan(quantized, new Set()));
  rows.push(await measure(workload, "FP32"));
  rows.push(await measure({ ...workload, bytes: int8 }, "INT8"));
}
console.table(rows.map(({ model, precision, ms, deviceBytes, growthBytes }) => ({
  model,
  precision,
  "acqua ms": ms.acqua.toFixed(1),
  "ort webgpu ms": ms.webgpu.toFixed(1),
  "ort wasm ms": ms.wasm.toFixed(1),
  "vs webgpu": `${(ms.webgpu / ms.acqua).toFixed(1)}x`,
  "vs wasm": `${(ms.wasm / ms.acqua).toFixed(2)}x`,
  "device MB": ((deviceBytes.activations + deviceBytes.constants) / 1e6).toFixed(1),
  "limit MB": (deviceBytes.limit / 1e6).toFixed(1),
  "growth MB": (growthBytes / 1e6).toFixed(1),
})));
Deno.mkdirSync(OUT, { recursive: true });
const machine = { device: backend.device, os: Deno.build.os, cores: navigator.hardwareConcurrency };
Deno.writeTextFileSync(
  new URL("bench.json", OUT),
  JSON.stringify({ ...machine, deno: Deno.version.deno, onnxruntimeWeb: PEER_VERSION, rounds: ROUNDS, rows }, null, 2) +
    "\n",
);
