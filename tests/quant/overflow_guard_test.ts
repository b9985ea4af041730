import assert from "node:assert/strict";
import fc from "fast-check";
import type { Node } from "../../src/graph/graph.ts";
import { quantizeBias } from "../../src/graph/quantizers.ts";
import { accumulatorOverflows, accumulatorWarning, leastWeightScales } from "../../src/quant/overflow_guard.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { f32, graphOf, node } from "../graphs.ts";

function zeros(...shape: number[]): Tensor {
  return tensor("f32", shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));
}

/** 49,344 products of 255 and 128 stay below 2^31 - 2^29, 24,769 of 255 and 255. */
const LIMIT = Math.floor((2 ** 31 - 2 ** 29) / (255 * 128));
const ACTIVATIONS = Math.floor((2 ** 31 - 2 ** 29) / 255 ** 2);

function named(nodes: Node[], inputs: Record<string, Tensor>, constants: Record<string, Tensor> = {}): string[] {
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const graph = graphOf({ inputs: shapes, nodes, constants, outputs: [nodes.at(-1)!.outputs[0]!] });
  return accumulatorOverflows(graph, specialize(graph, inputs).types).map((own) => own.node);
}

Deno.test("accumulatorOverflows() names products that are too long, and no others", () => {
  for (const [length, names] of [[LIMIT, []], [LIMIT + 1, ["y"]]] as const) {
    assert.deepEqual(named([node("MatMul", ["x", "w"], "y")], { x: zeros(1, length) }, { w: zeros(length, 1) }), names);
    const transposed = [node("Gemm", ["x", "w"], "y", { transA: 1 })];
    assert.deepEqual(named(transposed, { x: zeros(length, 1) }, { w: zeros(length, 1) }), names);
  }
  for (const [length, names] of [[ACTIVATIONS, []], [ACTIVATIONS + 1, ["y"]]] as const) {
    assert.deepEqual(named([node("MatMul", ["x", "z"], "y")], { x: zeros(1, length), z: zeros(length, 1) }), names);
  }
});

Deno.test("accumulatorOverflows() counts channels and positions of a convolution, in each group", () => {
  const conv = (channels: number, group: number): string[] =>
    named([node("Conv", ["x", "w"], "y", { group })], { x: zeros(1, channels, 10, 10) }, {
      w: zeros(group, channels / group, 10, 10),
    });
  assert.deepEqual(conv(494, 1), ["y"]);
  assert.deepEqual(conv(494, 2), []);
  assert.deepEqual(conv(493, 1), []);
});

Deno.test("accumulatorOverflows() bounds the greatest sum that there can be", () => {
  const bias = 2 ** 29;
  assert(LIMIT * 255 * 128 + bias < 2 ** 31 && (LIMIT + 1) * 255 * 128 + bias > 2 ** 31);
});

Deno.test("accumulatorWarning() names the node, its products and the limit", () => {
  const text = accumulatorWarning({ node: "fc", terms: 90000, limit: 49344 });
  assert.equal(text, 'Node "fc" stays in FP32: it adds 90000 products, and more than 49344 may not fit 32 bits');
});

Deno.test("leastWeightScales() gives scales at which biases fit 32 bits, also three times as large", () => {
  const number = fc.float({ min: Math.fround(1e-12), max: Math.fround(1e6), noNaN: true });
  fc.assert(fc.property(fc.array(number, { minLength: 1, maxLength: 4 }), number, (biases, scale) => {
    const [layer, bias] = [node("Conv", ["x", "w", "b"], "y"), f32(biases)];
    const least = leastWeightScales([layer], biases.length, () => bias, () => [scale]);
    const products = Float32Array.from(least, (s) => s * scale);
    if (products.some((s) => s < 1e-30)) return;
    assert(quantizeBias(bias, products));
    assert(quantizeBias(f32(biases.map((b) => 3 * b)), products));
    assert.equal(quantizeBias(f32(biases.map((b) => 5 * b)), products), null);
  }));
});

Deno.test("leastWeightScales() takes the largest demand of all readers, and none of those without bias or scale", () => {
  const [a, b, c] = ["a", "b", "c"].map((name) => node("Conv", [name, "w", "bias"], name));
  const biases = new Map([["a", f32([2 ** 29, 0])], ["b", f32([1, -(2 ** 30)])]]);
  const least = leastWeightScales(
    [a!, b!, c!],
    2,
    ({ name }) => biases.get(name),
    ({ name }) => [name === "b" ? 2 : 1],
  );
  assert.deepEqual(least, Float64Array.of(1, 1));
  assert.deepEqual(leastWeightScales([a!], 2, () => f32([1e9, 1]), () => undefined), new Float64Array(2));
  const apart = leastWeightScales([a!], 2, () => f32([2 ** 29, 2 ** 29]), () => [1, 4]);
  assert.deepEqual(apart, Float64Array.of(1, 1 / 4));
  assert.deepEqual(leastWeightScales([a!], 3, () => f32([1e9, 1]), () => [1]), new Float64Array(3));
});
