import assert from "node:assert/strict";
import { Rewriter } from "../../src/graph/rewriter.ts";
import { f32, graphOf, node } from "../graphs.ts";

const graph = graphOf({
  inputs: { x: [2] },
  nodes: [node("Add", ["x", "w"], "a"), node("Relu", ["a"], "b"), node("Mul", ["a", "b"], "y")],
  constants: { w: f32([1, 2]), unused: f32(0) },
  outputs: ["y"],
});

Deno.test("Rewriter.unique() avoids inputs, constants, nodes, values and its own names", () => {
  const rewriter = new Rewriter(graphOf({
    inputs: { x: [] },
    nodes: [node("Relu", ["x"], "value", {}, "name")],
    constants: { w: f32(1) },
    outputs: ["value"],
  }));
  const wishes = ["x", "w", "value", "name", "new", "new"];
  assert.deepEqual(wishes.map((wish) => rewriter.unique(wish)), ["x_1", "w_1", "value_1", "name_1", "new", "new_1"]);
});

Deno.test("Rewriter leaves the graph that it starts from alone", () => {
  const before = structuredClone(graph);
  const rewriter = new Rewriter(graph);
  rewriter.redirect("a", rewriter.node("Relu", [rewriter.constant("w", f32(3))]));
  rewriter.nodes.pop();
  assert.deepEqual(structuredClone(graph), before);
});

Deno.test("Rewriter.node() adds a node under new names", () => {
  const rewriter = new Rewriter(graph);
  assert.equal(rewriter.node("Softmax", ["a"], { axis: -1 }), "a_Softmax");
  assert.deepEqual(rewriter.nodes.at(-1), node("Softmax", ["a"], "a_Softmax", { axis: -1 }, "a_Softmax/Softmax"));
  assert.equal(rewriter.node("Softmax", ["a"]), "a_Softmax_1");
  assert.equal(rewriter.node("Relu", ["a"], {}, "out"), "out");
});

Deno.test("Rewriter.redirect() changes every input that reads a value", () => {
  const rewriter = new Rewriter(graph);
  rewriter.redirect("a", "x");
  assert.deepEqual(rewriter.nodes.map(({ inputs }) => inputs), [["x", "w"], ["x"], ["x", "b"]]);
});

Deno.test("Rewriter.finish() sorts, and drops the nodes and constants that no output needs", () => {
  const rewriter = new Rewriter(graph);
  rewriter.nodes.reverse();
  rewriter.node("Relu", ["x"]);
  const finished = rewriter.finish();
  assert.deepEqual(finished.nodes.map(({ name }) => name), ["a", "b", "y"]);
  assert.deepEqual([...finished.constants.keys()], ["w"]);
});

Deno.test("Rewriter.finish() keeps a constant that is an output, and a node for one of its outputs", () => {
  const rewriter = new Rewriter(graph);
  rewriter.nodes.push(node("Split", ["x"], ["left", "right"]));
  const outputs = [{ name: "w", dtype: "f32", shape: null }, { name: "right", dtype: "f32", shape: null }] as const;
  const finished = rewriter.finish({ outputs, opset: 18 });
  assert.deepEqual(finished.nodes.map(({ name }) => name), ["left"]);
  assert.deepEqual([...finished.constants.keys()], ["w"]);
  assert.equal(finished.opset, 18);
});

Deno.test("Rewriter.finish() throws where a node reads what was taken away", () => {
  const rewriter = new Rewriter(graph);
  rewriter.nodes = rewriter.nodes.filter(({ name }) => name !== "a");
  assert.throws(() => rewriter.finish(), /nothing computes its input "a"/);
});
