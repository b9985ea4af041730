/** Graphs that the quantization algorithms make are plain ONNX: onnxruntime gives what we give. */
import assert from "node:assert/strict";
import { type Graph, type QuantizedGraph, type Tensor, writeOnnx } from "../../mod.ts";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import { correctBiases, inputMeansNeeded } from "../../src/quant/bias_correction.ts";
import { alignChannels, channelRangesNeeded } from "../../src/quant/channel_alignment.ts";
import { equalizeLayers } from "../../src/quant/equalization.ts";
import { quantize } from "../../src/quant/quantize.ts";
import { absoluteMaximaNeeded, smoothActivations } from "../../src/quant/smooth_quant.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { openWeb } from "../bench/onnxruntime.ts";
import { graphOf, node, run } from "../graphs.ts";
import { random } from "../ops/harness.ts";

const images = graphOf({
  inputs: { x: [1, 3, 8, 8] },
  nodes: [
    node("Conv", ["x", "w1", "b1"], "c1", { pads: [1, 1, 1, 1] }),
    node("Clip", ["c1", "zero", "six"], "r1"),
    node("Conv", ["r1", "w2", "b2"], "c2", { group: 6, pads: [1, 1, 1, 1] }),
    node("Conv", ["c2", "w3", "b3"], "c3"),
    node("Relu", ["c3"], "r3"),
    node("GlobalAveragePool", ["r3"], "p"),
    node("Flatten", ["p"], "f"),
    node("Gemm", ["f", "w4", "b4"], "y"),
  ],
  constants: {
    w1: random([6, 3, 3, 3], 1),
    b1: random([6], 2, 0.5, 1),
    w2: random([6, 1, 3, 3], 3),
    b2: random([6], 4, 0.5, 1),
    w3: random([4, 6, 1, 1], 5),
    b3: random([4], 6, 0.5, 1),
    w4: random([4, 5], 7),
    b4: random([5], 8, 0.5, 1),
    zero: { dtype: "f32", shape: [], data: Float32Array.of(0) },
    six: { dtype: "f32", shape: [], data: Float32Array.of(2) },
  },
  outputs: ["y"],
});

const tokens = graphOf({
  inputs: { x: [1, 6, 8] },
  nodes: [
    node("LayerNormalization", ["x", "g", "b"], "n", { axis: -1 }),
    node("MatMul", ["n", "w1"], "m1"),
    node("Add", ["m1", "b1"], "a1"),
    node("Relu", ["a1"], "r1"),
    node("MatMul", ["r1", "w2"], "m2"),
    node("Add", ["m2", "b2"], "y"),
  ],
  constants: {
    g: random([8], 1, 0.2, 3),
    b: random([8], 2),
    w1: random([8, 16], 3),
    b1: random([16], 4, 0.5, 1),
    w2: random([16, 8], 5),
    b2: random([8], 6, 0.5, 1),
  },
  outputs: ["y"],
  opset: 17,
});

const [image, sentence] = [{ x: random([1, 3, 8, 8], 9) }, { x: random([1, 6, 8], 9) }];
const ones = (
  needed: ReadonlyMap<string, number>,
  sizes: Readonly<Record<string, number>>,
): Map<string, Float32Array> =>
  new Map([...needed.keys()].map((name, i) => [name, random([sizes[name]!], i, 0.1, 9).data as Float32Array]));

async function corrected(graph: Graph, item: Readonly<Record<string, Tensor>>): Promise<QuantizedGraph> {
  const model = await quantize(graph, [item], {
    backend: cpuBackend(),
    advanced: { weightsQuantizationParams: { perChannel: false } },
  });
  const rule = { threshold: 100 };
  const sizes = { x: 3, r1: graph === images ? 6 : 16, c2: 6, f: 4, n: 8 };
  const means = ones(inputMeansNeeded(model, rule), sizes);
  const biases = correctBiases(model, means, specialize(model.graph, item).types, rule);
  assert(biases.size > 0);
  return { ...model, biases };
}

const ALPHAS = { convolution: 0.5, matmul: 0.5 };
const RANGES = { low: [-3, -2, -1, 0, 0, -1], high: [1, 2, 3, 4, 5, 6] };

/** Sums of tens of products around 1, in another order. In 8 bits the last ones are f32 too; no step before them is a tie. */
const CLOSE = 1e-4;

const CASES: Record<string, { graph: () => Graph | Promise<Graph>; item: { readonly x: Tensor } }> = {
  "equalized layers": { graph: () => equalizeLayers(images), item: image },
  "aligned channels": {
    graph: () => alignChannels(images, new Map(channelRangesNeeded(images).map((name) => [name, RANGES]))),
    item: image,
  },
  "smoothed convolutions": {
    graph: () =>
      smoothActivations(
        images,
        ones(absoluteMaximaNeeded(images, ALPHAS), { x: 3, r1: 6, c2: 6, r3: 4, f: 4 }),
        ALPHAS,
      ),
    item: image,
  },
  "smoothed matrix products": {
    graph: () => smoothActivations(tokens, ones(absoluteMaximaNeeded(tokens, ALPHAS), { n: 8, r1: 16 }), ALPHAS),
    item: sentence,
  },
  "corrected biases of convolutions": {
    graph: async () => applyPlan(await corrected(images, image), new Set()),
    item: image,
  },
  "corrected biases of matrix products": {
    graph: async () => applyPlan(await corrected(tokens, sentence), new Set()),
    item: sentence,
  },
};

for (const [title, { graph, item }] of Object.entries(CASES)) {
  Deno.test(`onnxruntime gives what we give for ${title}`, async () => {
    const own = await graph();
    assert(own !== images && own !== tokens);
    const expected = (await run(own, item)).y!.data;
    await using judge = await openWeb("wasm", writeOnnx(own), item.x);
    const theirs = await judge.run();
    assert.equal(theirs.length, expected.length);
    theirs.forEach((v, i) => assert(Math.abs(v - expected[i]!) <= CLOSE, `element ${i}: ${v} for ${expected[i]}`));
  });
}
