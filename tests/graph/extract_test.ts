import assert from "node:assert/strict";
import { extractQuantizers } from "../../src/graph/extract.ts";
import { dequantizeTensor } from "../../src/graph/quantizers.ts";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node } from "../graphs.ts";

const u8 = (zero: number) => tensor("u8", [], [zero]);

/** `y = Sigmoid(Relu(Conv(x)))` as a file has it: x, the weights, the bias and the result of Relu quantized. */
const file = graphOf({
  inputs: { x: [1, 1, 2, 2] },
  nodes: [
    node("QuantizeLinear", ["x", "xs", "xz"], "xq"),
    node("DequantizeLinear", ["xq", "xs", "xz"], "xd"),
    node("DequantizeLinear", ["wq", "ws", "wz"], "wd", { axis: 0 }),
    node("DequantizeLinear", ["bq", "bs"], "bd", { axis: 0 }),
    node("Conv", ["xd", "wd", "bd"], "c"),
    node("Relu", ["c"], "r"),
    node("QuantizeLinear", ["r", "rs", "rz"], "rq"),
    node("DequantizeLinear", ["rq", "rs", "rz"], "rd"),
    node("Sigmoid", ["rd"], "y"),
  ],
  constants: {
    xs: f32(0.25),
    xz: u8(3),
    wq: tensor("i8", [2, 1, 1, 1], [4, -2]),
    ws: f32([0.5, 0.25]),
    wz: tensor("i8", [2], [0, 0]),
    bq: tensor("i32", [2], [8, -8]),
    bs: f32([0.125, 0.0625]),
    rs: f32(0.5),
    rz: u8(0),
  },
  outputs: ["y"],
});

Deno.test("dequantizeTensor() takes the scale and zero point of each index of the axis", () => {
  const parameters = { scale: Float32Array.of(1, 0.5), zeroPoint: Int32Array.of(0, 2) };
  const integers = tensor("i8", [2, 2], [1, 2, 3, 4]);
  assert.deepEqual(dequantizeTensor(integers, { ...parameters, axis: 0 }), tensor("f32", [2, 2], [1, 2, 0.5, 1]));
  assert.deepEqual(dequantizeTensor(integers, { ...parameters, axis: 1 }), tensor("f32", [2, 2], [1, 0, 3, 1]));
});

Deno.test("extractQuantizers() gives the float graph, the quantizers and the groups of a file", () => {
  const { model, plan } = extractQuantizers(file);
  assert.deepEqual(model.graph.nodes.map(({ op, inputs }) => `${op}(${inputs})`), [
    "Conv(x,wd_float,bd_float)",
    "Relu(c)",
    "Sigmoid(r)",
  ]);
  assert.deepEqual(model.graph.constants.get("wd_float"), tensor("f32", [2, 1, 1, 1], [2, -0.5]));
  assert.deepEqual(model.graph.constants.get("bd_float"), f32([1, -0.5]));
  assert.deepEqual(model.quantizers.map(({ id, kind, groups }) => ({ id, kind, groups })), [
    { id: "x", kind: "activation", groups: ["c"] },
    { id: "wd_float", kind: "weight", groups: ["c"] },
    { id: "r", kind: "activation", groups: ["y"] },
  ]);
  assert.deepEqual(model.quantizers[1]!.parameters, {
    dtype: "i8",
    axis: 0,
    scale: Float32Array.of(0.5, 0.25),
    zeroPoint: Int32Array.of(0, 0),
  });
  assert.deepEqual(model.groups, [{ id: "c", nodes: ["c"] }, { id: "y", nodes: ["y"] }]);
  assert.equal(plan.size, 0);
});

Deno.test("applyPlan() of what extractQuantizers() found computes what the file does", () => {
  const { model, plan } = extractQuantizers(file);
  const inputs = { x: tensor("f32", [1, 1, 2, 2], [-1, 0.3, 5, 100]) };
  assertSame(interpret(applyPlan(model, plan), inputs), interpret(file, inputs));
});

Deno.test("extractQuantizers() finds a quantized output", () => {
  const graph = graphOf({
    inputs: { x: [2] },
    nodes: [
      node("Sigmoid", ["x"], "s"),
      node("QuantizeLinear", ["s", "scale", "zero"], "q"),
      node("DequantizeLinear", ["q", "scale", "zero"], "y"),
      node("Exp", ["y"], "z"),
    ],
    constants: { scale: f32(0.1), zero: u8(1) },
    outputs: ["y", "z"],
  });
  const { model, plan } = extractQuantizers(graph);
  assert.deepEqual(model.graph.nodes.map(({ op, inputs, outputs }) => `${op}(${inputs}) -> ${outputs}`), [
    "Sigmoid(x) -> y",
    "Exp(y) -> z",
  ]);
  assert.deepEqual(model.quantizers[0]!.sites, [{ value: "y", readers: [{ node: "z", input: 0 }], output: true }]);
  const inputs = { x: f32([-1, 2]) };
  assertSame(interpret(applyPlan(model, plan), inputs), interpret(graph, inputs));
});

Deno.test("extractQuantizers() keeps an output that is a quantized input, or a second form of another output", () => {
  const constants = { scale: f32(0.1), zero: u8(1) };
  const pair = (value: string) => [
    node("QuantizeLinear", [value, "scale", "zero"], "q"),
    node("DequantizeLinear", ["q", "scale", "zero"], "y"),
  ];
  const graphs = [
    graphOf({ inputs: { x: [2] }, nodes: pair("x"), constants, outputs: ["y"] }),
    graphOf({ inputs: { x: [2] }, nodes: [node("Sigmoid", ["x"], "s"), ...pair("s")], constants, outputs: ["s", "y"] }),
  ];
  for (const graph of graphs) {
    const { model, plan } = extractQuantizers(graph);
    const inputs = { x: f32([-1, 2.22]) };
    assertSame(interpret(applyPlan(model, plan), inputs), interpret(graph, inputs));
  }
});

