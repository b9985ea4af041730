import assert from "node:assert/strict";
import fc from "fast-check";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { simplify } from "../../src/runtime/simplify.ts";
import { i64, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node, run } from "../graphs.ts";
import { random } from "../ops/harness.ts";

const ops = ({ nodes }: Graph): string[] => nodes.map(({ op }) => op);

const x = random([2, 3, 4, 4], 1);
const convolution = { w: random([5, 3, 3, 3], 2), b: random([5], 3) };

/** A graph of a convolution and what follows it. */
function after(nodes: readonly Node[], constants: Record<string, Tensor> = {}, bias = true): Graph {
  return graphOf({
    inputs: { x: [2, 3, 4, 4] },
    nodes: [node("Conv", bias ? ["x", "w", "b"] : ["x", "w"], "c", { pads: [1, 1, 1, 1] }), ...nodes],
    constants: { ...convolution, ...constants },
    outputs: [nodes.at(-1)!.outputs[0]!],
  });
}

const channels = (seed: number, low: number, high: number): Tensor => random([5], seed, low, high);
const normalization = {
  gamma: channels(4, -2, 2),
  beta: channels(5, -1, 1),
  mean: channels(6, -1, 1),
  variance: channels(7, 0.1, 2),
};
const batchNorm = (input: string, output: string): Node =>
  node("BatchNormalization", [input, "gamma", "beta", "mean", "variance"], output, { epsilon: 1e-3 });

Deno.test("simplify() computes constant expressions, but keeps quantized weights", () => {
  const graph = graphOf({
    inputs: { x: [2] },
    nodes: [
      node("Add", ["a", "b"], "c"),
      node("Exp", ["c"], "d"),
      node("DequantizeLinear", ["q", "s"], "e"),
      node("Add", ["d", "e"], "f"),
      node("Mul", ["f", "x"], "y"),
    ],
    constants: { a: f32([0, 1]), b: f32([0, -1]), q: tensor("i8", [2], [2, 4]), s: f32(0.5) },
    outputs: ["y"],
  });
  const simple = simplify(graph);
  assert.deepEqual(ops(simple), ["DequantizeLinear", "Add", "Mul"]);
  assert.deepEqual(simple.constants.get("d"), f32([1, 1]));
  assertSame(interpret(simple, { x: f32([3, 4]) }), interpret(graph, { x: f32([3, 4]) }));
});

Deno.test("simplify() keeps constants that are outputs", async () => {
  const graph = graphOf({
    inputs: { x: [1] },
    nodes: [node("Neg", ["a"], "y"), node("Relu", ["x"], "z")],
    constants: { a: f32([2]) },
    outputs: ["y", "z"],
  });
  assertSame(await run(graph, { x: f32([1]) }), { y: f32([-2]), z: f32([1]) });
});

Deno.test("simplify() drops Identity and Dropout, but not those that name an output", () => {
  const graph = graphOf({
    inputs: { x: [2] },
    nodes: [
      node("Identity", ["x"], "a"),
      node("Dropout", ["a"], "b"),
      node("Relu", ["b"], "c"),
      node("Identity", ["c"], "d"),
      node("Identity", ["d"], "e"),
      node("Exp", ["e"], "f"),
      node("Identity", ["f"], "y"),
    ],
    outputs: ["y"],
  });
  const simple = simplify(graph);
  assert.deepEqual(ops(simple), ["Relu", "Exp", "Identity"]);
  assertSame(interpret(simple, { x: f32([-1, 2]) }), interpret(graph, { x: f32([-1, 2]) }));
});

Deno.test("simplify() folds what scales and shifts each channel into the convolution", () => {
  const cases: Record<string, [Node[], Record<string, Tensor>]> = {
    "BatchNormalization": [[batchNorm("c", "y")], normalization],
    "Mul by a number": [[node("Mul", ["c", "k"], "y")], { k: f32(-3) }],
    "Mul by channel, from the left": [[node("Mul", ["k", "c"], "y")], {
      k: { ...channels(8, -2, 2), shape: [5, 1, 1] },
    }],
    "Add by channel": [[node("Add", ["c", "k"], "y")], { k: { ...channels(8, -2, 2), shape: [1, 5, 1, 1] } }],
    "Sub": [[node("Sub", ["c", "k"], "y")], { k: f32(0.5) }],
    "Div": [[node("Div", ["c", "k"], "y")], { k: f32([4]) }],
    "all of them": [
      [batchNorm("c", "d"), node("Mul", ["d", "k"], "e"), node("Sub", ["e", "m"], "y")],
      { ...normalization, k: f32(2), m: f32(0.25) },
    ],
  };
  for (const [title, [nodes, constants]] of Object.entries(cases)) {
    for (const bias of [true, false]) {
      const graph = after(nodes, constants, bias);
      const simple = simplify(graph);
      assert.deepEqual(ops(simple), ["Conv"], title);
      assert.equal(simple.nodes[0]!.name, "c");
      assertSame(interpret(simple, { x }), interpret(graph, { x }), { atol: 1e-5, rtol: 1e-5 });
    }
  }
});

