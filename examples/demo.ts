/**
 * Quantizes a text reader that INT8 breaks, and finds the few layers to keep in FP32: `deno task demo`.
 *
 * The model is PP-OCRv4; the lines that it reads are drawn here, so that what they say is known.
 */
import {
  applyPlan,
  type Backend,
  type Graph,
  type Model,
  openBackend,
  openModel,
  quantizeWithAccuracyControl,
  readModel,
  runItems,
  type SearchEvent,
  type Tensor,
  writeOnnx,
} from "../mod.ts";
import { decode, loadReader, toInput } from "./ocr/reader.ts";
import { renderLines } from "./ocr/render.ts";

const LINE_WIDTH = 192;
const MAX_DROP = 0.005;
/** What two cores do in about two minutes through WebGPU. The CPU backend is hundreds of times slower: it gets a taste. */
const LINES = {
  webgpu: { calibration: 48, validation: 150 },
  cpu: { calibration: 2, validation: 4 },
};
const OUT = new URL("../out/", import.meta.url);

interface Item {
  readonly inputs: { readonly x: Tensor };
  readonly text: string;
}

console.log(
  "Many accelerators know only one scale for a whole weight tensor. Quantized for those, this text reader reads\n" +
    "nothing any more. acqua finds the layers that are to blame and keeps just them in FP32.\n",
);
const { bytes, alphabet } = loadReader();
const graph = readModel(bytes);
const output = graph.outputs[0]!.name;
await using backend = await openBackend();
const lines = LINES[backend.name];
console.log(`Device: ${backend.device}${backend.name === "cpu" ? ", without WebGPU: few lines, and a long wait" : ""}`);
const calibration = (await draw(lines.calibration, 1)).map(({ inputs }) => asBatch(inputs));
const validation = await draw(lines.validation, 2);

const result = await quantizeWithAccuracyControl(graph, calibration, validation, validate, {
  advanced: { weightsQuantizationParams: { perChannel: false } },
  maxDrop: MAX_DROP,
  backend,
  onProgress: say,
});

const int8 = applyPlan(result.model, new Set());
const files = [bytes, writeOnnx(int8), writeOnnx(result.graph)] as const;
Deno.mkdirSync(OUT, { recursive: true });
const path = new URL("reader_mixed.onnx", OUT);
Deno.writeFileSync(path, files[2]);

const times: number[] = [];
for (const each of [graph, int8, result.graph]) times.push(await timeOf(each, validation[0]!, backend));
const rows = [
  ["", "FP32", "INT8", "acqua"],
  [
    "lines read",
    ...[result.baselineMetric, result.int8Metric, result.metric].map((it) => it === null ? "few" : percent(it)),
  ],
  ["layers in FP32", "all", "none", `${result.plan.size} of ${result.groups.length}`],
  ["file", ...files.map(({ length }) => `${(length / 1e6).toFixed(1)} MB`)],
  ["time per line", ...times.map((ms) => `${ms.toFixed(1)} ms`)],
];
console.log(
  `\nFound in ${result.seconds.toFixed(0)} s on ${lines.validation} lines, with a permitted drop of ${
    percent(MAX_DROP)
  }:\n`,
);
for (const [name, ...cells] of rows) console.log(name!.padEnd(16) + cells.map((cell) => cell.padStart(12)).join(""));
console.log(`\nIn FP32: ${result.reverted.map(({ group }) => group).join(", ") || "nothing"}`);
console.log(`File: ${path.pathname}`);

async function draw(count: number, seed: number): Promise<Item[]> {
  const lines = await renderLines(count, LINE_WIDTH, seed);
  return lines.map((line) => ({ inputs: { x: toInput(line, LINE_WIDTH) }, text: line.text }));
}

function asBatch({ x }: Item["inputs"]): Item["inputs"] {
  return { x: { ...x, shape: [1, ...x.shape] } };
}

/** The metric is the share of lines read without a mistake. */
async function validate(model: Model, items: readonly Item[]): Promise<{ metric: number; perItem: number[] }> {
  const perItem: number[] = [];
  for await (const outputs of runItems(model, items.map(({ inputs }) => inputs))) {
    const text = decode(outputs[output]!, alphabet)[0]!;
    perItem.push(text === items[perItem.length]!.text ? 1 : 0);
  }
  return { metric: perItem.reduce((a, b) => a + b, 0) / perItem.length, perItem };
}

/** Milliseconds that one line takes: the median of several runs. */
async function timeOf(graph: Graph, { inputs }: Item, backend: Backend): Promise<number> {
  await using model = openModel(graph, backend);
  await model.run(asBatch(inputs));
  const times: number[] = [];
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    await model.run(asBatch(inputs));
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[4]!;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function say(event: SearchEvent): void {
  if (event.type === "evaluation" && event.evaluation.plan === null) {
    console.log(`  FP32: ${percent(event.evaluation.metric)} of the lines read`);
  } else if (event.type === "probe") {
    const { plan, verdict, drop } = event;
    const what = plan.length === 0 ? "INT8" : `INT8, ${plan.length} layers in FP32`;
    console.log(`  ${what}: ${verdict === "pass" ? "" : "about "}${percent(drop)} fewer lines read`);
  } else if (event.type === "stage") {
    const { stage, done, total } = event;
    if (stage === "baseline" && done === 0) console.log("Reading the lines in FP32 ...");
    if (stage === "calibration" && done === 0) console.log("Taking the ranges of activations ...");
    if (stage === "int8" && done === 0) console.log("Reading the lines in INT8 ...");
    if (stage === "ranking" && done % 10 === 0) {
      console.log(`Ranking the layers by what each does to the outputs: ${done} of ${total}`);
    }
  }
}
