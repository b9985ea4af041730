import assert from "node:assert/strict";
import fc from "fast-check";
import { producersOf, sortNodes, usesOf } from "../../src/graph/graph.ts";
import { graphOf, node } from "../graphs.ts";

const names = (nodes: readonly { readonly name: string }[]): string[] => nodes.map(({ name }) => name);

Deno.test("producersOf() skips outputs that are left out", () => {
  const split = node("Split", ["x"], ["a", "", "b"]);
  const producers = producersOf(graphOf({ inputs: { x: [3] }, nodes: [split], outputs: ["a"] }));
  assert.deepEqual([...producers.keys()], ["a", "b"]);
  assert.equal(producers.get("b"), split);
});

Deno.test("usesOf() lists every input of every reader", () => {
  const nodes = [node("Add", ["x", "x"], "a"), node("Clip", ["a", "", "x"], "b")];
  const uses = usesOf(graphOf({ inputs: { x: [] }, nodes, outputs: ["b"] }));
  assert.deepEqual(uses.get("x")!.map((use) => [use.node.name, use.input]), [["a", 0], ["a", 1], ["b", 2]]);
  assert.equal(uses.has("b"), false);
  assert.equal(uses.has(""), false);
});

Deno.test("sortNodes() keeps the order where it can", () => {
  const nodes = [
    node("Relu", ["b"], "c"),
    node("Relu", ["x"], "a"),
    node("Relu", ["a"], "b"),
    node("Constant", [], "d"),
  ];
  assert.deepEqual(names(sortNodes(nodes, ["x"])), ["a", "b", "c", "d"]);
  assert.deepEqual(names(sortNodes(nodes.toReversed(), ["x"])), ["d", "a", "b", "c"]);
});

/** Nodes that read from earlier ones alone, in any order. */
const shuffled = fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 20 }).chain((reads) => {
  const nodes = reads.map((from, i) =>
    node("Sum", from.map((seed) => seed % (i + 1) === i ? "x" : `n${seed % (i + 1)}`), `n${i}`)
  );
  return fc.shuffledSubarray(nodes, { minLength: nodes.length });
});

Deno.test("sortNodes() puts each node once and after those that it reads from", () => {
  fc.assert(fc.property(shuffled, (nodes) => {
    const sorted = sortNodes(nodes, ["x"]);
    assert.deepEqual(new Set(sorted), new Set(nodes));
    assert.equal(sorted.length, nodes.length);
    const ready = new Set(["x"]);
    for (const { inputs, outputs } of sorted) {
      assert(inputs.every((name) => ready.has(name)));
      ready.add(outputs[0]!);
    }
  }));
});

Deno.test("sortNodes() leaves sorted nodes as they are", () => {
  fc.assert(fc.property(shuffled, (nodes) => {
    const sorted = sortNodes(nodes, ["x"]);
    assert.deepEqual(sortNodes(sorted, ["x"]), sorted);
  }));
});

Deno.test("sortNodes() sorts a chain that is deeper than the stack", () => {
  const nodes = Array.from({ length: 50_000 }, (_, i) => node("Relu", [i === 0 ? "x" : `n${i - 1}`], `n${i}`));
  assert.deepEqual(sortNodes(nodes.toReversed(), ["x"]), nodes);
});

Deno.test("sortNodes() names a value that nothing computes", () => {
  assert.throws(() => sortNodes([node("Relu", ["y"], "z")], ["x"]), {
    name: "RangeError",
    message: 'Cannot read node "z" (Relu): nothing computes its input "y"',
  });
});

Deno.test("sortNodes() names a value in a cycle", () => {
  const nodes = [node("Add", ["x", "c"], "a"), node("Relu", ["a"], "b"), node("Relu", ["b"], "c")];
  assert.throws(() => sortNodes(nodes, ["x"]), {
    name: "RangeError",
    message: 'Cannot read node "b" (Relu): the graph has a cycle through "a"',
  });
  assert.throws(() => sortNodes([node("Relu", ["a"], "a")], ["x"]), /"a" \(Relu\): the graph has a cycle through "a"/);
});
