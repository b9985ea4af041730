import assert from "node:assert/strict";
import type { AttributeValue, Graph } from "../../src/graph/graph.ts";
import { dequantizeTensor, type QuantizedGraph, type Quantizer, quantizeTensor } from "../../src/graph/quantizers.ts";
import { correctBiases, type CorrectionRule, inputMeansNeeded, tapShares } from "../../src/quant/bias_correction.ts";
import { windowOf } from "../../src/ops/_window.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { sizeOf, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { f32, graphOf, interpret, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";

const NNCF: CorrectionRule = { threshold: 2 };

/** A graph whose layers have their weights quantized with one coarse scale. */
function coarse(graph: Graph, scale = 0.3): QuantizedGraph {
  const quantizers = graph.nodes.filter(({ op }) => ["Conv", "Gemm", "MatMul"].includes(op)).map((
    layer,
  ): Quantizer => ({
    id: layer.inputs[1]!,
    kind: "weight",
    parameters: { dtype: "i8", axis: null, scale: Float32Array.of(scale), zeroPoint: Int32Array.of(0) },
    sites: [{ value: layer.inputs[1]!, readers: [{ node: layer.name, input: 1 }] }],
    groups: [layer.name],
  }));
  return { graph, quantizers, groups: graph.nodes.map(({ name }) => ({ id: name, nodes: [name] })), warnings: [] };
}

/** The graph with the weights that its quantizers make. */
function withQuantizedWeights({ graph, quantizers }: QuantizedGraph): Graph {
  const constants = new Map(graph.constants);
  for (const { id, parameters } of quantizers) {
    constants.set(id, dequantizeTensor(quantizeTensor(graph.constants.get(id)!, parameters), parameters));
  }
  return { ...graph, constants };
}

/** Means along all axes but one. */
function means({ shape, data }: Tensor, axis: number): Float64Array {
  const own = axis < 0 ? axis + shape.length : axis;
  const inner = sizeOf(shape.slice(own + 1));
  const sums = new Float64Array(shape[own]!);
  data.forEach((v: number, i: number) => sums[Math.floor(i / inner) % shape[own]!]! += v);
  return sums.map((sum) => sum * shape[own]! / data.length);
}

/** A tensor that holds one number throughout each channel. */
function constantImage(shape: readonly number[], channels: readonly number[]): Tensor {
  const inner = sizeOf(shape.slice(2));
  return tensor(
    "f32",
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => channels[Math.floor(i / inner) % shape[1]!]!),
  );
}

const CONVOLUTIONS: Record<string, { x: number[]; w: number[]; attributes: Record<string, AttributeValue> }> = {
  "a plain convolution": { x: [1, 4, 5, 6], w: [8, 4, 3, 3], attributes: {} },
  "padding, strides and dilation": {
    x: [2, 4, 9, 7],
    w: [8, 4, 3, 2],
    attributes: { pads: [2, 0, 1, 1], strides: [2, 1], dilations: [2, 3] },
  },
  "groups": { x: [1, 4, 5, 5], w: [6, 2, 3, 3], attributes: { group: 2, pads: [1, 1, 1, 1] } },
  "a depthwise convolution": {
    x: [1, 4, 6, 6],
    w: [8, 1, 3, 3],
    attributes: { group: 4, auto_pad: "SAME_UPPER", strides: [2, 2] },
  },
  "SAME_LOWER": { x: [1, 4, 6, 5], w: [8, 4, 4, 4], attributes: { auto_pad: "SAME_LOWER" } },
  "one image axis": { x: [1, 4, 9], w: [8, 4, 5], attributes: { pads: [3, 1], strides: [2] } },
};

for (const [title, { x, w, attributes }] of Object.entries(CONVOLUTIONS)) {
  Deno.test(`correctBiases() restores the mean that the convolution gives on constant channels, with ${title}`, () => {
    const graph = graphOf({
      inputs: { x },
      nodes: [node("Conv", ["x", "w", "b"], "y", attributes)],
      constants: { w: random(w, 1, -1, 1), b: random([w[0]!], 2, 3, 4) },
      outputs: ["y"],
    });
    const model = coarse(graph);
    const channels = [0.5, -1, 2, 0.25];
    const image = { x: constantImage(x, channels) };
    const { types } = specialize(graph, image);
    const shares = tapShares(windowOf(graph.nodes[0]!.attributes, x, w));
    assert.equal(shares.length, sizeOf(w.slice(2)));
    const bias = correctBiases(model, new Map([["x", channels]]), types, NNCF).get("y")!;
    const quantized = withQuantizedWeights(model);
    const wrong = means(interpret(quantized, image).y!, 1);
    const constants = new Map([...quantized.constants, ["b", bias]]);
    const right = means(interpret({ ...quantized, constants }, image).y!, 1);
    const wanted = means(interpret(graph, image).y!, 1);
    // Sums of up to 144 products around 1 in f32.
    wanted.forEach((mean, c) => assert(Math.abs(mean - right[c]!) < 1e-5, `channel ${c}: ${right[c]} for ${mean}`));
    assert(wanted.some((mean, c) => Math.abs(mean - wrong[c]!) > 0.1));
  });
}

