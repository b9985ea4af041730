import assert from "node:assert/strict";
import type { Node } from "../../src/graph/graph.ts";
import { recognize } from "../../src/runtime/recognize.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { i64, type Tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";
import { pair, quantizers } from "./steps.ts";

const x = random([2, 5, 8], 1, -1, 3);
const constants: Record<string, Tensor> = {
  gamma: random([8], 2),
  beta: random([1, 8], 3),
  epsilon: f32(0.01),
  one: f32(1),
  two: f32(2),
  half: f32(0.5),
  minusHalf: f32([-0.5]),
  table: random([5, 8], 4),
  axes: i64([-1]),
  ...quantizers,
};

const mean = (from: string, to: string, attributes = {}) =>
  node("ReduceMean", [from], to, { axes: [-1], ...attributes });
/** x as "x", its mean "m", their difference "d" and its mean square "v". */
const moments = [mean("x", "m"), node("Sub", ["x", "m"], "d"), node("Pow", ["d", "two"], "p"), mean("p", "v")];
const deviation = [...moments, node("Add", ["v", "epsilon"], "e"), node("Sqrt", ["e"], "s")];
const normalized = [...deviation, node("Div", ["d", "s"], "n")];
const affine = [...normalized, node("Mul", ["n", "gamma"], "g"), node("Add", ["g", "beta"], "y")];
const rename = (nodes: readonly Node[], from: string, to: string): Node[] =>
  nodes.map((own) => ({
    ...own,
    inputs: own.inputs.map((name) => name === from ? to : name),
    outputs: own.outputs.map((name) => name === from ? to : name),
  }));

/** The operators that are left, for a graph that must still compute the same. */
function left(nodes: readonly Node[], outputs: readonly string[] = ["y"], opset = 13): string[] {
  const graph = graphOf({ inputs: { x: [2, 5, 8] }, nodes, constants, outputs, opset });
  const typed = recognize(specialize(graph, { x }));
  assertSame(interpret(typed.graph, { x }), interpret(graph, { x }), { atol: 2e-6, rtol: 2e-6 });
  for (const own of typed.graph.nodes) {
    for (const name of [...own.inputs, ...own.outputs]) assert(typed.types.has(name), `type of ${name}`);
  }
  return typed.graph.nodes.map(({ op }) => op);
}

const SPELLINGS: Readonly<Record<string, readonly Node[]>> = {
  "with Pow and Div": affine,
  "with axes as an input": [
    node("ReduceMean", ["x", "axes"], "m"),
    ...moments.slice(1, 3),
    node("ReduceMean", ["p", "axes"], "v"),
    ...affine.slice(4),
  ],
  "without scale and bias": rename(normalized, "n", "y"),
  "without bias": [...normalized, node("Mul", ["gamma", "n"], "y")],
  "without scale": [...normalized, node("Add", ["n", "beta"], "y")],
  "with Mul by itself and Reciprocal": [
    ...moments.slice(0, 2),
    node("Mul", ["d", "d"], "p"),
    ...deviation.slice(3),
    node("Reciprocal", ["s"], "r"),
    node("Mul", ["r", "d"], "n"),
    ...affine.slice(-2),
  ],
  "with the differences computed twice": [
    ...deviation,
    node("Sub", ["x", "m"], "d2"),
    node("Div", ["d2", "s"], "n"),
    ...affine.slice(-2),
  ],
  "with powers for roots": [
    ...moments,
    node("Add", ["epsilon", "v"], "e"),
    node("Pow", ["e", "minusHalf"], "r"),
    node("Mul", ["d", "r"], "n"),
    ...affine.slice(-2),
  ],
  "with a division of one": [...deviation, node("Div", ["one", "s"], "r"), node("Mul", ["d", "r"], "y")],
  "with Pow by a half": [
    ...moments,
    node("Add", ["v", "epsilon"], "e"),
    node("Pow", ["e", "half"], "s"),
    node("Div", ["d", "s"], "y"),
  ],
  "with the scale before the division": [...deviation, node("Mul", ["gamma", "d"], "g"), node("Div", ["g", "s"], "y")],
  "with the mean after the scale, as TensorFlow has it": [
    ...deviation,
    node("Reciprocal", ["s"], "r"),
    node("Mul", ["r", "gamma"], "k"),
    node("Mul", ["x", "k"], "a"),
    node("Mul", ["m", "k"], "b"),
    node("Sub", ["beta", "b"], "c"),
    node("Add", ["a", "c"], "y"),
  ],
  "with the difference the other way round": [
    mean("x", "m"),
    node("Sub", ["m", "x"], "d"),
    ...deviation.slice(2),
    node("Neg", ["d"], "o"),
    node("Div", ["o", "s"], "y"),
  ],
  "with a factor behind it": [...rename(affine, "y", "z"), node("Div", ["z", "two"], "y")],
};

