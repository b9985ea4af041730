import assert from "node:assert/strict";
import fc from "fast-check";
import type { Graph } from "../../src/graph/graph.ts";
import { equalizeLayers } from "../../src/quant/equalization.ts";
import { weightedLayers, weightMaxima } from "../../src/quant/weighted.ts";
import { simplify } from "../../src/runtime/simplify.ts";
import { readModel } from "../../src/runtime/read_model.ts";
import { sizeOf, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { sharedData } from "../data.ts";
import { assertSame, f32, graphOf, type GraphParts, interpret, node, run } from "../graphs.ts";
import { random } from "../ops/harness.ts";

/** Small enough for results of about 1: of larger sums that cancel, roundings leave more than the absolute tolerance. */
const weights = (shape: readonly number[], seed: number): Tensor => random(shape, seed, -0.3, 0.3);

/** Weights whose output channels have very different ranges. */
function uneven(shape: readonly number[], seed: number): Tensor {
  const { data } = weights(shape, seed);
  const inner = sizeOf(shape.slice(1));
  return tensor("f32", shape, Float32Array.from(data, (w, i) => w * 4 ** (Math.floor(i / inner) % 5 - 2)));
}

const parts = (seed: number): GraphParts => ({
  inputs: { x: ["N", 3, 6, 6] },
  nodes: [
    node("Conv", ["x", "w1", "b1"], "c1", { pads: [1, 1, 1, 1] }),
    node("Clip", ["c1", "zero", "six"], "r1"),
    node("Conv", ["r1", "w2"], "c2", { group: 8, strides: [2, 2], pads: [1, 1, 1, 1] }),
    node("Relu", ["c2"], "r2"),
    node("Conv", ["r2", "w3", "b3"], "c3"),
    node("LeakyRelu", ["c3"], "l3", { alpha: 0.2 }),
    node("GlobalAveragePool", ["l3"], "p"),
    node("Flatten", ["p"], "f"),
    node("Gemm", ["f", "w4", "b4"], "g4", { transB: 1 }),
    node("MatMul", ["g4", "w5"], "m5"),
    node("Add", ["m5", "b5"], "a5"),
    node("MatMul", ["a5", "w6"], "y"),
  ],
  constants: {
    w1: uneven([8, 3, 3, 3], seed),
    b1: random([8], seed + 1),
    w2: uneven([8, 1, 3, 3], seed + 2),
    w3: uneven([6, 8, 1, 1], seed + 3),
    b3: random([6], seed + 4),
    w4: uneven([5, 6], seed + 5),
    b4: random([5], seed + 6),
    w5: weights([5, 7], seed + 7),
    b5: random([7], seed + 8),
    w6: weights([7, 4], seed + 9),
    zero: f32(0),
    six: f32(2),
  },
  outputs: ["y"],
});

/** Sums of at most 27 products, through six layers, each rounded once more by its scale: some tens of roundings of 6e-8. */
const CLOSE = { atol: 1e-5, rtol: 1e-5 };

function imbalance(graph: Graph): number {
  const layers = new Map(weightedLayers(graph).map((layer) => [layer.name, layer]));
  return Math.max(...[1, 2, 3, 4, 5].map((i) => {
    const [first, second] = [layers.get(`w${i}`)!, layers.get(`w${i + 1}`)!];
    const [a, b] = [weightMaxima(first, "outputs"), weightMaxima(second, "inputs")];
    return Math.max(...a.map((r, c) => Math.abs(Math.log(r / b[c]!))));
  }));
}

Deno.test("equalizeLayers() gives the same function with like ranges on both sides of each channel", () => {
  fc.assert(
    fc.property(fc.nat(1000), (seed) => {
      const graph = graphOf(parts(seed));
      const equal = equalizeLayers(graph);
      const x = { x: random([2, 3, 6, 6], seed + 20, -3, 3) };
      assertSame(interpret(equal, x), interpret(graph, x), CLOSE);
      assert(imbalance(graph) > 1, `${imbalance(graph)}`);
      assert(imbalance(equal) < 0.1, `${imbalance(equal)}`);
      assert.deepEqual(
        [...graph.constants.keys()].filter((name) => name !== "zero" && name !== "six"),
        [
          ...equal.constants.keys(),
        ].filter((name) => !name.endsWith("_bounds")),
      );
    }),
    { numRuns: 10 },
  );
});

Deno.test("equalizeLayers() puts a bound for each channel in place of a Clip, or stops there", () => {
  const graph = graphOf(parts(1));
  const through = equalizeLayers(graph);
  assert.deepEqual(through.nodes.slice(0, 4).map(({ op }) => op), ["Conv", "Relu", "Min", "Conv"]);
  assert.equal(through.constants.get("c1_bounds")!.shape.join(), "8,1,1");
  const around = equalizeLayers(graph, { throughClips: false });
  assert.deepEqual(around.nodes.map(({ op }) => op), graph.nodes.map(({ op }) => op));
  assert.equal(around.constants.get("w1"), graph.constants.get("w1"));
  assert.notDeepEqual(around.constants.get("w3"), graph.constants.get("w3"));
  const x = { x: random([1, 3, 6, 6], 3, -3, 3) };
  assertSame(interpret(around, x), interpret(graph, x), CLOSE);
});

const two = (between: GraphParts["nodes"], rest: Partial<GraphParts> = {}): Graph =>
  graphOf({
    inputs: { x: [1, 2, 4, 4] },
    nodes: [node("Conv", ["x", "w1", "b1"], "c"), ...between],
    outputs: ["y"],
    ...rest,
    constants: { w1: uneven([4, 2, 1, 1], 1), b1: random([4], 2), w2: random([4, 4, 1, 1], 3), ...rest.constants },
  });

const LEFT_ALONE: Record<string, Graph> = {
  "a value that another node reads": two([
    node("Conv", ["c", "w2"], "d"),
    node("Add", ["c", "d"], "y"),
  ]),
  "a value that is an output": two([node("Conv", ["c", "w2"], "y")], { outputs: ["y", "c"] }),
  "weights that two nodes read": two([node("Conv", ["c", "w2"], "d"), node("Conv", ["d", "w2"], "y")]),
  "a function that is not homogeneous": two([node("Sigmoid", ["c"], "s"), node("Conv", ["s", "w2"], "y")]),
  "a Clip that does not start at 0": two([
    node("Clip", ["c"], "s", { min: -1, max: 1 }),
    node("Conv", ["s", "w2"], "y"),
  ]),
  "a computed bias": two([node("Conv", ["c", "w2"], "y")], {
    inputs: { x: [1, 2, 4, 4], bias: [4] },
    nodes: [node("Conv", ["x", "w1", "bias"], "c"), node("Conv", ["c", "w2"], "y")],
  }),
  "channels that are not those of the next layer": two([node("MatMul", ["c", "w3"], "y")], {
    constants: { w3: random([4, 4], 3) },
  }),
  "pixels that are flattened": two([node("Flatten", ["c"], "f"), node("Gemm", ["f", "w3"], "y")], {
    constants: { w3: random([64, 4], 3) },
  }),
};

for (const [title, graph] of Object.entries(LEFT_ALONE)) {
  Deno.test(`equalizeLayers() leaves alone ${title}`, () => assert.equal(equalizeLayers(graph), graph));
}

Deno.test("equalizeLayers() leaves channels alone that have no weights", () => {
  const graph = two([node("Relu", ["c"], "r"), node("Conv", ["r", "w2"], "y")], {
    constants: { w1: tensor("f32", [4, 2, 1, 1], [0, 0, 9, 9, 1, 1, 1, 1]) },
  });
  const equal = equalizeLayers(graph);
  assert([...equal.constants.values()].every(({ data }) => data.every(Number.isFinite)));
  const x = { x: random([1, 2, 4, 4], 4) };
  assertSame(interpret(equal, x), interpret(graph, x), CLOSE);
});

Deno.test("equalizeLayers() gives a bias that others read too a form of its own", () => {
  const graph = two([
    node("Relu", ["c"], "r"),
    node("Conv", ["r", "w2", "b1"], "y"),
  ]);
  const equal = equalizeLayers(graph);
  assert.equal(equal.constants.get("b1"), graph.constants.get("b1"));
  const x = { x: random([1, 2, 4, 4], 4) };
  assertSame(interpret(equal, x), interpret(graph, x), CLOSE);
});

const MODELS = ["kws/kws_dscnn_hardened_r4.onnx", "cifar/ic_resnet8.onnx", "cifar/mobilenetv2like_alibaba_ic.onnx"];

for (const path of MODELS) {
  const file = sharedData(path);
  Deno.test({
    name: `equalizeLayers() gives the same function for ${path}${file ? "" : " (skipped: no ../shared/data)"}`,
    ignore: !file,
    fn: async () => {
      const graph = simplify(readModel(Deno.readFileSync(file!)));
      const equal = equalizeLayers(graph);
      assert.notEqual(equal, graph);
      const { name, shape } = graph.inputs[0]!;
      const input = { [name]: random(shape!.map((dim) => typeof dim === "string" ? 1 : dim), 7, -2, 2) };
      // Up to 27 layers of sums of hundreds of products: 1e-4 of the greatest result.
      const expected = await run(graph, input);
      const largest = Math.max(...Object.values(expected).flatMap(({ data }) => Array.from(data, Math.abs)));
      assertSame(await run(equal, input), expected, { atol: 1e-4 * largest });
    },
  });
}