const LAYERS: Record<string, Graph> = {
  "Gemm": graphOf({
    inputs: { x: [3, 4] },
    nodes: [node("Gemm", ["x", "w", "b"], "y")],
    constants: { w: random([4, 5], 1, -1, 1), b: random([1, 5], 2, 3, 4) },
    outputs: ["y"],
  }),
  "Gemm with transB": graphOf({
    inputs: { x: [3, 4] },
    nodes: [node("Gemm", ["x", "w", "b"], "y", { transB: 1 })],
    constants: { w: random([5, 4], 1, -1, 1), b: random([5], 2, 3, 4) },
    outputs: ["y"],
  }),
  "MatMul with an Add": graphOf({
    inputs: { x: [2, 3, 4] },
    nodes: [node("MatMul", ["x", "w"], "m"), node("Add", ["b", "m"], "y")],
    constants: { w: random([4, 5], 1, -1, 1), b: random([3, 5], 2, 3, 4) },
    outputs: ["y"],
  }),
};

for (const [title, graph] of Object.entries(LAYERS)) {
  Deno.test(`correctBiases() restores the mean of any input of a ${title}`, () => {
    const model = coarse(graph);
    const x = random(graph.inputs[0]!.shape as number[], 5, -1, 3);
    assert.deepEqual([...inputMeansNeeded(model, NNCF)], [["x", -1]]);
    const { types } = specialize(graph, { x });
    const corrected = correctBiases(model, new Map([["x", means(x, -1)]]), types, NNCF);
    const layer = graph.nodes[0]!.name;
    assert.deepEqual([...corrected.keys()], [layer]);
    assert.deepEqual(corrected.get(layer)!.shape, graph.constants.get("b")!.shape);
    const quantized = withQuantizedWeights(model);
    const wrong = means(interpret(quantized, { x }).y!, -1);
    const fixed = { ...quantized, constants: new Map([...quantized.constants, ["b", corrected.get(layer)!]]) };
    const right = means(interpret(fixed, { x }).y!, -1);
    const wanted = means(interpret(graph, { x }).y!, -1);
    wanted.forEach((mean, c) => assert(Math.abs(mean - right[c]!) < 1e-5, `channel ${c}`));
    assert(wanted.some((mean, c) => Math.abs(mean - wrong[c]!) > 0.05));
  });
}

Deno.test("correctBiases() leaves alone what the rule excludes, unless it says everywhere", () => {
  const graph = (bias?: Tensor): QuantizedGraph =>
    coarse(graphOf({
      inputs: { x: [1, 1, 2, 2] },
      nodes: [node("Conv", bias ? ["x", "w", "b"] : ["x", "w"], "y")],
      constants: { w: tensor("f32", [2, 1, 1, 1], [0.4, 0.6]), ...(bias ? { b: bias } : {}) },
      outputs: ["y"],
    }));
  const correct = (bias: Tensor | undefined, rule: CorrectionRule): number[] | undefined => {
    const model = graph(bias);
    const { types } = specialize(model.graph, { x: random([1, 1, 2, 2], 1) });
    const own = correctBiases(model, new Map([["x", [10]]]), types, rule).get("y");
    return own && Array.from(own.data, (b) => Math.round(b * 1000) / 1000);
  };
  // 0.4 becomes 0.3: the mean is 1 too small; 0.6 stays.
  assert.deepEqual(correct(f32([1, 1]), NNCF), [2, 1]);
  assert.deepEqual(correct(f32([0.51, 1]), NNCF), [1.51, 1]);
  assert.equal(correct(f32([0.49, 1]), NNCF), undefined);
  assert.deepEqual(correct(f32([0.49, 1]), { threshold: 3 }), [1.49, 1]);
  assert.equal(correct(f32([1, 0]), NNCF), undefined);
  assert.equal(correct(undefined, NNCF), undefined);
  assert.deepEqual(correct(f32([0.49, 0]), { threshold: 2, everywhere: true }), [1.49, 0]);
  assert.deepEqual(correct(undefined, { threshold: 2, everywhere: true }), [1, 0]);
});

Deno.test("correctBiases() leaves layers alone whose weights are float, or whose means are unknown", () => {
  const graph = LAYERS["Gemm"]!;
  const { types } = specialize(graph, { x: random([3, 4], 1) });
  const model = coarse(graph);
  assert.equal(correctBiases(model, new Map(), types, NNCF).size, 0);
  assert.equal(correctBiases(model, new Map([["x", [1, 2]]]), types, NNCF).size, 0);
  assert.equal(correctBiases({ ...model, quantizers: [] }, new Map([["x", [1, 2, 3, 4]]]), types, NNCF).size, 0);
});