for (const [title, nodes] of Object.entries(SPELLINGS)) {
  Deno.test(`recognize() makes one node of a layer normalization ${title}`, () => {
    assert.deepEqual(left(nodes), ["LayerNormalization"]);
  });
}

Deno.test("recognize() keeps names and the constants of the file", () => {
  const graph = graphOf({ inputs: { x: [2, 5, 8] }, nodes: affine, constants, outputs: ["y"] });
  const [only] = recognize(specialize(graph, { x })).graph.nodes;
  assert.deepEqual([only!.name, only!.inputs, only!.outputs], ["y", ["x", "gamma", "beta"], ["y"]]);
  assert.deepEqual(only!.attributes.get("epsilon"), Math.fround(0.01));
});

Deno.test("recognize() replaces one normalization behind another, and the part that nothing else reads", () => {
  const second = affine.map((own) => ({
    ...own,
    name: `${own.name}2`,
    inputs: own.inputs.map((name) => name === "x" ? "y" : name in constants ? name : `${name}2`),
    outputs: own.outputs.map((name) => `${name}2`),
  }));
  assert.deepEqual(left([...affine, ...second], ["y2"]), ["LayerNormalization", "LayerNormalization"]);
  assert.deepEqual(left(affine, ["y", "n"]), ["LayerNormalization", "Mul", "Add"]);
  assert.deepEqual(left([...affine, node("Exp", ["g"], "z")], ["y", "z"]), ["LayerNormalization", "Add", "Exp"]);
  assert.deepEqual(left([...rename(affine, "y", "z"), node("Add", ["z", "table"], "y")]), [
    "LayerNormalization",
    "Add",
  ]);
  assert.deepEqual(left([...rename(affine, "y", "z"), node("Add", ["z", "x"], "y")]), ["LayerNormalization", "Add"]);
});

const NEAR_MISSES: Readonly<Record<string, readonly [nodes: readonly Node[], outputs?: readonly string[]]>> = {
  "whose mean is an output": [affine, ["y", "m"]],
  "whose deviation is an output": [affine, ["y", "s"]],
  "whose difference is read elsewhere": [[...affine, node("Exp", ["d"], "z")], ["y", "z"]],
  "along another axis": [[
    mean("x", "m", { axes: [1] }),
    ...affine.slice(1, 3),
    mean("p", "v", { axes: [1] }),
    ...affine.slice(4),
  ]],
  "along two axes": [[
    mean("x", "m", { axes: [1, 2] }),
    ...affine.slice(1, 3),
    mean("p", "v", { axes: [1, 2] }),
    ...affine.slice(4),
  ]],
  "whose variance is along another axis": [[...affine.slice(0, 3), mean("p", "v", { axes: [1] }), ...affine.slice(4)]],
  "of cubes": [[
    ...affine.slice(0, 2),
    node("Mul", ["d", "d"], "p2"),
    node("Mul", ["p2", "d"], "p"),
    ...affine.slice(3),
  ]],
  "of squares about zero": [[
    mean("x", "m"),
    node("Sub", ["x", "m"], "d"),
    node("Mul", ["x", "x"], "p"),
    ...affine.slice(3),
  ]],
  "that keeps a part of the mean": [[
    ...deviation,
    node("Div", ["x", "s"], "a"),
    node("Mul", ["m", "half"], "h"),
    node("Div", ["h", "s"], "b"),
    node("Sub", ["a", "b"], "y"),
  ]],
  "that adds the variance": [[...deviation, node("Add", ["d", "s"], "y")]],
  "that divides a sum": [[...deviation, node("Add", ["d", "beta"], "o"), node("Div", ["o", "s"], "y")]],
  "whose epsilon differs along a row": [[
    ...moments,
    node("Add", ["v", "gamma"], "e0"),
    node("Abs", ["e0"], "e"),
    node("Sqrt", ["e"], "s"),
    node("Div", ["d", "s"], "y"),
  ]],
  "with quantizers within": [[
    ...moments.slice(0, 2),
    ...pair("d", "dd", "xs", "xz"),
    ...rename(affine.slice(2), "d", "dd"),
  ]],
};

for (const [title, [nodes, outputs]] of Object.entries(NEAR_MISSES)) {
  Deno.test(`recognize() leaves a normalization ${title}`, () => {
    assert(!left(nodes, outputs).includes("LayerNormalization"));
  });
}
