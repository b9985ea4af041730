import assert from "node:assert/strict";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { openModel } from "../../src/runtime/model.ts";
import {
  type AccuracyControlOptions,
  type AccuracyControlResult,
  quantizeWithAccuracyControl,
} from "../../src/search/accuracy_control.ts";
import { AccuracyDropError, SearchInterruptedError } from "../../src/search/errors.ts";
import { memoryJournal } from "../../src/search/journal.ts";
import { type LabelledItem, top1, top5 } from "../../src/search/metrics.ts";
import type { SearchEvent } from "../../src/search/progress.ts";
import type { Validate } from "../../src/search/subject.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { classifier, features } from "../commands/fixture.ts";

const DATA = features(40).data;
const ITEMS = Array.from({ length: 40 }, (_, i) => tensor("f32", [4], DATA.subarray(4 * i, 4 * i + 4)));
const CALIBRATION = ITEMS.slice(0, 10).map(({ data }) => ({ x: tensor("f32", [1, 4], data) }));
const VALIDATION = ITEMS.map((x, i): LabelledItem => ({ inputs: { x }, label: i % 4 }));

async function control(
  options: AccuracyControlOptions<LabelledItem> = {},
  validate: Validate<LabelledItem> = top1,
  calibration: Iterable<(typeof CALIBRATION)[number]> = CALIBRATION,
  validation: readonly LabelledItem[] = VALIDATION,
): Promise<AccuracyControlResult> {
  await using backend = cpuBackend();
  return await quantizeWithAccuracyControl(classifier(), calibration, validation, validate, { backend, ...options });
}

for (
  const [options, message] of [
    [{ maxDrop: NaN }, /"maxDrop" must be a finite number, got NaN/],
    [{ maxDrop: "0.01" as unknown as number }, /"maxDrop" must be a finite number/],
    [{ dropType: "total" as "absolute" }, /"dropType" must be "absolute" or "relative", got "total"/],
    [{ strategy: "greedy" as "guided" }, /"strategy" must be a function or one of guided, .*"greedy"/],
    [{ confidence: 0.4 }, /"confidence" must be a number from 0\.5 to 1, got 0\.4/],
    [{ maxRevertedShare: 2 }, /"maxRevertedShare" must be a number from 0 to 1, got 2/],
    [{ cost: "money" as "macs" }, /"cost" must be "operations" or "macs" or "time", got "money"/],
    [{ budget: { seconds: -1 } }, /"budget\.seconds" must be a number above 0: current value is -1/],
    [{ subsetSize: 0 }, /"subsetSize" must be a whole number of at least 1, got 0/],
    [{ rankingSubsetSize: 2.5 }, /"rankingSubsetSize" .* got 2\.5/],
  ] as [AccuracyControlOptions<LabelledItem>, RegExp][]
) {
  Deno.test(`quantizeWithAccuracyControl() refuses ${JSON.stringify(options)} before it calls anything`, async () => {
    await assert.rejects(control(options, () => assert.fail("called")), { name: "RangeError", message });
  });
}

Deno.test("quantizeWithAccuracyControl() refuses empty data", async () => {
  await assert.rejects(control({}, top1, []), { name: "RangeError", message: /calibration set is empty/ });
  await assert.rejects(control({}, top1, new Set<never>()), {
    name: "RangeError",
    message: /calibration set is empty/,
  });
  await assert.rejects(control({}, top1, CALIBRATION, []), { name: "RangeError", message: /validation set is empty/ });
});

Deno.test("quantizeWithAccuracyControl() keeps in FP32 what the metric asks for", async () => {
  const events: SearchEvent[] = [];
  const result = await control({ onProgress: (event) => events.push(event) });
  assert.deepEqual([...result.plan], ["head"]);
  assert.deepEqual(result.reverted.map(({ nodes, reason }) => [nodes, reason.after]), [[["head"], 1]]);
  assert.equal(result.reverted[0]!.reason.sensitivity, result.sensitivities[1]!.divergence);
  assert.ok(result.sensitivities[1]!.divergence > 100 * result.sensitivities[0]!.divergence);
  assert.equal(result.baselineMetric, 1);
  assert.equal(result.backend.name, "cpu");
  assert.ok(result.graph.nodes.some(({ op }) => op === "QuantizeLinear"));
  const stages = events.filter((event) => event.type === "stage").map(({ stage }) => stage);
  assert.deepEqual([...new Set(stages)], ["baseline", "calibration", "int8", "ranking", "reverting", "verifying"]);
  const evaluations = events.filter((event) => event.type === "evaluation").map(({ evaluation }) => evaluation);
  assert.deepEqual(evaluations, result.evaluations);
});

Deno.test("quantizeWithAccuracyControl() hands the validation set on as it is, and plain numbers do", async () => {
  const seen: (readonly LabelledItem[])[] = [];
  const result = await control({ strategy: "nncf", rankingSubsetSize: 8 }, async (model, items) => {
    seen.push(items);
    return (await top1(model, items)).metric;
  });
  assert.equal(seen[0], VALIDATION);
  assert.deepEqual(seen[2], [0, 5, 10, 15, 20, 25, 30, 35].map((i) => VALIDATION[i]));
  assert.ok(result.reached);
});

