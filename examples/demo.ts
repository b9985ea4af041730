/**
 * Quantizes a text reader that INT8 breaks, and finds the few layers to keep in FP32: `deno task demo`.
 *
 * The model is PP-OCRv4; the lines that it reads are drawn here, so that labels are known.
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
const CALIBRATION_LINES = 32;
const VALIDATION_LINES = 160;
const RANKING_LINES = 16;
const MAX_DROP = 0.01;
const OUT = new URL("../out/", import.meta.url);

interface Item {
  readonly inputs: { readonly x: Tensor };
  readonly text: string;
}

const { bytes, alphabet } = loadReader();
const graph = readModel(bytes);
const output = graph.outputs[0]!.name;

/** The share of lines that are read exactly. */
async function linesRead(model: Model, items: readonly Item[]): Promise<{ metric: number; perItem: number[] }> {
  const perItem: number[] = [];
  for await (const outputs of runItems(model, items.map(({ inputs }) => inputs))) {
    perItem.push(decode(outputs[output]!, alphabet)[0] === items[perItem.length]!.text ? 1 : 0);
  }
  return { metric: perItem.reduce((sum, value) => sum + value, 0) / perItem.length, perItem };
}

async function draw(count: number, seed: number): Promise<Item[]> {
  const lines = await renderLines(count, LINE_WIDTH, seed);
  return lines.map((line) => ({ inputs: { x: toInput(line, LINE_WIDTH) }, text: line.text }));
}

/** Milliseconds that one line takes, alone: the median of several runs. */
async function timeOf(graph: Graph, { inputs: { x } }: Item, backend: Backend): Promise<number> {
  await using model = openModel(graph, backend);
  const input = { x: { ...x, shape: [1, ...x.shape] } };
  await model.run(input);
  const times: number[] = [];
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    await model.run(input);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[4]!;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function megabytes(size: number): string {
  return `${(size / 1e6).toFixed(1)} MB`;
}

function say(event: SearchEvent): void {
  if (event.type === "evaluation") {
    const { plan, metric, full } = event.evaluation;
    if (!full) return;
    const what = plan === null ? "FP32" : plan.length === 0 ? "INT8" : `INT8 with ${plan.length} in FP32`;
    console.log(`  ${what}: ${percent(metric)} of the lines read`);
  } else if (event.type === "stage" && event.done === 0) {
    console.log(`${STAGES[event.stage]} ...`);
  }
}

const STAGES = {
  baseline: "Reading the lines in FP32",
  calibration: "Taking the ranges of activations",
  int8: "Reading them in INT8",
  ranking: "Ranking the layers by what they lose in INT8",
  reverting: "Taking the worst back to FP32, one after another",
} as const;

console.log(
  "Many accelerators know only one scale for a whole weight tensor. Quantized for those, this text reader reads\n" +
    "nothing any more. acqua finds the layers that are to blame and keeps just them in FP32.\n",
);
await using backend = await openBackend();
console.log(
  `Device: ${backend.device}${backend.name === "cpu" ? " (no WebGPU adapter: this will take very long)" : ""}`,
);
const calibration = (await draw(CALIBRATION_LINES, 1)).map(({ inputs: { x } }) => ({
  x: { ...x, shape: [1, ...x.shape] },
}));
const validation = await draw(VALIDATION_LINES, 2);

const start = performance.now();
const result = await quantizeWithAccuracyControl(graph, calibration, validation, linesRead, {
  perChannel: false,
  maxDrop: MAX_DROP,
  subsetSize: CALIBRATION_LINES,
  rankingSubsetSize: RANKING_LINES,
  backend,
  onProgress: say,
});
const seconds = (performance.now() - start) / 1000;

const int8 = applyPlan(result.model, new Set());
const files = [bytes, writeOnnx(int8), writeOnnx(result.graph)] as const;
Deno.mkdirSync(OUT, { recursive: true });
const path = new URL("reader_mixed.onnx", OUT);
Deno.writeFileSync(path, files[2]);

const rows = [
  ["", "FP32", "INT8", "acqua"],
  ["lines read", percent(result.baselineMetric), percent(result.int8Metric), percent(result.metric)],
  ["layers in FP32", "all", "none", `${result.plan.size} of ${result.groups.length}`],
  ["file", ...files.map(({ length }) => megabytes(length))],
  ["time per line", ...await times()],
];
async function times(): Promise<string[]> {
  const line = validation[0]!;
  const results: string[] = [];
  for (const each of [graph, int8, result.graph]) results.push(`${(await timeOf(each, line, backend)).toFixed(1)} ms`);
  return results;
}

console.log(
  `\nFound in ${seconds.toFixed(0)} s, with ${VALIDATION_LINES} lines and a permitted drop of ${percent(MAX_DROP)}:\n`,
);
for (const [name, ...cells] of rows) console.log(name!.padEnd(16) + cells.map((cell) => cell.padStart(12)).join(""));
console.log(`\nIn FP32: ${result.reverted.map(({ group }) => group).join(", ") || "nothing"}`);
console.log(`File: ${path.pathname}`);
