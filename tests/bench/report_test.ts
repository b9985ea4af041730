import assert from "node:assert/strict";
import { goalsOf, memoryTable, msOf, ratioOf, RATIOS, ratioTable, table, timeTable } from "./report.ts";
import type { Row } from "./row.ts";

/** A row with these medians, by "runner precision". */
function row(name: string, kind: Row["kind"], medians: Record<string, number>): Row {
  const timings = Object.entries(medians).map(([key, medianMs]) => {
    const [who, precision] = key.split(" ") as [string, "FP32" | "INT8"];
    return { who, precision, medianMs, bestMs: medianMs, rounds: 9 };
  });
  const memory = { FP32: { activations: 2e6, constants: 1e6, limit: 4e6, growthBytes: 0, runs: 100 } };
  return {
    name,
    kind,
    about: "",
    fileBytes: { FP32: 1.5e6, INT8: null },
    timings,
    remarks: [],
    memory,
    int8: null,
  };
}

const ROWS = [
  row("resnet20_b1", "model", { "acqua FP32": 10, "acqua INT8": 5, "ort-webgpu FP32": 40, "ort-wasm FP32": 5 }),
  row("other", "model", { "acqua FP32": 10, "acqua INT8": 20, "ort-webgpu FP32": 90 }),
  row("gemm", "operator", { "acqua FP32": 2, "tfjs FP32": 30 }),
];

Deno.test("ratioOf() is the time of the other by that of acqua", () => {
  assert.equal(ratioOf(ROWS[0]!, RATIOS.webgpu), 4);
  assert.equal(ratioOf(ROWS[0]!, RATIOS.int8), 2);
  assert.equal(ratioOf(ROWS[0]!, RATIOS.tfjs), undefined);
  assert.equal(msOf(ROWS[2]!, "tfjs", "FP32"), 30);
});

Deno.test("goalsOf() takes means and minima of the rows that they are about", () => {
  const goals = new Map(goalsOf(ROWS).map((goal) => [goal.what, goal]));
  const mean = goals.get("models, ort-webgpu, geometric mean")!;
  assert(Math.abs(mean.reached! - 6) < 1e-9);
  assert.equal(mean.met, false);
  assert.equal(mean.least, "4.00x resnet20_b1");
  assert.equal(goals.get("models, ort-webgpu, least")!.reached, 4);
  assert.equal(goals.get("operators, tfjs, geometric mean")!.met, true);
  assert.equal(goals.get("ResNet-20, INT8 vs FP32, least")!.met, true);
  assert.equal(goals.get("models, INT8 vs FP32, least")!.reached, 0.5);
  assert.equal(goals.get("ResNet-18, INT8 vs FP32, least")!.met, null);
});

Deno.test("table() aligns names at the left and numbers at the right", () => {
  assert.equal(table(["a", "ms"], [["long", "1.0"], ["b", ""]]), "a      ms\n----  ---\nlong  1.0\nb");
});

Deno.test("the tables leave out columns without a number", () => {
  assert.match(timeTable(ROWS, ["acqua", "ort-webgpu", "tfjs"]), /^ms +acqua +acqua i8 +ort-webgpu +tfjs\n/);
  assert.match(ratioTable(ROWS), /^times faster +vs ort-webgpu +vs tfjs +vs ort-wasm +INT8 vs FP32\n/);
  assert.match(memoryTable(ROWS), /\ngemm +3\.0 +4\.0 +0\.0 +1\.5$/);
});
