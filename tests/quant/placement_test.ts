import assert from "node:assert/strict";
import type { Node } from "../../src/graph/graph.ts";
import { type Placements, placeQuantizers } from "../../src/quant/placement.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { i64, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { f32, graphOf, type GraphParts, node } from "../graphs.ts";

const image = { x: [1, 4, 8, 8] };
const kernel = (outputs: number, inputs: number): Tensor =>
  tensor("f32", [outputs, inputs, 1, 1], new Float32Array(outputs * inputs));
const w = kernel(4, 4);
const matrix = (rows: number, columns: number): Tensor =>
  tensor("f32", [rows, columns], new Float32Array(rows * columns));
const conv = (input: string, output: string): Node => node("Conv", [input, `${output}.w`], output);
const weights = (...names: string[]): Record<string, Tensor> => Object.fromEntries(names.map((n) => [`${n}.w`, w]));
const pool = (input: string, output: string): Node =>
  node("MaxPool", [input], output, { kernel_shape: [2, 2], strides: [2, 2] });

function place(parts: GraphParts, ignored: readonly string[] = []): Placements {
  const graph = graphOf(parts);
  const inputs = Object.fromEntries(
    graph.inputs.map(({ name, dtype, shape }) => [name, { dtype, shape: shape as number[] }]),
  );
  const typed = specialize(graph, inputs);
  return placeQuantizers(graph, typed.types, ({ name }) => ignored.includes(name));
}

/** Activation quantizers as `value>reader.input,... value>...`, an output marked by `!`. */
function activations({ placements }: Placements): string[] {
  return placements.filter(({ kind }) => kind === "activation").map(({ sites }) =>
    sites.map(({ value, readers, output }) =>
      `${value}${output ? "!" : ""}>${readers.map((reader) => `${reader.node}.${reader.input}`)}`
    ).join(" ")
  );
}

function groups(placements: Placements): string[] {
  return placements.groups.map(({ nodes }) => nodes.join(" "));
}

Deno.test("placeQuantizers() puts quantizers behind the Relu, and behind the last convolution", () => {
  const placed = place({
    inputs: image,
    nodes: [conv("x", "c1"), node("Relu", ["c1"], "r1"), conv("r1", "c2"), node("Relu", ["c2"], "y")],
    constants: weights("c1", "c2"),
    outputs: ["y"],
  });
  assert.deepEqual(activations(placed), ["x>c1.0", "r1>c2.0", "y!>"]);
  assert.deepEqual(groups(placed), ["c1", "c2"]);
  const groupsOf = Object.fromEntries(placed.placements.map(({ id, groups }) => [id, groups]));
  assert.deepEqual(groupsOf, { x: ["c1"], r1: ["c2", "c1"], y: ["c2"], "c1.w": ["c1"], "c2.w": ["c2"] });
});

Deno.test("placeQuantizers() gives the channel axis of weights", () => {
  const placed = place({
    inputs: { x: [2, 3] },
    nodes: [
      node("Gemm", ["x", "a"], "g"),
      node("Gemm", ["g", "b"], "h", { transB: 1 }),
      node("MatMul", ["h", "c"], "y"),
    ],
    constants: { a: matrix(3, 5), b: matrix(6, 5), c: matrix(6, 7) },
    outputs: ["y"],
  });
  const axes = placed.placements.flatMap(({ id, kind, channelAxis }) => kind === "weight" ? [[id, channelAxis]] : []);
  assert.deepEqual(axes, [["a", 1], ["b", 0], ["c", 1]]);
  assert.deepEqual(activations(placed), ["x>g.0", "g>h.0", "h>y.0"]);
});

Deno.test("placeQuantizers() shares weights, and a value that many read, between groups", () => {
  const placed = place({
    inputs: image,
    nodes: [
      node("Conv", ["x", "w"], "c1"),
      node("Conv", ["x", "w"], "c2"),
      node("Sigmoid", ["c1"], "s"),
      node("Conv", ["s", "w"], "c3"),
      node("Exp", ["c2"], "e"),
      node("Exp", ["c3"], "f"),
    ],
    constants: { w },
    outputs: ["e", "f"],
  });
  assert.deepEqual(groups(placed), ["c1 c2", "c3"]);
  assert.deepEqual(activations(placed), ["x>c1.0,c2.0", "s>c3.0"]);
  const shared = placed.placements.find(({ id }) => id === "w")!;
  assert.deepEqual(shared.groups, ["c1", "c3"]);
  assert.deepEqual(shared.sites[0]!.readers.map((reader) => reader.node), ["c1", "c2", "c3"]);
});

