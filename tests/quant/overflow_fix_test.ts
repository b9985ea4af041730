import assert from "node:assert/strict";
import { halfRangeWeights } from "../../src/quant/overflow_fix.ts";
import { graphOf, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";

const graph = graphOf({
  inputs: { x: [1, 2, 4, 4], z: [1, 2, 4, 4] },
  nodes: [
    node("Conv", ["x", "depthwise"], "a", { group: 2 }),
    node("Relu", ["a"], "b"),
    node("Conv", ["b", "first"], "c"),
    node("Conv", ["c", "second"], "d"),
    node("Conv", ["z", "other"], "e"),
    node("Add", ["x", "d"], "f"),
    node("Conv", ["f", "behind"], "g"),
    node("Add", ["g", "e"], "h"),
    node("GlobalAveragePool", ["h"], "p"),
    node("Flatten", ["p"], "q"),
    node("Gemm", ["q", "matrix"], "y"),
  ],
  constants: {
    depthwise: random([2, 1, 1, 1], 1),
    first: random([2, 2, 1, 1], 2),
    second: random([2, 2, 1, 1], 3),
    other: random([2, 2, 1, 1], 4),
    behind: random([2, 2, 1, 1], 5),
    matrix: random([2, 3], 6),
  },
  outputs: ["y"],
});

const all = new Set(graph.constants.keys());

Deno.test("halfRangeWeights() finds the first convolution on each path from each input, past depthwise ones", () => {
  assert.deepEqual([...halfRangeWeights(graph, all, "first_layer_only")].sort(), ["behind", "first", "other"]);
});

Deno.test("halfRangeWeights() looks behind convolutions whose weights are float", () => {
  const quantized = all.difference(new Set(["first", "other"]));
  assert.deepEqual([...halfRangeWeights(graph, quantized, "first_layer_only")].sort(), ["behind", "second"]);
});

Deno.test("halfRangeWeights() takes all quantized weights, or none", () => {
  assert.deepEqual(halfRangeWeights(graph, all, "enable"), all);
  assert.deepEqual(halfRangeWeights(graph, new Set(["matrix"]), "enable"), new Set(["matrix"]));
  assert.deepEqual(halfRangeWeights(graph, all, "disable"), new Set());
});

Deno.test("halfRangeWeights() takes a convolution of one channel for a regular one", () => {
  const single = graphOf({
    inputs: { x: [1, 1, 4, 4] },
    nodes: [node("Conv", ["x", "w"], "y")],
    constants: { w: random([3, 1, 1, 1], 1) },
    outputs: ["y"],
  });
  assert.deepEqual(halfRangeWeights(single, new Set(["w"]), "first_layer_only"), new Set(["w"]));
});
