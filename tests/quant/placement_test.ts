import assert from "node:assert/strict";
import type { Node } from "../../src/graph/graph.ts";
import type { Placements } from "../../src/quant/placement.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { f32, type GraphParts, node } from "../graphs.ts";
import {
  activations,
  conv,
  forms,
  groups,
  image,
  kernel,
  matrix,
  nearest,
  place,
  pool,
  w,
  weights,
} from "./placements.ts";

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
