import assert from "node:assert/strict";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Plan, QuantizedGraph } from "../../src/graph/quantizers.ts";
import type { CalibrationItem } from "../../src/quant/statistics.ts";
import { quantize } from "../../src/quant/quantize.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { openModel } from "../../src/runtime/model.ts";
import { openObserver } from "../../src/search/observer.ts";
import { random } from "../ops/harness.ts";
import { images, network } from "../quant/network.ts";

const ITEMS = images(7, 11);

async function quantized(graph: Graph): Promise<QuantizedGraph> {
  await using backend = cpuBackend();
  return await quantize(graph, ITEMS.slice(0, 3), { backend });
}

/** The outputs of whole graphs, as sorted texts: the observer chooses its own order of items. */
async function wholeRuns(graph: Graph, items: readonly CalibrationItem[]): Promise<string[]> {
  await using backend = cpuBackend();
  await using model = openModel(graph, backend);
  const texts: string[] = [];
  for (const item of items) texts.push((await model.run(item))["y"]!.data.join());
  return texts.sort();
}

/** The network with a first axis that is open, or fixed to one item. */
const NETWORKS: readonly [title: string, graph: Graph][] = [
  ["batches", network(1)],
  ["single items", { ...network(1), inputs: [{ name: "x", dtype: "f32", shape: [1, 3, 8, 8] }] }],
];

for (const [title, graph] of NETWORKS) {
  Deno.test(`Observer gives in ${title} what whole runs give, for every plan`, async () => {
    const model = await quantized(graph);
    await using backend = cpuBackend();
    const ids = model.groups.map(({ id }) => id);
    const plans: Plan[] = [
      new Set(),
      new Set(ids.slice(1)),
      new Set(ids.slice(0, 2)),
      new Set(ids.slice(1, 3)),
      new Set(ids),
    ];
    for (const keptBytes of [1e9, 4000, 0]) {
      const observer = openObserver(model, ITEMS, backend, keptBytes);
      assert.equal(observer.items, ITEMS.length);
      for (const plan of plans) {
        const outputs = await observer.observe(plan, ITEMS.length);
        const texts = outputs.map(([output]) => Array.from(output!.data).join()).sort();
        assert.deepEqual(texts, await wholeRuns(applyPlan(model, plan), ITEMS));
      }
    }
  });
}

Deno.test("Observer takes the same items first where fewer are asked for", async () => {
  const model = await quantized(network(1));
  await using backend = cpuBackend();
  const observer = openObserver(model, ITEMS, backend);
  const all = await observer.observe(new Set(), 11);
  assert.deepEqual(await observer.observe(new Set(), 8), all.slice(0, 8));
  assert.equal((await observer.reference()).length, 11);
});

Deno.test("Observer runs a smaller share the later the first group in INT8 comes, and all where nothing may be kept", async () => {
  const model = await quantized(network(1));
  await using backend = cpuBackend();
  const shares = async (keptBytes: number): Promise<number[]> => {
    const observer = openObserver(model, ITEMS, backend, keptBytes);
    const ids = model.groups.map(({ id }) => id);
    const shares = (): number[] => ids.map((_, i) => observer.shareOf(new Set(ids.slice(0, i))));
    const before = shares();
    await observer.reference();
    assert.deepEqual(shares(), before);
    return before;
  };
  const all = await shares(1e9);
  assert.equal(all[0], 1);
  assert.deepEqual(all, all.toSorted((a, b) => b - a));
  assert.ok(all.at(-1)! < 0.1);
  assert.ok((await shares(0)).every((share) => share === 1));
});

Deno.test("Observer runs items of other sizes one by one", async () => {
  const graph: Graph = { ...network(1), inputs: [{ name: "x", dtype: "f32", shape: ["N", 3, "H", 8] }] };
  const items = [images(1, 1)[0]!, { x: random([1, 3, 6, 8], 3) }];
  await using backend = cpuBackend();
  const model = await quantize(graph, items, { backend });
  const outputs = await openObserver(model, items, backend).observe(new Set(), 2);
  const texts = outputs.map(([output]) => Array.from(output!.data).join()).sort();
  assert.deepEqual(texts, await wholeRuns(applyPlan(model, new Set()), items));
});
