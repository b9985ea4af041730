import assert from "node:assert/strict";
import { settingsOf } from "../../src/quant/settings.ts";
import { reportOf, reportOfModel } from "../../src/report/from_result.ts";
import type { AccuracyControlResult } from "../../src/search/accuracy_control.ts";
import type { Evaluation } from "../../src/search/measure.ts";
import type { GroupRanking } from "../../src/search/rank.ts";
import { graphOf, node } from "../graphs.ts";
import { fullReport } from "./data.ts";

const { run } = fullReport();

const GRAPH = graphOf({
  inputs: { x: [1, 4] },
  nodes: [
    node("Conv", ["x", "w"], "a"),
    node("Add", ["a", "x"], "b"),
    node("Conv", ["b", "w"], "c"),
    node("Gemm", ["c", "w"], "d"),
  ],
  outputs: ["d"],
});

const GROUPS = [{ id: "a", nodes: ["a", "b"] }, { id: "c", nodes: ["c"] }, { id: "d", nodes: ["d"] }];

function evaluation(plan: readonly string[] | null, metric: number, items = 100): Evaluation {
  const full = items === 100;
  return { plan, items, full, metric, drop: full ? 0.9 - metric : null, seconds: 1 };
}

const NETWORK = {
  ...{ attention: 0, layerNormalization: 0, gelu: 0, hardSwish: 0, squeezeExcitation: 0 },
  transformer: false,
};

const FRONT = [["d", "c"], ["d"], []].map((plan) => ({
  ...{ plan: new Set(plan), metric: 0, drop: 0, interval: null, operationsShare: 0 },
  ...{ macsShare: null, bytes: null, ms: null },
}));

const RESULT: AccuracyControlResult = {
  plan: new Set(["c", "d"]),
  ...{ baselineMetric: 0.9, int8Metric: 0.5, metric: 0.89, drop: 0.01, maxDrop: 0.01, dropType: "absolute" },
  ...{ reached: true, groups: GROUPS, itemInferences: 540, seconds: 12, status: "reached", verified: true },
  ...{ interval: null, confidence: null, holdout: null, sensitivities: [], front: FRONT, advice: ["what to do"] },
  revertedShare: { unit: "operations", share: 0.5 },
  reverted: [
    { group: "d", nodes: ["d"], reason: { before: 0.5, after: 0.7, sensitivity: 0.4 } },
    { group: "c", nodes: ["c"], reason: { before: null, after: null, sensitivity: null } },
  ],
  evaluations: [
    evaluation(null, 0.9),
    evaluation([], 0.5),
    evaluation(["a"], 0.8, 40),
    evaluation(["a"], 0.45),
    evaluation(["d"], 0.7),
    evaluation(["d", "c"], 0.89),
  ],
  model: {
    ...{ graph: GRAPH, quantizers: [], groups: GROUPS, warnings: ["a warning"] },
    report: { network: NETWORK, settings: settingsOf({}), recipes: [], rungs: [] },
  },
  graph: GRAPH,
  backend: { name: "cpu", device: "CPU" },
  warnings: ["a warning"],
};

const RANKING: GroupRanking = {
  items: 8,
  groups: [
    { id: "d", nodes: ["d"], nmse: 0.1, sqnrDb: 10, divergence: 0.4 },
    { id: "a", nodes: ["a", "b"], nmse: 0, sqnrDb: null, divergence: 0 },
    { id: "c", nodes: ["c"], nmse: 0.001, sqnrDb: 30, divergence: 0.1 },
  ],
};

Deno.test("reportOf() shows groups in the order of the network, with what is known of each", () => {
  const { groups, sensitivity, metrics, cost, warnings, advice } = reportOf(RESULT, {
    ...{ model: "m.onnx", run, metric: "top1", ranking: RANKING },
  });
  assert.deepEqual(groups, [
    { id: "a", nodes: ["a", "b"], operators: ["Conv", "Add"], reverted: false, sensitivity: 0, sqnrDb: null },
    { id: "c", nodes: ["c"], operators: ["Conv"], reverted: true, sensitivity: 0.1, sqnrDb: 30 },
    {
      ...{ id: "d", nodes: ["d"], operators: ["Gemm"], reverted: true },
      ...{ reason: "in FP32 the metric goes from 0.5000 to 0.7000", sensitivity: 0.4, sqnrDb: 10 },
    },
  ]);
  assert.deepEqual(sensitivity, { measure: "kl", items: 8 });
  assert.deepEqual(metrics, [{
    ...{ name: "top1", baseline: 0.9, int8: 0.5, result: 0.89, drop: 0.01, maxDrop: 0.01, dropType: "absolute" },
    ...{ reached: true, items: 100 },
  }]);
  assert.deepEqual(cost, { evaluations: 6, itemInferences: 540, seconds: 12 });
  assert.deepEqual(warnings, ["a warning"]);
  assert.ok(advice[0]!.startsWith('"d" costs most'));
  assert.equal(advice.at(-1), "what to do");
});

Deno.test("reportOf() marks the accepted plan and the front among those measured on all items", () => {
  const { evaluations, pareto } = reportOf(RESULT, { model: "m.onnx", run });
  assert.deepEqual(evaluations!.map(({ reverted, full, accepted }) => [reverted, full, accepted]), [
    ...[[null, true, false], [0, true, false], [1, false, false], [1, true, false], [1, true, false], [2, true, true]],
  ]);
  assert.deepEqual(pareto!.map(({ reverted, fp32Share, front, accepted }) => [reverted, fp32Share, front, accepted]), [
    [0, 0, true, false],
    [1, 0.5, false, false],
    [1, 0.25, true, false],
    [2, 0.5, true, true],
  ]);
});

Deno.test("reportOf() measures noise where outputs are no scores of classes", () => {
  const groups = RANKING.groups.map((group) => ({ ...group, divergence: null }));
  const data = reportOf(RESULT, { model: "m.onnx", run, ranking: { items: 8, groups } });
  assert.equal(data.sensitivity!.measure, "nmse");
  assert.deepEqual(data.groups.map((group) => group.sensitivity), [0, 0.001, 0.1]);
});

Deno.test("reportOfModel() shows the ladder of recipes, with the rung that was taken", () => {
  const rungs = [
    { recipes: [], sqnr: 11, kept: true },
    { recipes: ["mse"], sqnr: 10, kept: false },
    { recipes: ["equalization"], sqnr: 25, kept: true },
    { recipes: ["equalization", "bias_correction"], sqnr: 25.05, kept: false },
  ];
  assert.deepEqual(reportOfModel(RESULT.model, { model: "m.onnx", run, rungs }).recipes, [
    { name: "options as given", sqnrDb: 11, chosen: false },
    { name: "mse", sqnrDb: 10, chosen: false },
    { name: "equalization", sqnrDb: 25, chosen: true },
    { name: "equalization + bias_correction", sqnrDb: 25.05, chosen: false },
  ]);
});

Deno.test("reportOfModel() has no metrics, and nothing reverted", () => {
  const data = reportOfModel(RESULT.model, { model: "m.onnx", run, ranking: RANKING });
  assert.deepEqual([data.metrics, data.evaluations, data.pareto, data.cost], [[], undefined, undefined, undefined]);
  assert.ok(data.groups.every(({ reverted }) => !reverted));
  assert.deepEqual(data.warnings, ["a warning"]);
});
