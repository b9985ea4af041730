import assert from "node:assert/strict";
import type { Graph } from "../../src/graph/graph.ts";
import { cutAtLayers } from "../../src/quant/segments.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";

const graph = graphOf({
  inputs: { x: [1, 2, 3, 3] },
  nodes: [
    node("Neg", ["v"], "w"),
    node("Conv", ["x", "w"], "a"),
    node("Relu", ["a"], "b"),
    node("Conv", ["b", "w"], "c"),
    node("Conv", ["x", "v"], "d"),
    node("Add", ["c", "d"], "e"),
    node("Add", ["e", "b"], "f"),
    node("Conv", ["f", "v"], "g"),
    node("Sigmoid", ["g"], "h"),
    node("Exp", ["x"], "unused"),
    node("Add", ["h", "unused"], "y"),
  ],
  constants: { v: random([2, 2, 1, 1], 1) },
  outputs: ["y"],
});
const x = { x: random([1, 2, 3, 3], 2) };
const { types } = specialize({ ...graph, nodes: graph.nodes }, x);
const LAYERS = ["a", "c", "d", "g"];

/** Runs the parts one after the other, and returns the results of the layers. */
function runParts(whole: Graph, shifts: Parameters<ReturnType<typeof cutAtLayers>[0]["rewriter"]>[1] = new Map()) {
  const kept: Record<string, Tensor> = {};
  const results: Record<string, Tensor> = {};
  for (const segment of cutAtLayers(whole, LAYERS)) {
    const names = new Set([...segment.layers.map(({ outputs }) => outputs[0]!), ...segment.kept]);
    const outputs = [...names].map((name) => ({ name, dtype: "f32" as const, shape: null }));
    const own = interpret(segment.rewriter(types, shifts).finish({ outputs }), { ...x, ...kept });
    for (const { outputs: [name] } of segment.layers) results[name!] = own[name!]!;
    for (const name of segment.kept) kept[name] = own[name]!;
    for (const name of segment.lastUses) delete kept[name];
  }
  assert.deepEqual(Object.keys(kept), []);
  return results;
}

Deno.test("cutAtLayers() puts layers of equal depth at the end of one part", () => {
  const segments = cutAtLayers(graph, LAYERS);
  assert.deepEqual(segments.map(({ layers }) => layers.map(({ name }) => name)), [["a", "d"], ["c"], ["g"]]);
  assert.deepEqual(segments.map(({ kept }) => kept), [["a", "d"], ["b", "c"], []]);
  assert.deepEqual(segments.map(({ lastUses }) => lastUses), [[], ["a"], ["b", "c", "d"]]);
});

Deno.test("cutAtLayers() gives parts that together compute what the graph computes", () => {
  const outputs = LAYERS.map((name) => ({ name, dtype: "f32" as const, shape: null }));
  assertSame(runParts(graph), interpret({ ...graph, outputs }, x));
});

Deno.test("cutAtLayers() adds shifts to the values of the parts before, for all their readers", () => {
  const shifts = new Map([["a", { shift: Float64Array.of(1, -2), axis: 1 }], ["d", {
    shift: Float64Array.of(3, 4),
    axis: 1,
  }]]);
  const shifted = graphOf({
    inputs: { x: [1, 2, 3, 3] },
    nodes: graph.nodes.flatMap((own) =>
      own.name === "a" || own.name === "d"
        ? [
          { ...own, outputs: [`${own.name}0`] },
          node("Add", [`${own.name}0`, `${own.name}s`], own.name, {}, `${own.name}+`),
        ]
        : [own]
    ),
    constants: {
      v: graph.constants.get("v")!,
      as: { ...f32([1, -2]), shape: [2, 1, 1] },
      ds: { ...f32([3, 4]), shape: [2, 1, 1] },
    },
    outputs: ["a0", "c", "d0", "g"],
  });
  const expected = interpret(shifted, x);
  const results = runParts(graph, shifts);
  assertSame({ a0: results.a!, c: results.c!, d0: results.d!, g: results.g! }, expected);
});

Deno.test("cutAtLayers() has no parts without layers", () => assert.deepEqual(cutAtLayers(graph, []), []));
