import assert from "node:assert/strict";
import type { Node } from "../../src/graph/graph.ts";
import { type Placements, type PlacementSettings, placeQuantizers } from "../../src/quant/placement.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { i64, type KnownType, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { f32, graphOf, type GraphParts, node } from "../graphs.ts";
import { SETTINGS } from "./placed.ts";

const image = { x: [1, 4, 8, 8] };
const kernel = (outputs: number, inputs: number): Tensor =>
  tensor("f32", [outputs, inputs, 1, 1], new Float32Array(outputs * inputs));
const w = kernel(4, 4);
const matrix = (rows: number, columns: number): Tensor =>
  tensor("f32", [rows, columns], new Float32Array(rows * columns));
const conv = (input: string, output: string): Node => node("Conv", [input, `${output}.w`], output);
const weights = (...names: string[]): Record<string, Tensor> => Object.fromEntries(names.map((n) => [`${n}.w`, w]));
const nearest = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
const pool = (input: string, output: string): Node =>
  node("MaxPool", [input], output, { kernel_shape: [2, 2], strides: [2, 2] });

function place(
  parts: GraphParts,
  ignored: readonly string[] = [],
  settings: Partial<PlacementSettings> = {},
): Placements {
  const graph = graphOf(parts);
  const inputs = Object.fromEntries(
    graph.inputs.map(({ name, dtype, shape }) => [name, { dtype, shape: shape as number[] }]),
  );
  const typed = specialize(graph, inputs);
  return placeQuantizers(graph, typed.types, { ...SETTINGS, ...settings }, new Set(ignored));
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

/** The forms of activation quantizers by id. */
function forms({ placements }: Placements): Record<string, string> {
  return Object.fromEntries(
    placements.flatMap(({ id, kind, mode, axis }) => kind === "activation" ? [[id, `${mode} ${axis}`]] : []),
  );
}

Deno.test("placeQuantizers() puts quantizers behind the Relu, and none on outputs", () => {
  const parts: GraphParts = {
    inputs: image,
    nodes: [conv("x", "c1"), node("Relu", ["c1"], "r1"), conv("r1", "c2"), node("Relu", ["c2"], "y")],
    constants: weights("c1", "c2"),
    outputs: ["y"],
  };
  const placed = place(parts);
  assert.deepEqual(activations(placed), ["x>c1.0", "r1>c2.0"]);
  assert.deepEqual(groups(placed), ["c1", "c2"]);
  const groupsOf = Object.fromEntries(placed.placements.map(({ id, groups }) => [id, groups]));
  assert.deepEqual(groupsOf, { x: ["c1"], r1: ["c2"], "c1.w": ["c1"], "c2.w": ["c2"] });
  const outputs = place(parts, [], { quantizeOutputs: true });
  assert.deepEqual(activations(outputs), ["x>c1.0", "r1>c2.0", "y!>"]);
  assert.deepEqual(outputs.placements.find(({ id }) => id === "y")!.groups, ["y"]);
});

Deno.test("placeQuantizers() gives the channel axis of weights", () => {
  const parts: GraphParts = {
    inputs: { x: [2, 3] },
    nodes: [
      node("Gemm", ["x", "a"], "g"),
      node("Gemm", ["g", "b"], "h", { transB: 1 }),
      node("MatMul", ["h", "c"], "i"),
      node("MatMul", ["d", "i"], "y"),
    ],
    constants: { a: matrix(3, 5), b: matrix(6, 5), c: matrix(6, 7), d: matrix(4, 2) },
    outputs: ["y"],
  };
  const axes = ({ placements }: Placements) =>
    placements.flatMap(({ id, kind, axis, channelAxis, mode, narrowRange }) =>
      kind === "weight" ? [[id, axis, channelAxis, mode, narrowRange]] : []
    );
  const placed = place(parts);
  assert.deepEqual(axes(placed), [
    ["a", 1, 1, "symmetric", true],
    ["b", 0, 0, "symmetric", true],
    ["c", 1, 1, "symmetric", true],
    ["d", 0, 0, "symmetric", true],
  ]);
  assert.deepEqual(activations(placed), ["x>g.0", "g>h.0", "h>i.0", "i>y.1"]);
  assert.deepEqual(axes(place(parts, [], { weights: { perChannel: false } })).map(([id, axis]) => `${id} ${axis}`), [
    ...["a null", "b null", "c null", "d null"],
  ]);
  assert.deepEqual(axes(place(parts, [], { weights: { mode: "asymmetric" } }))[0], ["a", 1, 1, "asymmetric", false]);
});

Deno.test("placeQuantizers() ties what shares a quantizer, that of weights too", () => {
  const parts: GraphParts = {
    inputs: image,
    nodes: [
      node("Conv", ["x", "w"], "c1"),
      node("Conv", ["x", "c2.w"], "c2"),
      node("Sigmoid", ["c1"], "s"),
      node("Conv", ["s", "w"], "c3"),
      node("Sigmoid", ["c3"], "t"),
      conv("t", "c4"),
      node("Exp", ["c2"], "e"),
      node("Exp", ["c4"], "f"),
    ],
    constants: { w, ...weights("c2", "c4") },
    outputs: ["e", "f"],
  };
  const placed = place(parts);
  assert.deepEqual(groups(placed), ["c1 c2 c3", "c4"]);
  assert.deepEqual(activations(placed), ["x>c1.0,c2.0", "s>c3.0", "t>c4.0"]);
  const shared = placed.placements.find(({ id }) => id === "w")!;
  assert.deepEqual(shared.groups, ["c1"]);
  assert.deepEqual(shared.sites[0]!.readers.map((reader) => reader.node), ["c1", "c3"]);
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
  assert.deepEqual(placed.placements[1]!.sources, ["r1"]);
  assert.deepEqual(groups(placed), ["c1", "g"]);
  assert.deepEqual(placed.placements.find(({ id }) => id === "r1")!.groups, ["g"]);
});

Deno.test("placeQuantizers() quantizes the input of a Resize, which computes", () => {
  const placed = place({
    inputs: image,
    nodes: [conv("x", "c1"), node("Resize", ["c1", "", "twice"], "u", nearest), conv("u", "c2")],
    constants: { ...weights("c1", "c2"), twice: f32([1, 1, 2, 2]) },
    outputs: ["c2"],
  });
  assert.deepEqual(activations(placed), ["x>c1.0", "c1>u.0", "u>c2.0"]);
  assert.deepEqual(groups(placed), ["c1", "u", "c2"]);
});

/** Two convolutions joined by a Concat that `after` reads. */
const joined = (after: Node[], outputs: string[]): GraphParts => ({
  inputs: image,
  nodes: [conv("x", "c1"), conv("x", "c2"), node("Concat", ["c1", "c2"], "j", { axis: 1 }), ...after],
  constants: { ...weights("c1", "c2", "c4"), wide: kernel(4, 8) },
  outputs,
});

Deno.test("placeQuantizers() gives all inputs of a Concat one quantizer where a linear operator follows", () => {
  const linear = [
    node("Conv", ["j", "wide"], "c3"),
    conv("c1", "c4"),
    node("Sigmoid", ["c3"], "y"),
    node("Sigmoid", ["c4"], "z"),
  ];
  const placed = place(joined(linear, ["y", "z"]));
  assert.deepEqual(activations(placed), ["x>c1.0,c2.0", "c1>j.0,c4.0 c2>j.1 j>c3.0"]);
  assert.deepEqual(placed.placements[1]!.sources, ["c1", "c2"]);
  assert.deepEqual(groups(placed), ["c1 c2", "c3 c4"]);
  const pooled = place(joined([node("GlobalAveragePool", ["j"], "y")], ["y"]));
  assert.deepEqual(activations(pooled), ["x>c1.0,c2.0", "c1>j.0", "c2>j.1"]);
  assert.deepEqual(groups(pooled), ["c1 c2", "y"]);
});

Deno.test("placeQuantizers() does not move up to a value that is also read in float, or is an output", () => {
  const nodes = [conv("x", "c1"), pool("c1", "m"), conv("m", "c2"), node("Exp", ["c2"], "z")];
  const constants = weights("c1", "c2");
  const read = place({
    inputs: image,
    nodes: [...nodes, node("Sigmoid", ["c1"], "y")],
    constants,
    outputs: ["y", "z"],
  });
  assert.deepEqual(activations(read), ["x>c1.0", "c1>m.0 m>c2.0"]);
  assert.deepEqual(activations(place({ inputs: image, nodes, constants, outputs: ["m", "z"] })), ["x>c1.0", "m>c2.0"]);
});

Deno.test("placeQuantizers() quantizes in transformers little but products of matrices, and those of attention evenly", () => {
  const parts: GraphParts = {
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
  };
  const plain = place(parts);
  assert.deepEqual(activations(plain), ["x>a.0,c.0,y.1", "b>scores.0,d.1", "c>t.0 t>scores.1", "s>d.0", "d>y.0"]);
  assert.deepEqual(groups(plain), ["a c y", "scores d"]);
  const transformer = place(parts, [], { transformer: true });
  const sites = ["x>a.0", "x>c.0", "b>scores.0,d.1", "c>t.0 t>scores.1", "s>d.0"];
  assert.deepEqual(activations(transformer), sites, "y reads x in float");
  assert.deepEqual(groups(transformer), ["a", "c", "scores d"]);
  assert.deepEqual(forms(transformer), {
    x: "asymmetric null",
    "x>c.0": "asymmetric null",
    b: "symmetric null",
    c: "symmetric null",
    s: "symmetric null",
  });
});

Deno.test("placeQuantizers() leaves the weighted sum of moved values in attention in float in transformers", () => {
  const parts: GraphParts = {
    inputs: { x: [4, 4], v: [4, 4] },
    nodes: [
      node("Softmax", ["x"], "s"),
      node("Transpose", ["v"], "t"),
      node("MatMul", ["s", "t"], "o"),
      node("MatMul", ["o", "w"], "y"),
    ],
    constants: { w: matrix(4, 4) },
    outputs: ["y"],
  };
  assert.deepEqual(activations(place(parts, [], { transformer: true })), ["o>y.0"]);
  assert.deepEqual(activations(place(parts)), ["v>t.0 t>o.1", "s>o.0", "o>y.0"]);
});

Deno.test("placeQuantizers() quantizes linear operators without an integer kernel too", () => {
  const cases: Record<string, [GraphParts, string[]]> = {
    "computed weights": [{
      inputs: { x: image.x, w: [4, 4, 1, 1] },
      nodes: [node("Conv", ["x", "w"], "y")],
      outputs: ["y"],
    }, ["x>y.0", "w>y.1"]],
    "1-D convolution": [{
      inputs: { x: [1, 4, 8] },
      nodes: [node("Conv", ["x", "w"], "y")],
      constants: { w: tensor("f32", [4, 4, 1], new Float32Array(16)) },
      outputs: ["y"],
    }, ["x>y.0"]],
    "alpha": [{
      inputs: { x: [4, 4] },
      nodes: [node("Gemm", ["x", "w"], "y", { alpha: 2, transA: 1 })],
      constants: { w: matrix(4, 4) },
      outputs: ["y"],
    }, ["x>y.0"]],
    "stacked weights": [{
      inputs: { x: [2, 4, 4] },
      nodes: [node("MatMul", ["x", "w"], "y")],
      constants: { w: tensor("f32", [2, 4, 4], new Float32Array(32)) },
      outputs: ["y"],
    }, ["x>y.0"]],
  };
  for (const [title, [parts, wanted]] of Object.entries(cases)) {
    assert.deepEqual(activations(place(parts)), wanted, title);
  }
  const all = { inputs: image, nodes: [conv("x", "y")], constants: weights("y"), outputs: ["y"] };
  assert.deepEqual(place(all, ["y"]), { placements: [], groups: [] });
});

Deno.test("placeQuantizers() stops at a node that is ignored", () => {
  const parts: GraphParts = {
    inputs: image,
    nodes: [conv("x", "c1"), pool("c1", "m"), conv("m", "c2"), conv("c2", "c3"), node("Sigmoid", ["c3"], "y")],
    constants: weights("c1", "c2", "c3"),
    outputs: ["y"],
  };
  const placed = place(parts, ["c2"]);
  assert.deepEqual(activations(placed), ["x>c1.0", "c2>c3.0"]);
  assert.deepEqual(groups(placed), ["c1", "c3"]);
  assert.deepEqual(activations(place(parts, ["m"])), ["x>c1.0", "m>c2.0", "c2>c3.0"]);
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
  assert.deepEqual(activations(placed), ["x>y.1", "table>g.0 g>m.0", "m>y.0"]);
});

const depthwise = (input: string, output: string): Node =>
  node("Conv", [input, `${output}.d`], output, { group: 4, pads: [0, 0, 0, 0] });
const filters = (...names: string[]): Record<string, Tensor> =>
  Object.fromEntries(names.map((name) => [`${name}.d`, kernel(4, 1)]));

Deno.test("placeQuantizers() gives each channel its scale before depthwise convolutions, where no other reads", () => {
  const nodes = [
    conv("x", "c"),
    depthwise("c", "d"),
    depthwise("d", "e"),
    conv("d", "f"),
    node("Exp", ["e"], "y"),
    node("Exp", ["f"], "z"),
  ];
  const parts = {
    inputs: image,
    nodes,
    constants: { ...weights("c", "f"), ...filters("d", "e") },
    outputs: ["y", "z"],
  };
  assert.deepEqual(forms(place(parts)), { x: "symmetric null", c: "symmetric 1", d: "symmetric null" });
  const apart = place(parts, [], { propagationRule: "merge_if_all_branches_same" });
  assert.deepEqual(activations(apart), ["x>c.0", "c>d.0", "d>e.0", "d>f.0"]);
  assert.deepEqual(forms(apart), {
    x: "symmetric null",
    c: "symmetric 1",
    d: "symmetric 1",
    "d>f.0": "symmetric null",
  });
  assert.deepEqual(groups(apart), ["c", "d", "e", "f"]);
});

Deno.test("placeQuantizers() gives up the channels before what moves them, and keeps them before a MaxPool", () => {
  const moved = (...moves: Node[]): Record<string, string> =>
    forms(place({
      inputs: image,
      nodes: [conv("x", "c"), ...moves, depthwise(moves.at(-1)!.outputs[0]!, "d"), node("Exp", ["d"], "y")],
      constants: { ...weights("c"), ...filters("d"), back: i64([1, 4, 8, 8]) },
      outputs: ["y"],
    }));
  assert.deepEqual(moved(pool("c", "m")), { x: "symmetric null", c: "symmetric 1" });
  const swap = node("Transpose", ["c"], "t", { perm: [0, 2, 1, 3] });
  assert.deepEqual(moved(swap, node("Reshape", ["t", "back"], "r")), { x: "symmetric null", c: "symmetric null" });
});

Deno.test("placeQuantizers() takes the branches of one value together unless the rule says not to", () => {
  const parts: GraphParts = {
    inputs: image,
    nodes: [
      conv("x", "c"),
      conv("c", "d"),
      pool("c", "m"),
      conv("m", "e"),
      node("Exp", ["d"], "y"),
      node("Exp", ["e"], "z"),
    ],
    constants: weights("c", "d", "e"),
    outputs: ["y", "z"],
  };
  assert.deepEqual(activations(place(parts)), ["x>c.0", "c>d.0,m.0 m>e.0"]);
  const apart = place(parts, [], { propagationRule: "do_not_merge_branches" });
  assert.deepEqual(activations(apart), ["x>c.0", "c>d.0", "c>m.0 m>e.0"]);
  assert.deepEqual(groups(apart), ["c", "d", "e"]);
});

Deno.test("placeQuantizers() puts no quantizer into what is computed as one", () => {
  const chain = (...nodes: Node[]): string[] =>
    activations(place({
      inputs: image,
      nodes: [conv("x", "c"), ...nodes, conv(nodes.at(-1)!.outputs[0]!, "e"), node("Exp", ["e"], "y")],
      constants: { ...weights("c", "e"), v: f32(3), u: f32(0.5) },
      outputs: ["y"],
    }));
  const cases: Record<string, Node[]> = {
    "bias and Relu": [node("Add", ["c", "v"], "a"), node("Relu", ["a"], "r")],
    "scale and shift": [node("Mul", ["c", "u"], "m"), node("Add", ["m", "v"], "a")],
    "swish": [node("Sigmoid", ["c"], "s"), node("Mul", ["c", "s"], "m")],
    "hard-swish": [node("HardSigmoid", ["c"], "s"), node("Mul", ["c", "s"], "m")],
    "hard-swish by Clip": [
      node("Add", ["c", "v"], "a"),
      node("Relu", ["a"], "r"),
      node("Mul", ["c", "r"], "m"),
      node("Div", ["m", "v"], "d"),
    ],
    "GELU": [
      node("Div", ["c", "v"], "d"),
      node("Erf", ["d"], "f"),
      node("Add", ["f", "u"], "a"),
      node("Mul", ["c", "a"], "m"),
    ],
    "itself": [node("Mul", ["c", "c"], "m")],
  };
  for (const [title, nodes] of Object.entries(cases)) {
    assert.deepEqual(chain(...nodes), ["x>c.0", `${nodes.at(-1)!.outputs[0]}>e.0`], title);
  }
  const residual = chain(node("Add", ["c", "x"], "a"), node("Relu", ["a"], "r"));
  assert.deepEqual(residual, ["x>c.0,a.1", "c>a.0", "r>e.0"]);
  const read = chain(node("Add", ["c", "v"], "a"), node("Relu", ["a"], "r"), node("Mul", ["a", "r"], "m"));
  assert.deepEqual(read, ["x>c.0", "a>m.0", "r>m.1", "m>e.0"]);
});

Deno.test("placeQuantizers() needs no quantizer beside a constant, unless it moved or others share it", () => {
  const beside = (...nodes: Node[]): string[] =>
    activations(place({
      inputs: image,
      nodes: [node("Exp", ["x"], "e"), ...nodes],
      constants: { v: f32(3), ...weights("c") },
      outputs: [nodes.at(-1)!.outputs[0]!],
    }));
  assert.deepEqual(beside(node("Mul", ["e", "v"], "y")), []);
  assert.deepEqual(beside(pool("e", "m"), node("Mul", ["m", "v"], "y")), ["e>m.0 m>y.0"]);
  assert.deepEqual(beside(node("Mul", ["e", "v"], "f"), conv("e", "c"), node("Add", ["f", "c"], "y")), [
    ...["e>f.0,c.0", "f>y.0", "c>y.1"],
  ]);
  assert.deepEqual(beside(node("Mul", ["e", "e"], "y")), ["e>y.0,y.1"]);
  assert.deepEqual(beside(node("Pow", ["e", "v"], "y")), ["e>y.0"]);
});

Deno.test("placeQuantizers() leaves the middle of squeeze-and-excitation blocks in float", () => {
  const placed = place({
    inputs: image,
    nodes: [
      conv("x", "c"),
      node("GlobalAveragePool", ["c"], "p"),
      conv("p", "d"),
      node("Relu", ["d"], "r"),
      conv("r", "e"),
      node("Sigmoid", ["e"], "s"),
      node("Mul", ["c", "s"], "m"),
      node("Exp", ["m"], "y"),
    ],
    constants: weights("c", "d", "e"),
    outputs: ["y"],
  });
  assert.deepEqual(activations(placed), ["x>c.0", "c>p.0,m.0", "s>m.1"]);
  assert.deepEqual(placed.placements.flatMap(({ id, kind }) => kind === "weight" ? [id] : []), ["c.w"]);
});

Deno.test("placeQuantizers() leaves post-processing behind TopK and before it in float", () => {
  const graph = graphOf({
    inputs: image,
    nodes: [
      conv("x", "c"),
      conv("c", "b"),
      node("Mul", ["c", "b"], "m"),
      node("TopK", ["m", "k"], ["v", "i"], {}),
      node("Add", ["v", "v"], "y"),
      node("Add", ["b", "c"], "z"),
    ],
    constants: { ...weights("c", "b"), k: i64([2]) },
    outputs: ["y", "z"],
  });
  const types = new Map<string, KnownType>(
    ["x", "c", "b", "m", "v", "y", "z"].map((name) => [name, { dtype: "f32", shape: image.x }]),
  );
  const placed = placeQuantizers(graph, types.set("i", { dtype: "i64", shape: [2] }), SETTINGS);
  assert.deepEqual(activations(placed), ["x>c.0", "c>b.0", "c>z.1", "b>z.0"]);
});

Deno.test("placeQuantizers() quantizes the table of an embedding as its readers want it", () => {
  const parts: GraphParts = {
    inputs: { x: { dtype: "i64", shape: [3] } },
    nodes: [node("Gather", ["table", "x"], "r"), node("MatMul", ["r", "w"], "y")],
    constants: { table: matrix(9, 4), w: matrix(4, 4) },
    outputs: ["y"],
  };
  const table = (settings: Partial<PlacementSettings>) =>
    place(parts, [], settings).placements.filter(({ id }) => id !== "w").map(({ id, axis, mode, narrowRange }) =>
      `${id} ${axis} ${mode} ${narrowRange}`
    );
  assert.deepEqual(table({}), ["table null symmetric false"]);
  assert.deepEqual(groups(place(parts)), ["r y"]);
  assert.deepEqual(table({ preset: "mixed" }), ["r null asymmetric false", "table 0 symmetric true"]);
});

Deno.test("placeQuantizers() makes quantizers as preset and constraints say, and names the node that cannot", () => {
  const parts: GraphParts = {
    inputs: image,
    nodes: [depthwise("x", "d"), conv("d", "c"), node("Exp", ["c"], "y")],
    constants: { ...filters("d"), ...weights("c") },
    outputs: ["y"],
  };
  assert.deepEqual(forms(place(parts, [], { preset: "mixed" })), { x: "asymmetric 1", d: "asymmetric null" });
  assert.deepEqual(forms(place(parts, [], { transformer: true })), { x: "asymmetric 1", d: "asymmetric null" });
  assert.deepEqual(forms(place(parts, [], { activations: { perChannel: false, mode: "asymmetric" } })), {
    x: "asymmetric null",
    d: "asymmetric null",
  });
  assert.equal(place(parts, [], { activations: { signednessToForce: true } }).placements[0]!.signed, true);
  const refused: [Partial<PlacementSettings>, string][] = [
    [{ activations: { perChannel: true } }, 'the activations of node "c" (Conv) with mode symmetric, perChannel true'],
    [
      { activations: { narrowRange: true } },
      'the activations of node "d" (Conv) with mode symmetric, narrowRange true',
    ],
    [{ weights: { narrowRange: false } }, 'the weights of node "d" (Conv) with mode symmetric, narrowRange false'],
    [
      { weights: { signednessToForce: false } },
      'the weights of node "d" (Conv) with mode symmetric, signednessToForce false',
    ],
  ];
  for (const [settings, what] of refused) {
    assert.throws(() => place(parts, [], settings), { name: "RangeError", message: `Cannot quantize ${what}` });
  }
});

Deno.test("placeQuantizers() groups operations as NNCF does in its own tests", () => {
  const simple = place({
    inputs: image,
    nodes: [
      conv("in0", "conv127"),
      node("Add", ["conv127", "const126"], "add125"),
      node("Relu", ["add125"], "relu124"),
      pool("relu124", "maxpool118"),
      conv("maxpool118", "conv161"),
      node("Add", ["conv161", "const126"], "add159"),
      node("Relu", ["add159"], "relu158"),
      conv("relu158", "conv146"),
      node("Add", ["conv146", "const126"], "add144"),
      node("Add", ["add144", "maxpool118"], "add117"),
      node("Relu", ["add117"], "relu116"),
    ].map((own) => ({ ...own, inputs: own.inputs.map((name) => name === "in0" ? "x" : name) })),
    constants: { ...weights("conv127", "conv161", "conv146"), const126: f32(1) },
    outputs: ["relu116"],
  });
  assert.deepEqual(groups(simple), ["conv127", "conv161 add117", "conv146"]);
  const shapes = place({
    inputs: { ...image, z: image.x },
    nodes: [
      node("Pow", ["x", "two"], "power87"),
      node("Mul", ["power87", "z"], "multiply99"),
      node("Shape", ["multiply99"], "shape"),
      node("Resize", ["multiply99", "", "", "shape"], "interpolate115", nearest),
    ],
    constants: { two: f32(2) },
    outputs: ["interpolate115"],
  });
  assert.deepEqual(groups(shapes), ["power87", "multiply99", "interpolate115"]);
  const shared = place({
    inputs: image,
    nodes: [conv("x", "conv41"), conv("conv41", "conv46"), node("Add", ["conv41", "conv46"], "add65")],
    constants: weights("conv41", "conv46"),
    outputs: ["add65"],
  });
  assert.deepEqual(groups(shared), ["conv41", "conv46 add65"]);
});
