import assert from "node:assert/strict";
import { biasOf } from "../../src/graph/biases.ts";
import { usesOf } from "../../src/graph/graph.ts";
import { f32, graphOf, node } from "../graphs.ts";

const graph = graphOf({
  inputs: { x: [1, 2] },
  nodes: [
    node("Conv", ["x", "w", "b"], "conv"),
    node("Conv", ["x", "w"], "bare"),
    node("Gemm", ["x", "w", "x"], "computed"),
    node("MatMul", ["x", "w"], "m"),
    node("Add", ["m", "b"], "left"),
    node("MatMul", ["x", "w"], "n"),
    node("Add", ["b", "n"], "right"),
    node("MatMul", ["x", "w"], "twice"),
    node("Add", ["twice", "b"], "p"),
    node("Add", ["twice", "p"], "q"),
    node("MatMul", ["x", "w"], "out"),
    node("Add", ["out", "b"], "r"),
  ],
  constants: { w: f32([1, 2]), b: f32([3, 4]) },
  outputs: ["conv", "bare", "computed", "left", "right", "q", "out", "r"],
});

Deno.test("biasOf() finds the third input of a node, and the constant that an Add behind a MatMul adds", () => {
  const found = (name: string): string | null => {
    const bias = biasOf(graph, usesOf(graph), graph.nodes.find((own) => own.name === name)!);
    return bias && `${bias.name} at ${bias.reader.node} ${bias.reader.input}`;
  };
  assert.deepEqual(["conv", "bare", "computed", "m", "n", "twice", "out"].map(found), [
    "b at conv 2",
    null,
    null,
    "b at left 1",
    "b at right 0",
    null,
    null,
  ]);
});
