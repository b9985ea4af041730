import assert from "node:assert/strict";
import fc from "fast-check";
import type { Graph } from "../../src/graph/graph.ts";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import {
  biasScale,
  clampOf,
  dequantizeTensor,
  isActive,
  quantizeBias,
  type QuantizedGraph,
  type Quantizer,
  quantizeTensor,
} from "../../src/graph/quantizers.ts";
import type { QuantizationParameters } from "../../src/tensor/quantization.ts";
import { sizeOf, tensor } from "../../src/tensor/tensor.ts";
import { f32, graphOf, node } from "../graphs.ts";

function parameters(
  dtype: "i8" | "u8",
  scale: number | number[],
  zero = 0,
  axis: number | null = null,
): QuantizationParameters {
  const scales = Float32Array.from([scale].flat());
  return { dtype, axis, scale: scales, zeroPoint: new Int32Array(scales.length).fill(zero) };
}

function activation(id: string, readers: [string, number][], p = parameters("u8", 0.1), rest = {}): Quantizer {
  const sites = [{ value: id, readers: readers.map(([node, input]) => ({ node, input })), ...rest }];
  return { id, kind: "activation", parameters: p, sites, groups: ["g"] };
}

function weight(id: string, reader: string, p: QuantizationParameters = parameters("i8", 0.5)): Quantizer {
  return { ...activation(id, [[reader, 1]], p), kind: "weight" };
}

function quantized(graph: Graph, ...quantizers: Quantizer[]): QuantizedGraph {
  return { graph, quantizers, groups: [{ id: "g", nodes: graph.nodes.map(({ name }) => name) }], warnings: [] };
}

/** The nodes of a graph as `operator(inputs) -> outputs`. */
function lines({ nodes }: Graph): string[] {
  return nodes.map(({ op, inputs, outputs }) => `${op}(${inputs}) -> ${outputs}`);
}

const conv = graphOf({
  inputs: { x: [1, 1, 2, 2] },
  nodes: [node("Conv", ["x", "w", "b"], "c"), node("Relu", ["c"], "r"), node("Sigmoid", ["r"], "y")],
  constants: { w: tensor("f32", [2, 1, 1, 1], [1, -2]), b: f32([0.2, -0.1]) },
  outputs: ["y"],
});

Deno.test("isActive() holds while one group is not in the plan", () => {
  const quantizer = { ...activation("x", []), groups: ["a", "b"] };
  assert(isActive(quantizer, new Set()));
  assert(isActive(quantizer, new Set(["a"])));
  assert(!isActive(quantizer, new Set(["a", "b"])));
  assert(!isActive({ ...quantizer, groups: [] }, new Set()));
});

Deno.test("quantizeTensor() rounds halves to even and saturates", () => {
  const { data } = quantizeTensor(f32([0.25, 0.75, -0.25, 200, -200]), parameters("i8", 0.5));
  assert.deepEqual(data, Int8Array.of(0, 2, 0, 127, -128));
  assert.deepEqual(quantizeTensor(f32([-9, 0, 9]), parameters("u8", 0.05, 128)).data, Uint8Array.of(0, 128, 255));
});