Deno.test("extractQuantizers() takes every reader of one QuantizeLinear, outputs among them", () => {
  for (const outputs of [["y"], ["y", "a"], ["y", "b"], ["a", "b"]]) {
    const graph = graphOf({
      inputs: { x: [2] },
      nodes: [
        node("Sigmoid", ["x"], "s"),
        node("QuantizeLinear", ["s", "scale", "zero"], "q"),
        node("DequantizeLinear", ["q", "scale", "zero"], "a"),
        node("DequantizeLinear", ["q", "scale", "zero"], "b"),
        node("Exp", ["a"], "c"),
        node("Mul", ["b", "c"], "y"),
      ],
      constants: { scale: f32(0.1), zero: u8(1) },
      outputs,
    });
    const { model, plan } = extractQuantizers(graph);
    const inputs = { x: f32([-1, 2]) };
    assertSame(interpret(applyPlan(model, plan), inputs), interpret(graph, inputs));
  }
});

Deno.test("extractQuantizers() groups the readers of one quantizer, but not linear ones with float weights", () => {
  const constants = { scale: f32(0.1), zero: u8(0), w: tensor("f32", [1, 1, 1, 1], [2]) };
  const graph = graphOf({
    inputs: { x: [1, 1, 1, 1] },
    nodes: [
      node("QuantizeLinear", ["x", "scale", "zero"], "q"),
      node("DequantizeLinear", ["q", "scale", "zero"], "d"),
      node("DequantizeLinear", ["v", "scale", "vz"], "vd"),
      node("Conv", ["d", "vd"], "a"),
      node("Sigmoid", ["d"], "b"),
      node("Conv", ["d", "w"], "c"),
      node("MatMul", ["d", "d"], "e"),
    ],
    constants: { ...constants, v: tensor("i8", [1, 1, 1, 1], [3]), vz: tensor("i8", [], [0]) },
    outputs: ["a", "b", "c", "e"],
  });
  assert.deepEqual(extractQuantizers(graph).model.groups, [{ id: "a", nodes: ["a", "b", "e"] }]);
});

Deno.test("extractQuantizers() keeps nodes whose scale is computed", () => {
  const graph = graphOf({
    inputs: { x: [2], s: [] },
    nodes: [
      node("QuantizeLinear", ["x", "s", "zero"], "q"),
      node("DequantizeLinear", ["q", "s", "zero"], "d"),
      node("Relu", ["d"], "y"),
    ],
    constants: { zero: u8(0) },
    outputs: ["y"],
  });
  const { model } = extractQuantizers(graph);
  assert.deepEqual(model.graph.nodes.map(({ op }) => op), ["QuantizeLinear", "DequantizeLinear", "Relu"]);
  assert.deepEqual(model.quantizers, []);
});

Deno.test("extractQuantizers() reads parameters that are left out, and axes from the end", () => {
  const graph = graphOf({
    inputs: { x: [2, 2] },
    nodes: [
      node("QuantizeLinear", ["x", "s"], "q"),
      node("DequantizeLinear", ["q", "s"], "d"),
      node("DequantizeLinear", ["w", "ws"], "wd", { axis: -1 }),
      node("MatMul", ["d", "wd"], "y"),
    ],
    constants: { s: f32(0.5), w: tensor("i8", [2, 2], [1, 2, 3, 4]), ws: f32([1, 2]) },
    outputs: ["y"],
  });
  const { model, plan } = extractQuantizers(graph);
  assert.deepEqual(model.quantizers.map(({ parameters: { dtype, axis } }) => [dtype, axis]), [["u8", null], ["i8", 1]]);
  const inputs = { x: tensor("f32", [2, 2], [0.3, 1, 200, -2]) };
  assertSame(interpret(applyPlan(model, plan), inputs), interpret(graph, inputs));
});

Deno.test("extractQuantizers() gives every quantizer a group, so that the empty plan is what the file does", () => {
  const constants = {
    scale: f32(0.1),
    zero: u8(4),
    w: tensor("f32", [1, 1, 1, 1], [2]),
    v: tensor("i8", [1, 1, 1, 1], [3]),
    vz: tensor("i8", [], [0]),
  };
  const pair = (value: string, output: string) => [
    node("QuantizeLinear", [value, "scale", "zero"], `${output}q`),
    node("DequantizeLinear", [`${output}q`, "scale", "zero"], output),
  ];
  const weights = node("DequantizeLinear", ["v", "scale", "vz"], "vd");
  const cases = {
    "float weights on an input": { nodes: [...pair("x", "xd"), node("Conv", ["xd", "w"], "y")], groups: [["y"]] },
    "an output behind a Relu": {
      nodes: [
        ...pair("x", "xd"),
        weights,
        node("Conv", ["xd", "vd"], "c"),
        node("Relu", ["c"], "r"),
        ...pair("r", "y"),
      ],
      groups: [["c"]],
    },
    "an output of a node of another kind": { nodes: [node("Sigmoid", ["x"], "s"), ...pair("s", "y")], groups: [["s"]] },
  };
  const inputs = { x: tensor("f32", [1, 1, 1, 2], [-0.33, 0.77]) };
  for (const [title, { nodes, groups }] of Object.entries(cases)) {
    const graph = graphOf({ inputs: { x: [1, 1, 1, 2] }, nodes, constants, outputs: ["y"] });
    const { model, plan } = extractQuantizers(graph);
    assertSame(interpret(applyPlan(model, plan), inputs), interpret(graph, inputs));
    assert.deepEqual(model.groups.map((g) => g.nodes), groups, title);
  }
});
