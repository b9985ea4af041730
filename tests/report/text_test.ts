import assert from "node:assert/strict";
import { reportText } from "../../src/report/text.ts";
import type { SearchOutcome } from "../../src/search/outcome.ts";

const OUTCOME: SearchOutcome = {
  plan: new Set(["conv2"]),
  baselineMetric: 0.91,
  int8Metric: 0.85,
  metric: 0.905,
  drop: 0.005,
  maxDrop: 0.01,
  dropType: "absolute",
  reached: true,
  status: "reached",
  interval: null,
  verified: true,
  confidence: null,
  revertedShare: { unit: "operations", share: 2 / 3 },
  sensitivities: [],
  front: [],
  holdout: null,
  warnings: [],
  advice: [],
  groups: [{ id: "conv1", nodes: ["conv1"] }, { id: "conv2", nodes: ["conv2", "add"] }],
  reverted: [{ group: "conv2", nodes: ["conv2", "add"], reason: { before: 0.85, after: 0.905, sensitivity: 0.1 } }],
  evaluations: [],
  itemInferences: 3000,
  seconds: 12.34,
};

Deno.test("reportText() is a table of what was found and what it cost", () => {
  const text = reportText(OUTCOME, {
    file: "m.int8.onnx",
    sizes: { before: 400_000, after: 110_000 },
    backend: { name: "webgpu", device: "llvmpipe" },
  });
  assert.equal(
    text,
    `metric FP32    0.9100
metric INT8    0.8500  (-0.0600)
metric result  0.9050  (-0.0050)
drop           0.0050 absolute, within 0.01
kept in FP32   1 of 2 groups
               conv2 and 1 more  0.8500 -> 0.9050
evaluations    0, with 3000 item inferences
time           12.3 s on webgpu (llvmpipe)
file           m.int8.onnx
size           110 kB, 28 % of 400 kB`,
  );
});

Deno.test("reportText() says where the limit is not kept, and counts the names that it leaves out", () => {
  const reverted = Array.from({ length: 15 }, (_, i) => ({
    group: `g${i}`,
    nodes: [`g${i}`],
    reason: { before: null, after: null, sensitivity: null },
  }));
  const text = reportText({ ...OUTCOME, reached: false, drop: 0.2, reverted });
  assert.match(text, /^drop +0\.2000 absolute, NOT within 0\.01$/m);
  assert.match(text, /^ +g11$\n^ +\.\.\. and 3 more groups$/m);
});
