import assert from "node:assert/strict";
import type { Node } from "../../src/graph/graph.ts";
import { type NetworkKind, networkKindOf } from "../../src/quant/network_kind.ts";
import { readModel } from "../../src/runtime/read_model.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { sharedData } from "../data.ts";
import { f32, graphOf, node } from "../graphs.ts";

const numbers = (...shape: number[]): Tensor =>
  tensor("f32", shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));
const constants = {
  w: numbers(4, 4),
  k: numbers(4, 4, 1, 1),
  half: f32(0.5),
  one: f32(1),
  two: f32(2),
  three: f32(3),
  zero: f32(0),
  six: f32(6),
  tiny: f32(1e-5),
  axes: tensor("i64", [1], [-1]),
};

function kindOf(shape: number[], nodes: readonly Node[], output = nodes.at(-1)!.outputs[0]!): NetworkKind {
  const graph = graphOf({ inputs: { x: shape }, nodes, constants, outputs: [output] });
  return networkKindOf(graph, specialize(graph, { x: { dtype: "f32", shape } }).types);
}

const NOTHING: NetworkKind = {
  attention: 0,
  layerNormalization: 0,
  gelu: 0,
  hardSwish: 0,
  squeezeExcitation: 0,
  transformer: false,
};

Deno.test("networkKindOf() finds attention: a softmax between products of computed matrices", () => {
  const attention = [
    node("MatMul", ["x", "w"], "q"),
    node("Transpose", ["q"], "t"),
    node("MatMul", ["x", "t"], "s"),
    node("Mul", ["s", "half"], "m"),
    node("Softmax", ["m"], "p"),
    node("MatMul", ["p", "q"], "y"),
  ];
  assert.deepEqual(kindOf([4, 4], attention), { ...NOTHING, attention: 1, transformer: true });
  const classifier = [node("MatMul", ["x", "w"], "q"), node("Softmax", ["q"], "y")];
  assert.deepEqual(kindOf([4, 4], classifier), NOTHING);
  assert.deepEqual(kindOf([4, 4], [...classifier, node("MatMul", ["y", "x"], "z")]), NOTHING);
});

Deno.test("networkKindOf() finds GELU by Erf and by Tanh, and layer normalization spelled out", () => {
  const erf = [
    node("Div", ["x", "two"], "d"),
    node("Erf", ["d"], "e"),
    node("Add", ["e", "one"], "a"),
    node("Mul", ["x", "a"], "m"),
    node("Mul", ["m", "half"], "y"),
  ];
  assert.deepEqual(kindOf([4, 4], erf), { ...NOTHING, gelu: 1 });
  const tanh = [
    node("Pow", ["x", "three"], "p"),
    node("Mul", ["p", "half"], "q"),
    node("Add", ["x", "q"], "s"),
    node("Tanh", ["s"], "t"),
    node("Add", ["t", "one"], "a"),
    node("Mul", ["x", "half"], "h"),
    node("Mul", ["h", "a"], "y"),
  ];
  assert.deepEqual(kindOf([4, 4], tanh), { ...NOTHING, gelu: 1 });
  assert.deepEqual(kindOf([4, 4], [node("Tanh", ["x"], "t"), node("Mul", ["x", "t"], "y")]), NOTHING);
  const normalization = [
    node("ReduceMean", ["x"], "m", { axes: [-1] }),
    node("Sub", ["x", "m"], "c"),
    node("Pow", ["c", "two"], "p"),
    node("ReduceMean", ["p"], "v", { axes: [-1] }),
    node("Add", ["v", "tiny"], "e"),
    node("Sqrt", ["e"], "s"),
    node("Div", ["c", "s"], "y"),
  ];
  assert.deepEqual(kindOf([4, 4], normalization), { ...NOTHING, layerNormalization: 1 });
});

Deno.test("networkKindOf() finds hard-swish and squeeze-and-excitation", () => {
  const shape = [1, 4, 4, 4];
  const relu6 = [
    node("Add", ["x", "three"], "a"),
    node("Clip", ["a", "zero", "six"], "c"),
    node("Mul", ["x", "c"], "m"),
    node("Div", ["m", "six"], "y"),
  ];
  const sigmoid = [node("HardSigmoid", ["x"], "s"), node("Mul", ["x", "s"], "y")];
  for (const nodes of [relu6, sigmoid, [node("HardSwish", ["x"], "y")]]) {
    assert.deepEqual(kindOf(shape, nodes), { ...NOTHING, hardSwish: 1 });
  }
  const squeeze = [
    node("GlobalAveragePool", ["x"], "p"),
    node("Conv", ["p", "k"], "c"),
    node("Relu", ["c"], "r"),
    node("Conv", ["r", "k"], "e"),
    node("Sigmoid", ["e"], "s"),
    node("Mul", ["x", "s"], "y"),
  ];
  assert.deepEqual(kindOf(shape, squeeze), { ...NOTHING, squeezeExcitation: 1 });
});

const kwt1 = sharedData("kwt1/kwt1_features.onnx");
const resnet = sharedData("cifar/resnet20_cifar10.onnx");
Deno.test({
  name: `networkKindOf() tells a transformer from a convolutional network${kwt1 ? "" : " (no ../shared/data)"}`,
  ignore: !kwt1 || !resnet,
  fn: () => {
    const [transformer, convolutional] = [kwt1, resnet].map((file) => {
      const graph = readModel(Deno.readFileSync(file!));
      const inputs = graph.inputs.map(({ name, dtype, shape }) =>
        [name, { dtype, shape: shape!.map((size) => typeof size === "number" ? size : 1) }] as const
      );
      return networkKindOf(graph, specialize(graph, Object.fromEntries(inputs)).types);
    });
    assert.deepEqual(convolutional, NOTHING);
    assert.deepEqual(transformer, { ...NOTHING, attention: 12, layerNormalization: 24, gelu: 12, transformer: true });
  },
});
