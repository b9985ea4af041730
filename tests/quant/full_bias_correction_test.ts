import assert from "node:assert/strict";
import type { Graph } from "../../src/graph/graph.ts";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import type { QuantizedGraph } from "../../src/graph/quantizers.ts";
import { correctableLayers, type CorrectionRule } from "../../src/quant/bias_correction.ts";
import type { CalibrationItem } from "../../src/quant/statistics.ts";
import { correctBiasesFully, correctionSubset } from "../../src/quant/full_bias_correction.ts";
import { quantize } from "../../src/quant/quantize.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { sizeOf, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { graphOf, interpret, node } from "../graphs.ts";
import { noGpu, random } from "../ops/harness.ts";
import { images, network } from "./network.ts";

/**
 * How far corrections of parts may be from those of whole models. The biases of whole models are rounded to int32, by up to
 * 0.0003 here, which moves single activations by a quantization step of up to 0.02; in float only sums are rounded.
 */
const CLOSE = { "8 bits": 4e-3, float: 1e-5 };

const RULE: CorrectionRule = { threshold: 1000 };

/** A quantized model whose weights have a fifth of the precision that they should have. */
async function coarse(graph: Graph, items: readonly CalibrationItem[]): Promise<QuantizedGraph> {
  const model = await quantize(graph, items, { backend: cpuBackend() });
  const quantizers = model.quantizers.map((own) => {
    const { parameters } = own;
    const scale = parameters.scale.map((s) => own.kind === "weight" ? 5 * s : s);
    return { ...own, parameters: { ...parameters, scale } };
  });
  return { ...model, quantizers };
}

/** The mean of each channel of the result of a node, over all items. */
function means(graph: Graph, name: string, axis: number, items: readonly CalibrationItem[]): Float64Array {
  const value = graph.nodes.find((node) => node.name === name)!.outputs[0]!;
  const outputs = [{ name: value, dtype: "f32" as const, shape: null }];
  const all = items.map((item) => meanOf(interpret({ ...graph, outputs }, item)[value]!, axis));
  return all[0]!.map((_, c) => all.reduce((sum, own) => sum + own[c]!, 0) / all.length);
}

function meanOf({ shape, data }: Tensor, axis: number): Float64Array {
  const own = axis < 0 ? axis + shape.length : axis;
  const inner = sizeOf(shape.slice(own + 1));
  const sums = new Float64Array(shape[own]!);
  data.forEach((v: number, i: number) => sums[Math.floor(i / inner) % shape[own]!]! += v);
  return sums.map((sum) => sum * shape[own]! / data.length);
}

/** Corrects one layer after the other, each time with a run of the whole model from its start. */
function oneByOne(model: QuantizedGraph, items: readonly CalibrationItem[]): Map<string, Tensor> {
  const biases = new Map<string, Tensor>();
  for (const { layer: { node, axis }, bias } of correctableLayers(model, RULE)) {
    const quantized = applyPlan({ ...model, biases }, new Set());
    const wanted = means(model.graph, node.name, axis, items);
    const own = means(quantized, node.name, axis, items);
    const { shape, data } = bias!.value;
    biases.set(node.name, tensor("f32", shape, Float32Array.from(data, (b, c) => b + wanted[c]! - own[c]!)));
  }
  return biases;
}

const transformer = graphOf({
  inputs: { x: ["N", 6, 8] },
  nodes: [
    node("MatMul", ["x", "w1"], "q"),
    node("Add", ["q", "b1"], "qb"),
    node("MatMul", ["x", "w2"], "k"),
    node("Add", ["b2", "k"], "kb"),
    node("Sigmoid", ["kb"], "s"),
    node("Mul", ["qb", "s"], "m"),
    node("MatMul", ["m", "w3"], "o"),
    node("Add", ["o", "b3"], "ob"),
    node("Add", ["ob", "qb"], "y"),
  ],
  constants: {
    w1: random([8, 8], 1),
    b1: random([8], 2, 0.5, 1),
    w2: random([8, 8], 3),
    b2: random([8], 4, 0.5, 1),
    w3: random([8, 8], 5),
    b3: random([8], 6, 0.5, 1),
  },
  outputs: ["y"],
});

const MODELS: Record<string, { graph: Graph; items: readonly CalibrationItem[] }> = {
  "a residual network": { graph: network(3), items: images(3, 3) },
  "a network of matrix products": {
    graph: transformer,
    items: [1, 2, 3].map((seed) => ({ x: random([1, 6, 8], seed + 20) })),
  },
  "items of several shapes": {
    graph: transformer,
    items: [1, 2, 3].map((seed) => ({ x: random([seed, 6, 8], seed + 20) })),
  },
};