Deno.test("placeQuantizers() joins residual additions with the convolutions that read the same values", () => {
  const placed = place({
    inputs: image,
    nodes: [
      conv("x", "c1"),
      node("Relu", ["c1"], "r1"),
      conv("r1", "c2"),
      node("Add", ["c2", "r1"], "a"),
      node("Relu", ["a"], "r2"),
      conv("r2", "c3"),
      node("Sigmoid", ["c3"], "y"),
    ],
    constants: weights("c1", "c2", "c3"),
    outputs: ["y"],
  });
  assert.deepEqual(activations(placed), ["x>c1.0", "r1>c2.0,a.1", "c2>a.0", "r2>c3.0"]);
  assert.deepEqual(groups(placed), ["c1", "c2 a", "c3"]);
});

Deno.test("placeQuantizers() moves through MaxPool and Flatten, and quantizes both ends alike", () => {
  const placed = place({
    inputs: image,
    nodes: [
      conv("x", "c1"),
      node("Relu", ["c1"], "r1"),
      pool("r1", "m"),
      node("Flatten", ["m"], "f"),
      node("Gemm", ["f", "g.w"], "g"),
    ],
    constants: { ...weights("c1"), "g.w": matrix(64, 3) },
    outputs: ["g"],
  });
  assert.deepEqual(activations(placed), ["x>c1.0", "r1>m.0 m>f.0 f>g.0"]);
  assert.deepEqual(groups(placed), ["c1", "g"]);
  assert.deepEqual(placed.placements.find(({ id }) => id === "r1")!.groups, ["g", "c1"]);
});

Deno.test("placeQuantizers() moves through a Resize that copies the nearest element", () => {
  const resize = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
  const placed = place({
    inputs: image,
    nodes: [conv("x", "c1"), node("Resize", ["c1", "", "twice"], "u", resize), conv("u", "c2")],
    constants: { ...weights("c1", "c2"), twice: f32([1, 1, 2, 2]) },
    outputs: ["c2"],
  });
  assert.deepEqual(activations(placed), ["x>c1.0", "c1>u.0 u>c2.0", "c2!>"]);
  assert.deepEqual(groups(placed), ["c1", "c2"]);
});

Deno.test("placeQuantizers() gives all inputs of a Concat one quantizer, which ties their readers", () => {
  const placed = place({
    inputs: image,
    nodes: [
      conv("x", "c1"),
      conv("x", "c2"),
      node("Concat", ["c1", "c2"], "j", { axis: 1 }),
      node("Conv", ["j", "wide"], "c3"),
      conv("c1", "c4"),
      node("Sigmoid", ["c3"], "y"),
      node("Sigmoid", ["c4"], "z"),
    ],
    constants: { ...weights("c1", "c2", "c4"), wide: kernel(4, 8) },
    outputs: ["y", "z"],
  });
  assert.deepEqual(activations(placed), ["x>c1.0,c2.0", "c1>j.0,c4.0 c2>j.1 j>c3.0"]);
  assert.deepEqual(groups(placed), ["c1 c2", "c3 c4"]);
});

Deno.test("placeQuantizers() does not move through a node beside which the value is read in float", () => {
  const placed = place({
    inputs: image,
    nodes: [conv("x", "c1"), pool("c1", "m"), conv("m", "c2"), node("Sigmoid", ["c1"], "y"), node("Exp", ["c2"], "z")],
    constants: weights("c1", "c2"),
    outputs: ["y", "z"],
  });
  assert.deepEqual(activations(placed), ["x>c1.0", "m>c2.0"]);
  assert.deepEqual(placed.placements.find(({ id }) => id === "m")!.groups, ["c2"], "c1 is read in float");
});

Deno.test("placeQuantizers() quantizes a convolution's result where only moves lead to the output", () => {
  const placed = place({
    inputs: image,
    nodes: [conv("x", "c1"), node("Flatten", ["c1"], "f"), node("Unsqueeze", ["f", "axes"], "y")],
    constants: { ...weights("c1"), axes: i64([0]) },
    outputs: ["y"],
  });
  assert.deepEqual(activations(placed), ["x>c1.0", "c1>f.0"]);
});

