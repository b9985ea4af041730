import assert from "node:assert/strict";
import { usesOf } from "../../src/graph/graph.ts";
import {
  channelAxes,
  forEachWeight,
  ownsWeights,
  scaledWeights,
  weightedLayers,
  weightMaxima,
} from "../../src/quant/weighted.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { graphOf, node } from "../graphs.ts";

const graph = graphOf({
  inputs: { x: [1, 4, 3, 3], z: [2, 3], u: [3, 2] },
  nodes: [
    node("Conv", ["x", "grouped"], "a", { group: 2 }),
    node("MatMul", ["z", "matrix"], "b"),
    node("Gemm", ["z", "matrix"], "c"),
    node("Gemm", ["z", "transposed"], "d", { transB: 1 }),
    node("Gemm", ["u", "matrix"], "e", { transA: 1 }),
    node("Gemm", ["z", "matrix"], "f", { alpha: 0.5 }),
    node("MatMul", ["z", "u"], "g"),
    node("MatMul", ["matrix", "u"], "h"),
  ],
  constants: {
    grouped: tensor("f32", [2, 2, 1, 2], [1, 2, 3, 4, -5, 6, 7, -8]),
    matrix: tensor("f32", [3, 2], [1, -2, 3, 4, -5, 6]),
    transposed: tensor("f32", [2, 3], [1, 3, -5, -2, 4, 6]),
  },
  outputs: ["a", "b", "c", "d", "e", "f", "g", "h"],
});
const layers = new Map(weightedLayers(graph).map((layer) => [layer.node.name, layer]));

Deno.test("weightedLayers() finds the nodes with constant weights, in plain form", () => {
  assert.deepEqual([...layers.keys()], ["a", "b", "c", "d"]);
  const { inputs, outputs, groups, taps, axis } = layers.get("a")!;
  assert.deepEqual({ inputs, outputs, groups, taps, axis }, { inputs: 4, outputs: 2, groups: 2, taps: 2, axis: 1 });
  assert.deepEqual([...channelAxes(layers.values())], [["x", 1], ["z", -1]]);
  assert.deepEqual([...layers.values()].map((layer) => ownsWeights(layer, usesOf(graph))), [true, false, false, true]);
});

Deno.test("forEachWeight() visits each weight with its channels", () => {
  const visits = (name: string): string[] => {
    const found: string[] = [];
    const layer = layers.get(name)!;
    forEachWeight(layer, (index, o, i, tap) => found.push(`${layer.weights.data[index]}: ${o} ${i} ${tap}`));
    return found;
  };
  assert.deepEqual(visits("a"), [
    "1: 0 0 0",
    "2: 0 0 1",
    "3: 0 1 0",
    "4: 0 1 1",
    "-5: 1 2 0",
    "6: 1 2 1",
    "7: 1 3 0",
    "-8: 1 3 1",
  ]);
  const matrix = ["1: 0 0 0", "3: 0 1 0", "-5: 0 2 0", "-2: 1 0 0", "4: 1 1 0", "6: 1 2 0"];
  for (const name of ["b", "c", "d"]) assert.deepEqual(visits(name), matrix);
});

Deno.test("weightMaxima() and scaledWeights() go along the channels", () => {
  assert.deepEqual([...weightMaxima(layers.get("a")!, "inputs")], [2, 4, 6, 8]);
  assert.deepEqual([...weightMaxima(layers.get("a")!, "outputs")], [4, 8]);
  assert.deepEqual([...weightMaxima(layers.get("d")!, "inputs")], [2, 4, 6]);
  assert.deepEqual([...weightMaxima(layers.get("b")!, "outputs")], [5, 6]);
  const scaled = scaledWeights(layers.get("b")!, (o, i) => (o + 1) * 10 ** i);
  assert.deepEqual(scaled, tensor("f32", [3, 2], [1, -4, 30, 80, -500, 1200]));
});