Deno.test("quantizeTensor() takes the scale of each index of the axis", () => {
  const values = tensor("f32", [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual([...quantizeTensor(values, parameters("i8", [1, 0.5], 0, 0)).data], [1, 2, 3, 4, 10, 12, 14, 16]);
  assert.deepEqual([...quantizeTensor(values, parameters("i8", [1, 0.5], 0, 1)).data], [1, 2, 6, 8, 5, 6, 14, 16]);
  assert.deepEqual([...quantizeTensor(values, parameters("i8", [1, 0.5], 0, 2)).data], [1, 4, 3, 8, 5, 12, 7, 16]);
});

Deno.test("quantizeTensor() undoes dequantizeTensor(), whatever the axis", () => {
  const cases = fc.record({
    shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
    seed: fc.nat(),
    axis: fc.option(fc.nat(3)),
    scale: fc.float({ min: Math.fround(1e-4), max: 10, noNaN: true }),
  });
  fc.assert(fc.property(cases, ({ shape, seed, axis, scale }) => {
    const own = axis === null ? null : axis % shape.length;
    const count = own === null ? 1 : shape[own]!;
    const p = parameters("i8", Array.from({ length: count }, (_, c) => scale * (c + 1)), 3, own);
    const integers = tensor("i8", shape, Array.from({ length: sizeOf(shape) }, (_, i) => (seed + 37 * i) % 256 - 128));
    assert.deepEqual(quantizeTensor(dequantizeTensor(integers, p), p), integers);
  }));
});

Deno.test("biasScale() is the product of the scales, for each channel", () => {
  const x = parameters("u8", 0.5);
  assert.deepEqual(biasScale(x, parameters("i8", 0.25), 2), Float32Array.of(0.125, 0.125));
  assert.deepEqual(biasScale(x, parameters("i8", [0.25, 1], 0, 0), 2), Float32Array.of(0.125, 0.5));
});

Deno.test("quantizeBias() rounds to 32 bits, or gives null where a value does not fit", () => {
  const scale = Float32Array.of(0.5, 0.25);
  assert.deepEqual(quantizeBias(f32([1.25, -1]), scale), tensor("i32", [2], [2, -4]));
  assert.deepEqual(quantizeBias(f32([0, 2 ** 29 - 2 ** 16]), scale)?.data, Int32Array.of(0, 2 ** 31 - 2 ** 18));
  for (const bad of [2 ** 29, -(2 ** 29), Infinity, NaN]) assert.equal(quantizeBias(f32([0, bad]), scale), null);
});

Deno.test("clampOf() knows the bounds of Relu and Clip", () => {
  const constants = new Map([["low", f32(-1)], ["high", f32(6)]]);
  const bounds = (inputs: string[], attributes = {}) => clampOf(node("Clip", inputs, "y", attributes), constants);
  assert.deepEqual(clampOf(node("Relu", ["x"], "y"), constants), [0, Infinity]);
  assert.deepEqual(bounds(["x", "low", "high"]), [-1, 6]);
  assert.deepEqual(bounds(["x", "", "high"]), [-Infinity, 6]);
  assert.deepEqual(bounds(["x"], { min: 0, max: 6 }), [0, 6]);
  assert.equal(bounds(["x", "computed"]), null);
  assert.equal(clampOf(node("Sigmoid", ["x"], "y"), constants), null);
});

Deno.test("applyPlan() returns the graph itself where nothing is quantized", () => {
  assert.equal(applyPlan(quantized(conv, activation("x", [["c", 0]])), new Set(["g"])), conv);
});

Deno.test("applyPlan() quantizes activations, weights and the bias of an integer convolution", () => {
  const model = quantized(conv, activation("x", [["c", 0]]), weight("w", "c", parameters("i8", [0.5, 1], 0, 0)));
  const graph = applyPlan(model, new Set());
  assert.deepEqual(lines(graph), [
    "DequantizeLinear(c.bias_quantized,c.bias_scale) -> c.bias_dequantized",
    "QuantizeLinear(x,x_scale,x_zero_point) -> x_quantized",
    "DequantizeLinear(x_quantized,x_scale,x_zero_point) -> x_dequantized",
    "DequantizeLinear(w_quantized,w_scale,w_zero_point) -> w_dequantized",
    "Conv(x_dequantized,w_dequantized,c.bias_dequantized) -> c",
    "Relu(c) -> r",
    "Sigmoid(r) -> y",
  ]);
  assert.deepEqual(graph.constants.get("w_quantized"), tensor("i8", [2, 1, 1, 1], [2, -2]));
  assert.deepEqual(graph.constants.get("c.bias_quantized"), tensor("i32", [2], [4, -1]));
  assert.deepEqual(graph.constants.get("c.bias_scale")?.data, Float32Array.of(0.05, 0.1));
  assert.deepEqual(graph.constants.get("x_zero_point"), tensor("u8", [], [0]));
  const axes = graph.nodes.filter(({ op }) => op === "DequantizeLinear").map(({ attributes }) =>
    attributes.get("axis")
  );
  assert.deepEqual(axes, [0, undefined, 0]);
  assert(!graph.constants.has("w") && !graph.constants.has("b"));
});

Deno.test("applyPlan() keeps a bias in float that does not fit 32 bits", () => {
  const graph = { ...conv, constants: new Map([...conv.constants, ["b", f32([1e12, 0])]]) };
  const applied = applyPlan(quantized(graph, activation("x", [["c", 0]]), weight("w", "c")), new Set());
  assert.deepEqual(applied.nodes.find(({ op }) => op === "Conv")!.inputs, ["x_dequantized", "w_dequantized", "b"]);
});

Deno.test("applyPlan() makes integer weights once for all plans", () => {
  const model = quantized(
    conv,
    { ...activation("x", [["c", 0]]), groups: ["g", "h"] },
    weight("w", "c"),
    { ...activation("r", [["y", 0]]), groups: ["h"] },
  );
  const [a, b] = [new Set<string>(), new Set(["h"])].map((plan) => applyPlan(model, plan));
  assert.notEqual(a!.nodes.length, b!.nodes.length);
  for (const name of ["w_quantized", "c.bias_quantized"]) {
    assert(a!.constants.get(name) === b!.constants.get(name) && a!.constants.has(name), name);
  }
});

Deno.test("applyPlan() drops a Relu or Clip that the quantizer behind it repeats", () => {
  const reluThenQuantizer = (p: QuantizationParameters) =>
    lines(applyPlan(quantized(conv, activation("r", [["y", 0]], p)), new Set()));
  assert(reluThenQuantizer(parameters("u8", 0.1)).includes("QuantizeLinear(c,r_scale,r_zero_point) -> r_quantized"));
  assert(reluThenQuantizer(parameters("i8", 0.1, -128)).every((line) => !line.startsWith("Relu")));
  assert(reluThenQuantizer(parameters("u8", 0.1, 1)).includes("Relu(c) -> r"), "values below 0 would pass");
  assert(reluThenQuantizer(parameters("i8", 0.1)).includes("Relu(c) -> r"));
  const clip = (high: number) =>
    lines(applyPlan(
      quantized(
        graphOf({
          inputs: { x: [2] },
          nodes: [node("Clip", ["x", "low", "high"], "c"), node("Sigmoid", ["c"], "y")],
          constants: { low: f32(0), high: f32(high) },
          outputs: ["y"],
        }),
        activation("c", [["y", 0]], parameters("u8", 6 / 255)),
      ),
      new Set(),
    ));
  assert(clip(6).every((line) => !line.startsWith("Clip")));
  assert(clip(5).some((line) => line.startsWith("Clip")));
});

Deno.test("applyPlan() keeps a Relu that others read too", () => {
  const nodes = [...conv.nodes, node("Exp", ["r"], "z")];
  const graph = graphOf({
    inputs: { x: [1, 1, 2, 2] },
    outputs: ["y", "z"],
    nodes,
    constants: Object.fromEntries(conv.constants),
  });
  const applied = lines(applyPlan(quantized(graph, activation("r", [["y", 0]])), new Set()));
  assert(applied.includes("Relu(c) -> r") && applied.includes("Exp(r) -> z"));
  assert(applied.includes("Sigmoid(r_dequantized) -> y"));
});

Deno.test("applyPlan() quantizes an output under the output's name", () => {
  const graph = graphOf({
    inputs: { x: [2] },
    nodes: [node("Sigmoid", ["x"], "y"), node("Exp", ["y"], "z")],
    outputs: ["y", "z"],
  });
  const model = quantized(graph, activation("y", [["z", 0]], parameters("u8", 0.1), { output: true }));
  assert.deepEqual(lines(applyPlan(model, new Set())), [
    "Sigmoid(x) -> y_float",
    "QuantizeLinear(y_float,y_scale,y_zero_point) -> y_quantized",
    "DequantizeLinear(y_quantized,y_scale,y_zero_point) -> y",
    "Exp(y) -> z",
  ]);
});

Deno.test("applyPlan() quantizes each value of a quantizer that a move connects", () => {
  const graph = graphOf({
    inputs: { x: [1, 1, 4, 4] },
    nodes: [node("MaxPool", ["x"], "m", { kernel_shape: [2, 2] }), node("Sigmoid", ["m"], "y")],
    outputs: ["y"],
  });
  const [x, m] = [activation("x", [["m", 0]]), activation("m", [["y", 0]])];
  assert.deepEqual(lines(applyPlan(quantized(graph, { ...x, sites: [...x.sites, ...m.sites] }), new Set())), [
    "QuantizeLinear(x,x_scale,x_zero_point) -> x_quantized",
    "DequantizeLinear(x_quantized,x_scale,x_zero_point) -> x_dequantized",
    "MaxPool(x_dequantized) -> m",
    "QuantizeLinear(m,m_scale,m_zero_point) -> m_quantized",
    "DequantizeLinear(m_quantized,m_scale,m_zero_point) -> m_dequantized",
    "Sigmoid(m_dequantized) -> y",
  ]);
});

Deno.test("applyPlan() quantizes only the inputs that read through the quantizer", () => {
  const graph = graphOf({ inputs: { x: [2] }, nodes: [node("Add", ["x", "x"], "y")], outputs: ["y"] });
  const applied = applyPlan(quantized(graph, activation("x", [["y", 1]])), new Set());
  assert.deepEqual(applied.nodes.at(-1)!.inputs, ["x", "x_dequantized"]);
});

Deno.test("applyPlan() takes a corrected bias while the node is in 8 bits, in float where int32 cannot hold it", () => {
  const model = quantized(conv, activation("x", [["c", 0]]), weight("w", "c", parameters("i8", [0.5, 1], 0, 0)));
  const biases = new Map([["c", f32([0.4, 0.3])]]);
  const applied = applyPlan({ ...model, biases }, new Set());
  assert.deepEqual(applied.constants.get("c.bias_quantized")?.data, Int32Array.of(8, 3));
  assert.equal(applyPlan({ ...model, biases }, new Set(["g"])), conv);

  const large = new Map([["c", f32([1e9, 0.3])]]);
  const float = applyPlan({ ...model, biases: large }, new Set());
  const node = float.nodes.find(({ op }) => op === "Conv")!;
  assert.deepEqual(float.constants.get(node.inputs[2]!)?.data, Float32Array.of(1e9, 0.3));

  const withoutBias = { ...conv, nodes: conv.nodes.map((n) => n.op === "Conv" ? { ...n, inputs: ["x", "w"] } : n) };
  const added = applyPlan({ ...model, graph: withoutBias, biases }, new Set());
  assert.deepEqual(added.constants.get("c.bias_quantized")?.data, Int32Array.of(8, 3));
});

Deno.test("applyPlan() takes the corrected constant of an Add behind a MatMul only while the MatMul is in 8 bits", () => {
  for (const order of [["m", "b"], ["b", "m"]]) {
    const graph = graphOf({
      inputs: { x: [2, 2] },
      nodes: [node("MatMul", ["x", "w"], "m"), node("Add", order, "a"), node("Add", ["a", "b"], "y")],
      constants: { w: tensor("f32", [2, 2], [1, 2, 3, 4]), b: f32([1, 2]) },
      outputs: ["y"],
    });
    const model = quantized(graph, activation("x", [["m", 0]]), weight("w", "m"));
    const biases = new Map([["m", f32([3, 4])]]);
    const applied = applyPlan({ ...model, biases }, new Set());
    const [first, second] = applied.nodes.filter(({ op }) => op === "Add");
    assert.deepEqual(applied.constants.get(first!.inputs[order.indexOf("b")]!)?.data, Float32Array.of(3, 4));
    assert.deepEqual(second!.inputs, ["a", "b"]);
    assert.deepEqual(applied.constants.get("b")?.data, Float32Array.of(1, 2));
    assert.equal(applyPlan({ ...model, biases }, new Set(["g"])), graph);
  }
});

Deno.test("applyPlan() corrects no constant that more than the MatMul's result is added to", () => {
  const graph = graphOf({
    inputs: { x: [2, 2] },
    nodes: [node("MatMul", ["x", "w"], "m"), node("Add", ["m", "b"], "a"), node("Add", ["m", "a"], "y")],
    constants: { w: tensor("f32", [2, 2], [1, 2, 3, 4]), b: f32([1, 2]) },
    outputs: ["y"],
  });
  const model = quantized(graph, activation("x", [["m", 0]]), weight("w", "m"));
  const applied = applyPlan({ ...model, biases: new Map([["m", f32([3, 4])]]) }, new Set());
  assert.deepEqual(lines(applied).slice(-2), ["Add(m,b) -> a", "Add(m,a) -> y"]);
});
Deno.test("applyPlan() writes one bias scale for weights of one scale, without an axis", () => {
  const applied = applyPlan(quantized(conv, activation("x", [["c", 0]]), weight("w", "c")), new Set());
  assert.deepEqual(applied.constants.get("c.bias_scale"), tensor("f32", [], [Math.fround(0.1) * 0.5]));
  assert(applied.nodes.every(({ attributes }) => !attributes.has("axis")));
});

Deno.test("applyPlan() leaves biases in float where it is asked to, corrected ones too", () => {
  const model = quantized(conv, activation("x", [["c", 0]]), weight("w", "c"));
  const biasOf = (graph: Graph) => graph.constants.get(graph.nodes.find(({ op }) => op === "Conv")!.inputs[2]!);
  assert.deepEqual(biasOf(applyPlan(model, new Set(), { biases: "f32" })), f32([0.2, -0.1]));
  const corrected = { ...model, biases: new Map([["c", f32([0.3, 0])]]) };
  assert.deepEqual(biasOf(applyPlan(corrected, new Set(), { biases: "f32" })), f32([0.3, 0]));
  assert.deepEqual(applyPlan(corrected, new Set()).constants.get("c.bias_quantized"), tensor("i32", [2], [6, 0]));
});

Deno.test("applyPlan() takes a corrected bias that does not fit 32 bits as it is", () => {
  const model = quantized(conv, activation("x", [["c", 0]]), weight("w", "c"));
  const applied = applyPlan({ ...model, biases: new Map([["c", f32([1e12, 0])]]) }, new Set());
  assert.deepEqual(applied.constants.get(applied.nodes.find(({ op }) => op === "Conv")!.inputs[2]!), f32([1e12, 0]));
});

Deno.test("applyPlan() guards float convolutions with a Clip of the operator set's form, or not at all", () => {
  for (const opset of [10, 11]) {
    const model = quantized({ ...conv, opset }, activation("x", [["c", 0]], parameters("u8", 0.5, 10)));
    const clip = applyPlan(model, new Set()).nodes.find(({ op }) => op === "Clip")!;
    assert.deepEqual(clip.inputs.length, opset === 10 ? 1 : 3);
    assert.deepEqual([...clip.attributes.keys()], opset === 10 ? ["min", "max"] : []);
    assert(applyPlan(model, new Set(), { guardsFloat: false }).nodes.every(({ op }) => op !== "Clip"));
  }
});
