import assert from "node:assert/strict";
import type { Node } from "../../src/graph/graph.ts";
import { QUANTIZED_OPSETS, upgrade } from "../../src/quant/upgrade.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { i64, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";

const x = random([2, 3, 4], 1);

/** Raises `y = node(x)` and checks that it computes the same; returns the new nodes. */
function raise(opset: number, made: Node, constants: Record<string, Tensor> = {}, input = x): readonly Node[] {
  const graph = graphOf({ inputs: { x: input.shape }, nodes: [made], constants, outputs: [made.outputs[0]!], opset });
  const raised = upgrade(graph, specialize(graph, { x: input }).types);
  assert.equal(raised.opset, QUANTIZED_OPSETS.perChannel);
  assertSame(interpret(raised, { x: input }), interpret(graph, { x: input }), { atol: 1e-6 });
  return raised.nodes;
}

Deno.test("upgrade() returns a graph that is there already", () => {
  for (const opset of [13, 21]) {
    const graph = graphOf({ inputs: { x: [2] }, nodes: [node("Relu", ["x"], "y")], outputs: ["y"], opset });
    assert.equal(upgrade(graph, new Map()), graph);
  }
});

Deno.test("upgrade() turns attributes into inputs", () => {
  const cases: [number, Node, string[]][] = [
    [9, node("Slice", ["x"], "y", { starts: [0, 1], ends: [2, 3] }), ["x", "y_starts", "y_ends"]],
    [9, node("Slice", ["x"], "y", { starts: [1], ends: [3], axes: [2] }), ["x", "y_starts", "y_ends", "y_axes"]],
    [10, node("Clip", ["x"], "y", { min: -0.5, max: 0.25 }), ["x", "y_min", "y_max"]],
    [6, node("Clip", ["x"], "y", { max: 0.25 }), ["x", "", "y_max"]],
    [6, node("Clip", ["x"], "y"), ["x"]],
    [10, node("Pad", ["x"], "y", { pads: [0, 1, 0, 0, 0, 2], value: 3 }), ["x", "y_pads", "y_value"]],
    [12, node("Unsqueeze", ["x"], "y", { axes: [0, 2] }), ["x", "y_axes"]],
    [12, node("ReduceSum", ["x"], "y", { axes: [1], keepdims: 0 }), ["x", "y_axes"]],
    [12, node("ReduceSum", ["x"], "y"), ["x"]],
    [12, node("Split", ["x"], ["y", "z"], { axis: 1, split: [1, 2] }), ["x", "y_split"]],
    [12, node("Split", ["x"], ["y", "z"], { axis: 2 }), ["x"]],
  ];
  for (const [opset, made, inputs] of cases) {
    const [raised] = raise(opset, made);
    assert.deepEqual(raised!.inputs, inputs, made.op);
    assert.equal(raised!.name, made.name);
  }
  assert.deepEqual(raise(12, node("Squeeze", ["x"], "y", { axes: [1] }), {}, random([2, 1, 3]))[0]!.inputs, [
    "x",
    "y_axes",
  ]);
});

Deno.test("upgrade() leaves nodes alone that had their inputs before", () => {
  const slice = node("Slice", ["x", "starts", "ends"], "y");
  assert.deepEqual(raise(10, slice, { starts: i64([0]), ends: i64([1]) }), [slice]);
  const clip = node("Clip", ["x", "low"], "y");
  assert.deepEqual(raise(11, clip, { low: f32(0) }), [clip]);
});

Deno.test("upgrade() keeps what Softmax means: all axes from its own on", () => {
  for (const axis of [0, 1, 2, -1, -2, undefined]) {
    raise(11, node("Softmax", ["x"], "y", axis === undefined ? {} : { axis }));
  }
  const last = raise(11, node("Softmax", ["x"], "y", { axis: 2 }));
  assert.deepEqual(last, [node("Softmax", ["x"], "y", { axis: -1 })]);
  assert.deepEqual(raise(11, node("Softmax", ["x"], "y")).map(({ op }) => op), [
    "Shape",
    "Flatten",
    "Softmax",
    "Reshape",
  ]);
});

Deno.test("upgrade() names a node that it cannot carry over", () => {
  const refused: [string, number][] = [["Upsample", 9], ["Resize", 10], ["TopK", 10], ["LogSoftmax", 12], [
    "Hardmax",
    12,
  ]];
  for (const [op, opset] of refused) {
    const graph = graphOf({ inputs: { x: [2] }, nodes: [node(op, ["x"], "y")], outputs: ["y"], opset });
    assert.throws(() => upgrade(graph, new Map()), {
      name: "RangeError",
      message: `Cannot raise node "y" (${op}) from opset ${opset} to 13`,
    });
  }
});

Deno.test("upgrade() carries Resize over from the version that it has had since", () => {
  const resize = node("Resize", ["x", "", "scales"], "y", {
    mode: "nearest",
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  });
  const input = tensor("f32", [1, 1, 2, 2], [1, 2, 3, 4]);
  assert.deepEqual(raise(11, resize, { scales: f32([1, 1, 2, 2]) }, input), [resize]);
});

Deno.test("upgrade() goes as far as it is asked to", () => {
  const made = [node("Pad", ["x"], "p", { pads: [0, 0, 0, 0, 0, 1] }), node("Softmax", ["p"], "s", { axis: 1 })];
  const nodes = [...made, node("Slice", ["s"], "y", { starts: [1], ends: [3], axes: [2] })];
  const graph = graphOf({ inputs: { x: x.shape }, nodes, outputs: ["y"], opset: 9 });
  const { types } = specialize(graph, { x });
  const ops = (opset: number) => upgrade(graph, types, opset).nodes.map(({ op, inputs }) => `${op} ${inputs.length}`);
  assert.deepEqual(ops(10), ["Pad 1", "Softmax 1", "Slice 4"]);
  assert.deepEqual(ops(11), ["Pad 2", "Softmax 1", "Slice 4"]);
  assert.deepEqual(ops(13), ["Pad 2", "Shape 1", "Flatten 1", "Softmax 1", "Reshape 2", "Slice 4"]);
  for (const opset of [10, 11, 13]) {
    const raised = upgrade(graph, types, opset);
    assert.equal(raised.opset, opset);
    assertSame(interpret(raised, { x }), interpret(graph, { x }), { atol: 1e-6 });
  }
});

Deno.test("upgrade() keeps what Softmax means where the rank of its input is not known", () => {
  for (const axis of [-1, 0, 1, 2]) {
    const graph = graphOf({
      inputs: { x: x.shape },
      nodes: [node("Softmax", ["x"], "y", { axis })],
      outputs: ["y"],
      opset: 11,
    });
    assertSame(interpret(upgrade(graph, new Map()), { x }), interpret(graph, { x }), { atol: 1e-6 });
  }
});

Deno.test("upgrade() refuses what changes on the way, and nothing else", () => {
  const graph = graphOf({ inputs: { x: x.shape }, nodes: [node("LogSoftmax", ["x"], "y")], outputs: ["y"], opset: 9 });
  assert.equal(upgrade(graph, new Map(), 10).opset, 10);
  assert.throws(() => upgrade(graph, new Map(), 13), {
    message: 'Cannot raise node "y" (LogSoftmax) from opset 9 to 13',
  });
});