Deno.test("quantizeWithAccuracyControl() throws with the best model where the limit cannot be kept", async () => {
  await assert.rejects(control({ maxDrop: -1 }), (error) => {
    assert.ok(error instanceof AccuracyDropError);
    const best = error.best as AccuracyControlResult;
    assert.equal(best.metric, 1);
    assert.ok(best.graph.nodes.length > 0 && best.model.groups.length === 2);
    return true;
  });
});

Deno.test("quantizeWithAccuracyControl() throws with what was found where it is aborted", async () => {
  const controller = new AbortController();
  const onProgress = (event: SearchEvent): void => {
    if (event.type === "stage" && event.stage === "ranking") controller.abort();
  };
  await assert.rejects(control({ signal: controller.signal, onProgress }), (error) => {
    assert.ok(error instanceof SearchInterruptedError && error.name === "AbortError");
    assert.equal((error.best as AccuracyControlResult).plan.size, 0);
    return true;
  });
});

Deno.test("quantizeWithAccuracyControl() takes another strategy", async () => {
  const result = await control({
    strategy: ({ groups }) => Promise.resolve(new Set(groups.map(({ id }) => id))),
  });
  assert.deepEqual([...result.plan], ["gain", "head"]);
});

Deno.test("quantizeWithAccuracyControl() goes on from its journal without calling the metric", async () => {
  const journal = memoryJournal();
  const first = await control({ journal });
  const uncalled = Object.assign(() => assert.fail("called"), { inputs: top1.inputs });
  const again = await control({ journal }, Object.defineProperty(uncalled, "name", { value: top1.name }));
  assert.deepEqual([[...again.plan], again.metric, again.itemInferences], [
    [...first.plan],
    first.metric,
    first.itemInferences,
  ]);
  await assert.rejects(control({ journal, subsetSize: 9 }), {
    name: "RangeError",
    message: /"subsetSize" \(300 .* 9 now/,
  });
  await assert.rejects(control({ journal }, top5), { message: /"metric" \("?top1"? in the journal, "?top5"? now\)/ });
  await assert.rejects(control({ journal }, top1, CALIBRATION.slice(1)), { message: /another calibration set/ });
  await assert.rejects(control({ journal }, top1, CALIBRATION, VALIDATION.slice(1)), {
    message: /another validation set/,
  });
});

Deno.test("quantizeWithAccuracyControl() measures held-out items once, and counts them", async () => {
  const seen: number[] = [];
  const holdout = VALIDATION.slice(0, 7);
  const validate: Validate<LabelledItem> = (model, items) => {
    seen.push(items.length);
    return top1(model, items);
  };
  const plain = await control({}, validate);
  seen.length = 0;
  const { holdout: found, itemInferences } = await control({ holdout }, validate);
  assert.deepEqual(seen.slice(-2), [7, 7]);
  assert.deepEqual([found!.items, found!.baselineMetric, found!.metric, found!.drop], [7, 1, 1, 0]);
  assert.equal(found!.interval!.method, "exact");
  assert.equal(itemInferences, plain.itemInferences + 14);
});

for (const cost of ["operations", "macs", "time", new Map([["gain", 3], ["head", 1]])] as const) {
  const title = typeof cost === "string" ? cost : "what a map says";
  Deno.test(`quantizeWithAccuracyControl() counts ${title} as the cost of what stays in FP32`, async () => {
    const { revertedShare, front } = await control({ cost });
    assert.equal(revertedShare.unit, cost === "operations" || cost === "macs" ? cost : "ms");
    if (cost === "time") assert.ok(revertedShare.share > 0 && revertedShare.share < 1);
    else assert.equal(revertedShare.share, typeof cost === "string" ? 0.5 : 0.25);
    const [point] = front.filter(({ plan }) => plan.has("head"));
    assert.equal(point!.macsShare, 0.5);
    assert.ok(point!.bytes! > 0 && (typeof cost === "string" && cost !== "time" || point!.ms! > 0));
  });
}

Deno.test("quantizeWithAccuracyControl() gives points of the front that can be exported", async () => {
  const { front, model, graph, plan } = await control({ strategy: "linear" });
  assert.deepEqual(front.map((point) => point.plan.size), [0, 1]);
  assert.deepEqual(applyPlan(model, front[1]!.plan), graph);
  assert.equal(front[1]!.plan, plan);
  await using backend = cpuBackend();
  await using int8 = openModel(applyPlan(model, front[0]!.plan), backend);
  assert.equal((await top1(int8, VALIDATION)).metric, front[0]!.metric);
});

Deno.test("quantizeWithAccuracyControl() does not throw where it is not strict", async () => {
  const result = await control({ maxDrop: -1, strict: false });
  assert.deepEqual([result.reached, result.status], [false, "not_reached"]);
  const stopped = await control({ budget: { items: 101 }, strict: false });
  assert.deepEqual([stopped.reached, stopped.status], [false, "budget_exhausted"]);
});

Deno.test("quantizeWithAccuracyControl() runs everything in INT8 with the strategy none", async () => {
  const result = await control({ strategy: "none", strict: false });
  assert.deepEqual([result.plan.size, result.metric, result.verified], [0, result.int8Metric, true]);
});