for (const [title, { graph, items }] of Object.entries(MODELS)) {
  for (const activations of ["8 bits", "float"] as const) {
    const name = `correctBiasesFully() gives what correcting one layer after the other gives, for ${title}`;
    Deno.test(`${name}, activations in ${activations}`, async () => {
      const whole = await coarse(graph, items);
      const quantizers = whole.quantizers.filter(({ kind }) => activations === "8 bits" || kind === "weight");
      const model = { ...whole, quantizers };
      const corrected = await correctBiasesFully(model, items, cpuBackend(), RULE);
      const expected = oneByOne(model, items);
      assert(expected.size >= 3);
      assert.deepEqual([...corrected.keys()].sort(), [...expected.keys()].sort());
      let changes = 0;
      for (const { layer: { node }, bias } of correctableLayers(model, RULE)) {
        const [own, { shape, data }] = [corrected.get(node.name)!, expected.get(node.name)!];
        assert.deepEqual(own.shape, shape);
        own.data.forEach((b: number, c: number) => {
          assert(Math.abs(b - data[c]!) < CLOSE[activations], `${node.name} ${c}: ${b} for ${data[c]}`);
          changes += Math.abs(b - bias!.value.data[c]!);
        });
      }
      assert(changes > 0.05, `all changes are ${changes}`);
    });
  }
}

Deno.test("correctBiasesFully() restores the means of the model's outputs", async () => {
  const items = images(5, 4);
  const model = await coarse(network(5), items);
  const biases = await correctBiasesFully(model, items, cpuBackend(), RULE);
  const wanted = means(model.graph, "y", -1, items);
  const error = (own: QuantizedGraph): number => {
    const mean = means(applyPlan(own, new Set()), "y", -1, items);
    return Math.max(...mean.map((m, c) => Math.abs(m - wanted[c]!)));
  };
  assert(error({ ...model, biases }) < CLOSE["8 bits"], `${error({ ...model, biases })}`);
  assert(error(model) > 0.01, `${error(model)}`);
});

Deno.test("correctBiasesFully() leaves layers alone whose bias would change too much, and corrects those behind them", async () => {
  const items = MODELS["a network of matrix products"]!.items;
  const model = await coarse(transformer, items);
  const small = {
    ...model,
    graph: { ...model.graph, constants: new Map([...model.graph.constants, ["b1", random([8], 1, 1e-9, 2e-9)]]) },
  };
  const corrected = await correctBiasesFully(small, items, cpuBackend(), RULE);
  assert.deepEqual([...corrected.keys()].sort(), ["k", "o"]);
});

Deno.test("correctBiasesFully() runs each item once in each part, and once in float", async () => {
  const backend = cpuBackend();
  let runs = 0;
  const counting = {
    ...backend,
    prepare: async (...[plan]: Parameters<typeof backend.prepare>) => {
      const executable = await backend.prepare(plan);
      return {
        ...executable,
        [Symbol.dispose]: () => executable[Symbol.dispose](),
        run: (inputs: ReadonlyMap<string, Tensor>) => {
          runs++;
          return executable.run(inputs);
        },
      };
    },
  };
  const items = MODELS["a network of matrix products"]!.items;
  await correctBiasesFully(await coarse(transformer, items), items, counting, RULE);
  assert.equal(runs, 3 * (1 + 2));
});

Deno.test("correctBiasesFully() has nothing to correct without items or biases", async () => {
  const items = images(1, 1);
  const model = await coarse(network(1), items);
  assert.equal((await correctBiasesFully(model, [], cpuBackend(), RULE)).size, 0);
  assert.equal((await correctBiasesFully({ ...model, quantizers: [] }, items, cpuBackend(), RULE)).size, 0);
});

Deno.test({
  name: "correctBiasesFully() gives the same on WebGPU",
  ignore: noGpu !== null,
  fn: async () => {
    const { graph, items } = MODELS["a residual network"]!;
    const model = await coarse(graph, items);
    await using gpu = await openBackend("webgpu");
    const [own, expected] = [
      await correctBiasesFully(model, items, gpu, RULE),
      await correctBiasesFully(model, items, cpuBackend(), RULE),
    ];
    assert.deepEqual([...own.keys()], [...expected.keys()]);
    for (const [name, { data }] of expected) {
      data.forEach((b: number, c: number) => assert(Math.abs(b - own.get(name)!.data[c]!) < 1e-3, `${name} ${c}`));
    }
  },
});

Deno.test("correctionSubset() is a fifth of the items, and one at least", () => {
  assert.deepEqual([1, 4, 5, 14, 15, 300].map(correctionSubset), [1, 1, 1, 2, 3, 60]);
});
