import assert from "node:assert/strict";
import fc from "fast-check";
import type { Graph } from "../../src/graph/graph.ts";
import { absoluteMaximaNeeded, smoothActivations } from "../../src/quant/smooth_quant.ts";
import { readModel } from "../../src/runtime/read_model.ts";
import { simplify } from "../../src/runtime/simplify.ts";
import { sizeOf, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { sharedData } from "../data.ts";
import { encoder } from "../models/encoder.ts";
import { assertSame, f32, graphOf, interpret, node, run } from "../graphs.ts";
import { random } from "../ops/harness.ts";

const ALPHAS = { convolution: -1, matmul: 0.95 };

/** Sums of at most some hundreds of products, each with one more rounding of 6e-8 by its scale. */
const CLOSE = { atol: 1e-5, rtol: 1e-5 };

/** The absolute maxima of each channel of the values of a graph, on some input. */
function maximaOf(
  graph: Graph,
  wanted: ReadonlyMap<string, number>,
  inputs: Readonly<Record<string, Tensor>>,
): Map<string, Float64Array> {
  const outputs = [...wanted.keys()].map((name) => ({ name, dtype: "f32" as const, shape: null }));
  const values = interpret({ ...graph, outputs }, inputs);
  return new Map([...wanted].map(([name, axis]) => {
    const { shape, data } = values[name] ?? inputs[name]!;
    const own = axis < 0 ? axis + shape.length : axis;
    const inner = sizeOf(shape.slice(own + 1));
    const maxima = new Float64Array(shape[own]!);
    data.forEach((v: number, i: number) => {
      const c = Math.floor(i / inner) % shape[own]!;
      maxima[c] = Math.max(maxima[c]!, Math.abs(v));
    });
    return [name, maxima];
  }));
}

function smooth(graph: Graph, inputs: Readonly<Record<string, Tensor>>, alphas = ALPHAS): Graph {
  return smoothActivations(graph, maximaOf(graph, absoluteMaximaNeeded(graph, alphas), inputs), alphas);
}

const one = graphOf({
  inputs: { x: [3, 4] },
  nodes: [node("MatMul", ["x", "w"], "y")],
  constants: { w: tensor("f32", [4, 2], [1, -2, 0.5, 0.25, 4, 1, 1, 1]) },
  outputs: ["y"],
});

Deno.test("smoothActivations() takes the scales of NNCF's formula", () => {
  const maxima = new Map([["x", [100, 1, 0, 1e9]]]);
  const scales = (alpha: number): number[] => {
    const smoothed = smoothActivations(one, maxima, { convolution: -1, matmul: alpha });
    return Array.from(smoothed.constants.get("x_smoothing")!.data, (v) => 1 / v);
  };
  // By hand: a^0.5 / w^0.5 with w = 2, 0.5, 4, 1; 0.0016 is raised to the 10 % quantile, 31623 lowered to 100.
  const raw = [Math.sqrt(100 / 2), Math.sqrt(1 / 0.5), Math.sqrt(1e-5 / 4), Math.sqrt(1e9)];
  const lowest = raw[2]! + 0.3 * (raw[1]! - raw[2]!);
  const expected = [raw[0]!, raw[1]!, lowest, 100];
  scales(0.5).forEach((s, c) => assert(Math.abs(s - expected[c]!) < 1e-4 * expected[c]!, `${s} at ${c}`));
  scales(1).forEach((s, c) => {
    const wanted = [100, 1, 1e-5 + 0.3 * (1 - 1e-5), 100][c]!;
    assert(Math.abs(s - wanted) < 1e-4 * wanted, `${s} at ${c}`);
  });
});

Deno.test("smoothActivations() puts a Mul before the layers where the value cannot be divided at its source", () => {
  const x = { x: random([3, 4], 1, -9, 9) };
  const smoothed = smooth(one, x);
  assert.deepEqual(smoothed.nodes.map(({ op }) => op), ["Mul", "MatMul"]);
  assertSame(interpret(smoothed, x), interpret(one, x), CLOSE);
  assert.equal(smoothed.constants.get("w")!.shape.join(), "4,2");
  assert.notDeepEqual(smoothed.constants.get("w"), one.constants.get("w"));
});

Deno.test("smoothActivations() gives layers that read one value one scale", () => {
  const graph = graphOf({
    inputs: { x: [3, 4] },
    nodes: [
      node("MatMul", ["x", "w1"], "a"),
      node("Gemm", ["x", "w2", "b"], "c", { transB: 1 }),
      node("Add", ["a", "c"], "y"),
    ],
    constants: { w1: random([4, 5], 1), w2: random([5, 4], 2), b: random([5], 3) },
    outputs: ["y"],
  });
  const x = { x: tensor("f32", [3, 4], [1, 20, 3, 4, -1, 2, 3, 9, 5, 5, 60, 5]) };
  const smoothed = smooth(graph, x);
  assert.equal(smoothed.nodes.filter(({ op }) => op === "Mul").length, 1);
  assertSame(interpret(smoothed, x), interpret(graph, x), { atol: 1e-4 });
});

const divided = (nodes: Graph["nodes"], outputs = ["y"]): Graph =>
  graphOf({
    inputs: { x: [3, 4], r: [3, 4] },
    nodes,
    constants: {
      g: random([4], 1, 0.5, 2),
      b: random([1, 4], 2),
      half: f32(0.5),
      e: f32(1e-3),
      axes: tensor("i64", [1], [-1]),
      w: random([4, 5], 3),
      w2: random([4, 5], 4),
    },
    outputs,
  });

const FOLDED: Record<string, Graph> = {
  "a LayerNormalization": divided([
    node("LayerNormalization", ["x", "g", "b"], "n", { axis: -1 }),
    node("MatMul", ["n", "w"], "y"),
  ]),
  "a LayerNormalization without bias": divided([
    node("LayerNormalization", ["x", "g"], "n", { axis: -1 }),
    node("MatMul", ["n", "w"], "y"),
  ]),
  "a multiplication and an addition": divided([
    node("Mul", ["g", "x"], "m"),
    node("Add", ["m", "b"], "n"),
    node("MatMul", ["n", "w"], "q"),
    node("MatMul", ["n", "w2"], "k"),
    node("Add", ["q", "k"], "y"),
  ]),
  "a normalization that is written out with its scale in the factor": divided([
    node("ReduceMean", ["x"], "mean", { axes: [-1], keepdims: 1 }),
    node("Sub", ["x", "mean"], "d"),
    node("Mul", ["d", "d"], "d2"),
    node("ReduceMean", ["d2"], "var", { axes: [-1], keepdims: 1 }),
    node("Add", ["var", "e"], "ve"),
    node("Sqrt", ["ve"], "s"),
    node("Reciprocal", ["s"], "i"),
    node("Mul", ["i", "g"], "f"),
    node("Mul", ["x", "f"], "xf"),
    node("Mul", ["mean", "f"], "mf"),
    node("Sub", ["b", "mf"], "t"),
    node("Add", ["xf", "t"], "n"),
    node("MatMul", ["n", "w"], "y"),
  ]),
};

for (const [title, graph] of Object.entries(FOLDED)) {
  Deno.test(`smoothActivations() divides the constants of ${title}`, () => {
    fc.assert(
      fc.property(fc.nat(1000), (seed) => {
        const inputs = { x: random([3, 4], seed, -5, 5), r: random([3, 4], seed + 1) };
        const smoothed = smooth(graph, inputs);
        assert.deepEqual(smoothed.nodes.map(({ op }) => op), graph.nodes.map(({ op }) => op));
        assert.notDeepEqual(smoothed.constants.get("g"), graph.constants.get("g"));
        assert.notDeepEqual(smoothed.constants.get("w"), graph.constants.get("w"));
        // The mean is taken off products with the normalization's factor: 1e-4 leaves room for what cancels there.
        assertSame(interpret(smoothed, inputs), interpret(graph, inputs), { atol: 1e-4, rtol: 1e-4 });
      }),
      { numRuns: 5 },
    );
  });
}

const NOT_FOLDED: Record<string, Graph> = {
  "another node reads the value": divided([
    node("LayerNormalization", ["x", "g", "b"], "n", { axis: -1 }),
    node("MatMul", ["n", "w"], "q"),
    node("ReduceMean", ["n"], "k", { axes: [-1], keepdims: 1 }),
    node("Add", ["q", "k"], "y"),
  ]),
  "the value is an output": divided([
    node("Mul", ["x", "g"], "n"),
    node("MatMul", ["n", "w"], "y"),
  ], ["y", "n"]),
  "a part of the sum cannot be divided": divided([
    node("Mul", ["x", "g"], "m"),
    node("Add", ["m", "r"], "n"),
    node("MatMul", ["n", "w"], "y"),
  ]),
  "another node reads a part of it": divided([
    node("Mul", ["x", "g"], "m"),
    node("Add", ["m", "b"], "n"),
    node("MatMul", ["n", "w"], "q"),
    node("ReduceMean", ["m"], "k", { axes: [-1], keepdims: 1 }),
    node("Add", ["q", "k"], "y"),
  ]),
  "the factor is one number": divided([
    node("Mul", ["x", "half"], "n"),
    node("MatMul", ["n", "w"], "y"),
  ]),
};

for (const [title, graph] of Object.entries(NOT_FOLDED)) {
  Deno.test(`smoothActivations() inserts a Mul where ${title}`, () => {
    const inputs = { x: random([3, 4], 4, -5, 5), r: random([3, 4], 5) };
    const smoothed = smooth(graph, inputs);
    assert.equal(smoothed.nodes.length, graph.nodes.length + 1);
    assertSame(interpret(smoothed, inputs), interpret(graph, inputs), { atol: 1e-4, rtol: 1e-4 });
  });
}

Deno.test("smoothActivations() leaves shared weights, ignored layers and switched off ones alone", () => {
  const shared = divided([
    node("MatMul", ["x", "w"], "a"),
    node("MatMul", ["r", "w"], "b2"),
    node("Add", ["a", "b2"], "y"),
  ]);
  assert.equal(absoluteMaximaNeeded(shared, ALPHAS).size, 0);
  assert.deepEqual([...absoluteMaximaNeeded(one, ALPHAS)], [["x", -1]]);
  assert.equal(absoluteMaximaNeeded(one, { convolution: 0.5, matmul: -1 }).size, 0);
  assert.equal(absoluteMaximaNeeded(one, ALPHAS, ({ name }) => name === "y").size, 0);
  assert.equal(smoothActivations(one, new Map(), ALPHAS), one);
  assert.equal(smoothActivations(one, new Map([["x", [1, 2]]]), ALPHAS), one);
});

Deno.test("smoothActivations() smooths convolutions where they have an alpha, but not behind moves", () => {
  const graph = graphOf({
    inputs: { x: [1, 4, 5, 5] },
    nodes: [
      node("Conv", ["x", "w1"], "a", { group: 2, pads: [1, 1, 1, 1] }),
      node("Sigmoid", ["a"], "s"),
      node("Conv", ["s", "w2"], "c", { group: 4 }),
      node("MaxPool", ["c"], "p", { kernel_shape: [2, 2] }),
      node("Conv", ["p", "w3"], "y"),
    ],
    constants: { w1: random([4, 2, 3, 3], 1), w2: random([4, 1, 3, 3], 2), w3: random([2, 4, 1, 1], 3) },
    outputs: ["y"],
  });
  const alphas = { convolution: 0.4, matmul: -1 };
  assert.deepEqual([...absoluteMaximaNeeded(graph, alphas)], [["x", 1], ["s", 1]]);
  const x = { x: random([1, 4, 5, 5], 4, -3, 3) };
  const smoothed = smooth(graph, x, alphas);
  assert.equal(smoothed.nodes.filter(({ op }) => op === "Mul").length, 2);
  assertSame(interpret(smoothed, x), interpret(graph, x), CLOSE);
});

Deno.test("smoothActivations() evens the channels out of an encoder, and gives the same function", () => {
  const graph = encoder({ layers: 2, width: 24, heads: 3, inner: 48, length: 10 });
  const x = { x: random([1, 10, 24], 9, -1, 1) };
  const smoothed = smooth(graph, x);
  const spread = (own: Graph): number => {
    const maxima = maximaOf(own, absoluteMaximaNeeded(own, ALPHAS), x);
    return [...maxima.values()].reduce((sum, m) => sum + Math.log(Math.max(...m) / Math.min(...m)), 0) / maxima.size;
  };
  assert(spread(smoothed) < spread(graph) / 2, `${spread(smoothed)} of ${spread(graph)}`);
  assertSame(interpret(smoothed, x), interpret(graph, x), { atol: 1e-4, rtol: 1e-4 });
});

const file = sharedData("kwt1/kwt1_features.onnx");
Deno.test({
  name: `smoothActivations() gives the same function for KWT-1${file ? "" : " (skipped: no ../shared/data)"}`,
  ignore: !file,
  fn: async () => {
    const graph = simplify(readModel(Deno.readFileSync(file!)));
    const x = { t214: random([98, 40], 7, -2, 2) };
    const smoothed = smooth(graph, x);
    assert.notEqual(smoothed, graph);
    // Twelve blocks of sums of hundreds of products: 1e-4 of the greatest result.
    const expected = await run(graph, x);
    const largest = Math.max(...Object.values(expected).flatMap(({ data }) => Array.from(data, Math.abs)));
    assertSame(await run(smoothed, x), expected, { atol: 1e-4 * largest });
  },
});
