import assert from "node:assert/strict";
import type { Node } from "../../src/graph/graph.ts";
import { shareEqual } from "../../src/runtime/share.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";
import { pair, quantizers } from "./steps.ts";

const x = random([2, 6], 1);
const constants = {
  ...quantizers,
  scaleAgain: tensor("f32", [], quantizers.xs.data),
  long: i64([3, 4]),
  longAgain: i64([3, 4]),
  other: i64([4, 3]),
  zero: f32(0),
  minusZero: f32(-0),
  large: random([12, 1, 6], 2),
  largeAgain: random([12, 1, 6], 2),
};

/** The names of the nodes that are left, for a graph that must still compute the same. */
function left(nodes: readonly Node[], outputs: readonly string[] = ["y"]): string[] {
  const graph = graphOf({ inputs: { x: [2, 6] }, nodes, constants, outputs });
  const shared = shareEqual(graph);
  assertSame(interpret(shared, { x }), interpret(graph, { x }));
  return shared.nodes.map(({ name }) => name);
}

Deno.test("shareEqual() merges nodes that do the same, one after another, and constants of one content", () => {
  const nodes = [
    node("Reshape", ["x", "long"], "a"),
    node("Reshape", ["x", "longAgain"], "b"),
    ...pair("a", "ad", "xs", "xz"),
    ...pair("b", "bd", "scaleAgain", "xz"),
    node("Sub", ["ad", "bd"], "y"),
  ];
  assert.deepEqual(left(nodes), ["a", "aq", "ad", "y"]);
});

Deno.test("shareEqual() keeps nodes that differ in attributes, inputs, order or outputs", () => {
  const last = node("Concat", ["a", "b"], "y", { axis: 0 });
  const kept = (a: Node, b: Node): void => assert.deepEqual(left([a, b, last]), ["a", "b", "y"]);
  kept(node("Softmax", ["x"], "a", { axis: 0 }), node("Softmax", ["x"], "b", { axis: 1 }));
  kept(node("Exp", ["x"], "a"), node("Neg", ["x"], "b"));
  kept(node("Sub", ["x", "xs"], "a"), node("Sub", ["xs", "x"], "b"));
  kept(node("Div", ["x", "zero"], "a"), node("Div", ["x", "minusZero"], "b"));
  kept(node("Sub", ["x", "large"], "a"), node("Sub", ["x", "largeAgain"], "b"));
  assert.deepEqual(left([node("Reshape", ["x", "long"], "y"), node("Reshape", ["x", "other"], "z")], ["y", "z"]), [
    "y",
    "z",
  ]);
});

Deno.test("shareEqual() keeps the nodes of outputs", () => {
  const nodes = [node("Exp", ["x"], "a"), node("Exp", ["x"], "y"), node("Exp", ["x"], "b"), node("Neg", ["b"], "z")];
  assert.deepEqual(left(nodes, ["a", "y", "z"]), ["a", "y", "z"]);
  assert.deepEqual(left(nodes, ["y", "z"]), ["a", "y", "z"]);
});

Deno.test("shareEqual() returns a graph without doubles as it is", () => {
  const graph = graphOf({ inputs: { x: [2, 6] }, nodes: [node("Exp", ["x"], "y")], outputs: ["y"] });
  assert.equal(shareEqual(graph), graph);
});
