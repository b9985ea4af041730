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