Deno.test("placeQuantizers() leaves the result of a matrix product in float, as a bias or a Softmax reads it", () => {
  const placed = place({
    inputs: { x: [2, 4] },
    nodes: [
      node("MatMul", ["x", "q"], "a"),
      node("Add", ["a", "bias"], "b"),
      node("MatMul", ["x", "k"], "c"),
      node("Transpose", ["c"], "t"),
      node("MatMul", ["b", "t"], "scores"),
      node("Softmax", ["scores"], "s"),
      node("MatMul", ["s", "b"], "d"),
      node("Add", ["d", "x"], "y"),
    ],
    constants: { q: matrix(4, 4), k: matrix(4, 4), bias: f32([1, 2, 3, 4]) },
    outputs: ["y"],
  });
  assert.deepEqual(activations(placed), ["x>a.0,c.0", "b>scores.0,d.1", "c>t.0 t>scores.1", "s>d.0"]);
  assert.deepEqual(groups(placed), ["a c", "scores d"]);
});

Deno.test("placeQuantizers() quantizes pooling and addition only behind convolutions", () => {
  const nodes = (input: string): Node[] => [
    node("GlobalAveragePool", [input], "p"),
    node("Add", [input, input], "a"),
    node("Sum", ["p", "a"], "y"),
  ];
  const placedAt = (input: string): string[] =>
    activations(place({
      inputs: image,
      nodes: [conv("x", "c"), node("Sigmoid", ["c"], "s"), ...nodes(input).slice(0, 2)],
      constants: weights("c"),
      outputs: ["p", "a"],
    }));
  assert.deepEqual(placedAt("c"), ["x>c.0", "c>p.0,a.0,a.1"]);
  assert.deepEqual(placedAt("s"), ["x>c.0"]);
});

Deno.test("placeQuantizers() passes over linear operators that the integer kernels do not know", () => {
  const matrices = { w: matrix(4, 4) };
  const cases: Record<string, GraphParts> = {
    "computed weights": {
      inputs: { x: image.x, w: [4, 4, 1, 1] },
      nodes: [node("Conv", ["x", "w"], "y")],
      outputs: ["y"],
    },
    "1-D convolution": {
      inputs: { x: [1, 4, 8] },
      nodes: [node("Conv", ["x", "w"], "y")],
      constants: { w: tensor("f32", [4, 4, 1], new Float32Array(16)) },
      outputs: ["y"],
    },
    "alpha": {
      inputs: { x: [4, 4] },
      nodes: [node("Gemm", ["x", "w"], "y", { alpha: 2 })],
      constants: matrices,
      outputs: ["y"],
    },
    "transA": {
      inputs: { x: [4, 4] },
      nodes: [node("Gemm", ["x", "w"], "y", { transA: 1 })],
      constants: matrices,
      outputs: ["y"],
    },
    "stacked weights": {
      inputs: { x: [2, 4, 4] },
      nodes: [node("MatMul", ["x", "w"], "y")],
      constants: { w: tensor("f32", [2, 4, 4], new Float32Array(32)) },
      outputs: ["y"],
    },
    "ignored": { inputs: image, nodes: [conv("x", "y")], constants: weights("y"), outputs: ["y"] },
  };
  for (const [title, parts] of Object.entries(cases)) {
    assert.deepEqual(place(parts, title === "ignored" ? ["y"] : []), { placements: [], groups: [] }, title);
  }
});

Deno.test("placeQuantizers() stops at a node that is ignored", () => {
  const parts: GraphParts = {
    inputs: image,
    nodes: [conv("x", "c1"), conv("c1", "c2"), conv("c2", "c3"), node("Sigmoid", ["c3"], "y")],
    constants: weights("c1", "c2", "c3"),
    outputs: ["y"],
  };
  const placed = place(parts, ["c2"]);
  assert.deepEqual(activations(placed), ["x>c1.0", "c2>c3.0"]);
  assert.deepEqual(groups(placed), ["c1", "c3"]);
});

Deno.test("placeQuantizers() moves through a Pad with zeros, and through no other", () => {
  const sites = (value: number): string[] =>
    activations(place({
      inputs: image,
      nodes: [node("Pad", ["x", "pads", "value"], "p"), conv("p", "c"), node("Sigmoid", ["c"], "y")],
      constants: { ...weights("c"), pads: i64([0, 0, 1, 1, 0, 0, 1, 1]), value: f32(value) },
      outputs: ["y"],
    }));
  assert.deepEqual(sites(0), ["x>p.0 p>c.0"]);
  assert.deepEqual(sites(1), ["p>c.0"]);
});

Deno.test("placeQuantizers() does not quantize shapes and indices", () => {
  const placed = place({
    inputs: { x: [4, 4], table: [9, 4] },
    nodes: [node("Gather", ["table", "rows"], "g"), node("MatMul", ["g", "w"], "m"), node("Add", ["m", "x"], "y")],
    constants: { rows: i64([0, 3, 5, 8]), w: matrix(4, 4) },
    outputs: ["y"],
  });
  assert.deepEqual(activations(placed), ["table>g.0 g>m.0"]);
});
