import assert from "node:assert/strict";
import { ConstantEdits } from "../../src/quant/edits.ts";
import { f32, graphOf, node } from "../graphs.ts";

const graph = graphOf({
  inputs: { x: [2] },
  nodes: [node("Add", ["x", "own"], "a"), node("Mul", ["a", "shared"], "b"), node("Mul", ["b", "shared"], "y")],
  constants: { own: f32([1, 2]), shared: f32([3, 4]) },
  outputs: ["y"],
});

Deno.test("ConstantEdits keep the name of a constant with one reader, and leave one with several to the others", () => {
  const edits = new ConstantEdits();
  edits.set("a", 1, f32([5, 6]));
  edits.set("b", 1, f32([7, 8]));
  const edited = edits.apply(graph);
  assert.deepEqual(edited.nodes.map(({ inputs }) => inputs), [["x", "own"], ["a", "shared_1"], ["b", "shared"]]);
  assert.deepEqual([...edited.constants].map(([name, { data }]) => [name, ...data]), [
    ["own", 5, 6],
    ["shared", 3, 4],
    ["shared_1", 7, 8],
  ]);
  assert.deepEqual(graph.constants.get("own"), f32([1, 2]));
});

Deno.test("ConstantEdits add a missing input under the node's name, and give the graph itself without edits", () => {
  const edits = new ConstantEdits();
  assert.equal(edits.apply(graph), graph);
  edits.set("y", 2, f32([1, 1]));
  const edited = edits.apply(graph);
  assert.deepEqual(edited.nodes.at(-1)!.inputs, ["b", "shared", "y.bias"]);
  assert.deepEqual(edited.constants.get("y.bias"), f32([1, 1]));
});
