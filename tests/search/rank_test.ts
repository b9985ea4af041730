import assert from "node:assert/strict";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { quantize } from "../../src/quant/quantize.ts";
import type { CalibrationItem } from "../../src/quant/statistics.ts";
import { openModel } from "../../src/runtime/model.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { rankGroups } from "../../src/search/rank.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { classifier, features } from "../commands/fixture.ts";
import { graphOf, node } from "../graphs.ts";

const { data } = features(12);
const ITEMS: CalibrationItem[] = Array.from({ length: 12 }, (_, i) => ({
  x: tensor("f32", [1, 4], data.slice(4 * i, 4 * i + 4)),
}));

async function scoresOf(graph: Graph, items: readonly CalibrationItem[]): Promise<number[][]> {
  await using backend = await openBackend("cpu");
  await using model = openModel(graph, backend);
  const scores: number[][] = [];
  for (const item of items) scores.push([...(await model.run(item))[graph.outputs[0]!.name]!.data]);
  return scores;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function softmax(scores: readonly number[]): number[] {
  const powers = scores.map(Math.exp);
  return powers.map((power) => power / powers.reduce((a, b) => a + b, 0));
}

function divergenceOf(before: readonly number[], after: readonly number[]): number {
  const [p, q] = [softmax(before), softmax(after)];
  return p.reduce((sum, own, i) => sum + own * Math.log(own / q[i]!), 0);
}

function noiseOf(before: readonly number[], after: readonly number[]): number {
  const power = before.reduce((sum, x) => sum + x * x, 0);
  return before.reduce((sum, x, i) => sum + (x - after[i]!) ** 2, 0) / power;
}

Deno.test("rankGroups() tells what each group alone does to the outputs, item by item", async () => {
  await using backend = await openBackend("cpu");
  const model = await quantize(classifier(), ITEMS, { backend });
  const { groups, items } = await rankGroups(model, ITEMS, { backend });
  assert.equal(items, 12);
  const before = await scoresOf(classifier(), ITEMS);
  for (const { id, nmse, sqnrDb, divergence } of groups) {
    const others = model.groups.map((group) => group.id).filter((other) => other !== id);
    const after = await scoresOf(applyPlan(model, new Set(others)), ITEMS);
    const noise = mean(before.map((own, i) => noiseOf(own, after[i]!)));
    assert.ok(Math.abs(nmse - noise) < 1e-6 * noise, `${id}: ${nmse}, ${noise}`);
    assert.ok(Math.abs(sqnrDb! + 10 * Math.log10(noise)) < 1e-5);
    const own = mean(before.map((scores, i) => divergenceOf(scores, after[i]!)));
    assert.ok(Math.abs(divergence! - own) < 1e-9 + 1e-4 * own, `${id}: ${divergence}, ${own}`);
  }
  assert.deepEqual(groups.map(({ id }) => id), ["head", "gain"]);
});

Deno.test("rankGroups() takes outputs that are probabilities as they are", async () => {
  await using backend = await openBackend("cpu");
  const scores = classifier();
  const graph: Graph = {
    ...scores,
    nodes: [...scores.nodes, node("Softmax", ["scores/out"], "p", { axis: -1 })],
    outputs: [{ name: "p", dtype: "f32", shape: ["N", 4] }],
  };
  const rank = async (own: Graph): Promise<readonly number[]> => {
    const { groups } = await rankGroups(await quantize(own, ITEMS, { backend }), ITEMS, { backend });
    return groups.map(({ divergence }) => divergence!);
  };
  const [of, from] = [await rank(graph), await rank(scores)];
  of.forEach((divergence, i) => assert.ok(Math.abs(divergence - from[i]!) < 1e-6 + 1e-3 * from[i]!));
});

Deno.test("rankGroups() leaves out the divergence where outputs are no scores", async () => {
  await using backend = await openBackend("cpu");
  const model = await quantize(classifier(), ITEMS, { backend });
  const { groups } = await rankGroups(model, ITEMS, { backend, classScores: false });
  assert.deepEqual(groups.map(({ divergence }) => divergence), [null, null]);
  assert.ok(groups[0]!.nmse >= groups[1]!.nmse);
});

Deno.test("rankGroups() calls a group exact that changes nothing", async () => {
  await using backend = await openBackend("cpu");
  const graph = graphOf({
    inputs: { x: [1, 2] },
    nodes: [node("MatMul", ["x", "w"], "y")],
    constants: { w: tensor("f32", [2, 2], [127, 0, 0, 127]) },
    outputs: ["y"],
  });
  const whole = [{ x: tensor("f32", [1, 2], [0, 255]) }, { x: tensor("f32", [1, 2], [255, 0]) }];
  const { groups } = await rankGroups(await quantize(graph, whole, { backend }), whole, { backend });
  assert.deepEqual(groups.map(({ nmse, sqnrDb, divergence }) => [nmse, sqnrDb, divergence]), [[0, null, 0]]);
});

Deno.test("rankGroups() spreads a few items over all, tells of progress and can be stopped", async () => {
  await using backend = await openBackend("cpu");
  const model = await quantize(classifier(), ITEMS, { backend });
  const steps: string[] = [];
  const options = { backend, items: 3, onProgress: (done: number, total: number) => steps.push(`${done}/${total}`) };
  assert.equal((await rankGroups(model, ITEMS, options)).items, 3);
  assert.deepEqual(steps, ["0/2", "1/2", "2/2"]);
  await assert.rejects(rankGroups(model, ITEMS, { backend, signal: AbortSignal.abort() }), { name: "AbortError" });
  await assert.rejects(rankGroups(model, [], { backend }), /calibration set is empty/);
  await assert.rejects(rankGroups(model, ITEMS, { backend, items: 0 }), /"items" must be a whole number .* got 0/);
});
