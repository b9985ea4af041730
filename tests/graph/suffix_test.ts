import assert from "node:assert/strict";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import { cutValues, sameValues, suffixOf } from "../../src/graph/suffix.ts";
import { quantize } from "../../src/quant/quantize.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { openModel } from "../../src/runtime/model.ts";
import { images, network } from "../quant/network.ts";

await using backend = cpuBackend();
const model = await quantize(network(1), images(2), { backend });
const allBut = (id: string): Set<string> =>
  new Set(model.groups.map((group) => group.id).filter((other) => other !== id));

Deno.test("sameValues() is all where nothing was changed", () => {
  const same = sameValues(model.graph, model.graph);
  assert.ok(model.graph.nodes.every((node) => node.outputs.every((name) => same.has(name))));
});

Deno.test("suffixOf() starts from the inputs where nothing is known", () => {
  const changed = applyPlan(model, new Set());
  const { cut, graph } = suffixOf(changed, model.graph, () => false);
  assert.deepEqual(cut, ["x"]);
  assert.equal(graph.nodes.length, changed.nodes.length);
});

Deno.test("suffixOf() has nothing to run where nothing was changed", () => {
  const { cut, graph, unchanged } = suffixOf(model.graph, model.graph, () => true);
  assert.deepEqual([cut, graph.nodes.length, unchanged], [[], 0, ["y"]]);
});

Deno.test("suffixOf() gets shorter towards the outputs, and starts from the values where graphs begin to differ", () => {
  const sizes = model.groups.map(({ id }) => {
    const changed = applyPlan(model, allBut(id));
    const { cut, graph } = suffixOf(changed, model.graph, () => true);
    assert.deepEqual(cut.toSorted(), cutValues(changed, model.graph).toSorted());
    return graph.nodes.length;
  });
  const convolutions = sizes.slice(0, 4);
  assert.deepEqual(convolutions, convolutions.toSorted((a, b) => b - a));
  assert.ok(sizes.at(-1)! < sizes[0]! / 2);
});

for (const { id } of model.groups) {
  Deno.test(`suffixOf() gives with "${id}" in INT8 what the whole graph gives`, async () => {
    const changed = applyPlan(model, allBut(id));
    const { cut, graph } = suffixOf(changed, model.graph, () => true);
    const [item] = images(5, 1) as [ReturnType<typeof images>[number]];
    const observed = {
      ...model.graph,
      outputs: cut.filter((name) => name !== "x").map((name) => ({ name, dtype: "f32" as const, shape: null })),
    };
    await using float = openModel(observed, backend);
    await using suffix = openModel(graph, backend);
    await using whole = openModel(changed, backend);
    const values = { ...item, ...await float.run(item) };
    const inputs = Object.fromEntries(cut.map((name) => [name, values[name]!]));
    assert.deepEqual(await suffix.run(inputs), await whole.run(item));
  });
}
