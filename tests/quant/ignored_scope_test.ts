import assert from "node:assert/strict";
import { ignoredNodes, type IgnoredScope } from "../../src/quant/ignored_scope.ts";
import { graphOf, node } from "../graphs.ts";

const graph = graphOf({
  inputs: { x: [] },
  nodes: [node("Relu", ["x"], "layer1/a"), node("Exp", ["x"], "layer1/b"), node("Relu", ["x"], "layer2/a")],
  outputs: ["layer1/a"],
});

const ignored = (scope: IgnoredScope): string[] => [...ignoredNodes(graph, scope)];

Deno.test("ignoredNodes() takes names, patterns from the start of a name, and types", () => {
  assert.deepEqual(ignored({}), []);
  assert.deepEqual(ignored({ names: ["layer1/b", "layer2/a"] }), ["layer1/b", "layer2/a"]);
  assert.deepEqual(ignored({ patterns: "layer1/.*" }), ["layer1/a", "layer1/b"]);
  assert.deepEqual(ignored({ patterns: ["layer2|.*b"] }), ["layer2/a", "layer1/b"].sort());
  assert.deepEqual(ignored({ types: "Relu", names: "layer1/b" }).sort(), ["layer1/a", "layer1/b", "layer2/a"]);
});

Deno.test("ignoredNodes() names all rules that match nothing", () => {
  const scope = { names: ["layer1/b", "layer1"], patterns: ["ayer"], types: "Conv" };
  assert.throws(() => ignoredNodes(graph, scope), {
    name: "RangeError",
    message: 'The ignored scope matches no operation: name "layer1", pattern "ayer", type "Conv"',
  });
  assert.deepEqual(ignored({ ...scope, validate: false }), ["layer1/b"]);
});

Deno.test("ignoredNodes() throws for a pattern that is no regular expression", () => {
  assert.throws(() => ignoredNodes(graph, { patterns: "(", validate: false }), SyntaxError);
});

Deno.test("ignoredNodes() takes all nodes on the paths between others", () => {
  const net = graphOf({
    inputs: { x: [] },
    nodes: [
      node("Relu", ["x"], "a"),
      node("Exp", ["a"], "b"),
      node("Exp", ["a"], "c"),
      node("Add", ["b", "c"], "d"),
      node("Add", ["d", "c"], "e"),
      node("Exp", ["c"], "side"),
    ],
    outputs: ["e", "side"],
  });
  const between = (inputs: string | string[], outputs: string | string[]): string[] =>
    [...ignoredNodes(net, { subgraphs: { inputs, outputs } })].sort();
  assert.deepEqual(between("a", "d"), ["a", "b", "c", "d"]);
  assert.deepEqual(between("b", ["d", "e"]), ["b", "d", "e"]);
  assert.deepEqual(between(["b", "c"], "side"), ["c", "side"]);
  assert.deepEqual(between("c", "c"), ["c"]);
  const two = { subgraphs: [{ inputs: "b", outputs: "b" }, { inputs: ["side"], outputs: ["side"] }], types: "Relu" };
  assert.deepEqual([...ignoredNodes(net, two)].sort(), ["a", "b", "side"]);
  const backwards = { subgraphs: [{ inputs: ["e", "side"], outputs: "a" }, { inputs: "a", outputs: "b" }] };
  assert.throws(() => ignoredNodes(net, backwards), {
    name: "RangeError",
    message: 'The ignored scope matches no operation: subgraph from "e", "side" to "a"',
  });
  assert.deepEqual([...ignoredNodes(net, { ...backwards, validate: false })].sort(), ["a", "b"]);
});

Deno.test("ignoredNodes() walks a graph with many paths once", () => {
  const steps = Array.from({ length: 64 }, (_, i) => [
    node("Add", [`s${i}`, `s${i}`], `l${i}`),
    node("Add", [`s${i}`, `l${i}`], `s${i + 1}`),
  ]);
  const ladder = graphOf({ inputs: { s0: [] }, nodes: steps.flat(), outputs: ["s64"] });
  assert.equal(ignoredNodes(ladder, { subgraphs: { inputs: "l0", outputs: "s64" } }).size, 128);
});