Deno.test("simplify() folds BatchNormalization whatever its numbers", () => {
  const numbers = fc.array(fc.float({ min: -4, max: 4, noNaN: true }), { minLength: 5, maxLength: 5 });
  const positive = fc.array(fc.float({ min: Math.fround(0.01), max: 4, noNaN: true }), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(numbers, numbers, numbers, positive, fc.boolean(), (gamma, beta, mean, variance, bias) => {
      const constants = { gamma: f32(gamma), beta: f32(beta), mean: f32(mean), variance: f32(variance) };
      const graph = after([batchNorm("c", "y")], constants, bias);
      assertSame(interpret(simplify(graph), { x }), interpret(graph, { x }), { atol: 1e-3, rtol: 1e-4 });
    }),
    { numRuns: 20 },
  );
});

Deno.test("simplify() does not fold where the result would change", () => {
  const cases: Record<string, [Node[], Record<string, Tensor>, string[]]> = {
    "a constant along another axis": [[node("Add", ["c", "k"], "y")], { k: random([4], 8) }, ["Conv", "Add"]],
    "a constant of higher rank": [[node("Add", ["c", "k"], "y")], { k: random([1, 1, 5, 1, 1], 8) }, ["Conv", "Add"]],
    "a constant divided by the result": [[node("Div", ["k", "c"], "y")], { k: f32(2) }, ["Conv", "Div"]],
    "a constant less the result": [[node("Sub", ["k", "c"], "y")], { k: f32(2) }, ["Conv", "Sub"]],
    "a result that others read": [[node("Mul", ["c", "k"], "m"), node("Add", ["m", "c"], "y")], { k: f32(2) }, [
      "Conv",
      "Mul",
      "Add",
    ]],
    "a result squared": [[node("Mul", ["c", "c"], "y")], {}, ["Conv", "Mul"]],
  };
  for (const [title, [nodes, constants, expected]] of Object.entries(cases)) {
    const graph = after(nodes, constants);
    const simple = simplify(graph);
    assert.deepEqual(ops(simple), expected, title);
    assertSame(interpret(simple, { x }), interpret(graph, { x }));
  }
});

Deno.test("simplify() does not fold into a convolution that is an output, or has computed weights", () => {
  const output = after([node("Mul", ["c", "k"], "y")], { k: f32(2) });
  assert.deepEqual(
    ops(simplify({ ...output, outputs: [...output.outputs, { name: "c", dtype: "f32", shape: null }] })),
    ["Conv", "Mul"],
  );
  const computed = graphOf({
    inputs: { x: [1, 1, 2, 2], w: [1, 1, 1, 1] },
    nodes: [node("Conv", ["x", "w"], "c"), node("Mul", ["c", "k"], "y")],
    constants: { k: f32(2) },
    outputs: ["y"],
  });
  assert.deepEqual(ops(simplify(computed)), ["Conv", "Mul"]);
});

Deno.test("simplify() shares weights between convolutions of which one is scaled", () => {
  const graph = graphOf({
    inputs: { x: [2, 3, 4, 4] },
    nodes: [
      node("Conv", ["x", "w"], "a"),
      node("Conv", ["x", "w"], "b"),
      node("Mul", ["b", "k"], "m"),
      node("Add", ["a", "m"], "y"),
    ],
    constants: { w: convolution.w, k: f32(2) },
    outputs: ["y"],
  });
  assertSame(interpret(simplify(graph), { x }), interpret(graph, { x }), { atol: 1e-5 });
});

Deno.test("simplify() folds into 1-D convolutions along their own channels", () => {
  const graph = graphOf({
    inputs: { x: [1, 2, 6] },
    nodes: [node("Conv", ["x", "w"], "c"), node("Add", ["c", "k"], "y")],
    constants: { w: random([4, 2, 3], 1), k: random([4, 1], 2) },
    outputs: ["y"],
  });
  const simple = simplify(graph);
  assert.deepEqual(ops(simple), ["Conv"]);
  const inputs = { x: random([1, 2, 6], 3) };
  assertSame(interpret(simple, inputs), interpret(graph, inputs), { atol: 1e-5 });
});

Deno.test("simplify() names a constant node that cannot be computed", () => {
  const graph = graphOf({
    inputs: { x: [2] },
    nodes: [node("Reshape", ["a", "s"], "b"), node("Add", ["x", "b"], "y")],
    constants: { a: f32([1, 2]), s: i64([3]) },
    outputs: ["y"],
  });
  assert.throws(() => simplify(graph), { name: "NodeError", message: /^Cannot run node "b" \(Reshape\): / });
});
