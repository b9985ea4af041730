import assert from "node:assert/strict";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { keepIntegers } from "../../src/runtime/integers.ts";
import { i64, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node, run } from "../graphs.ts";
import { random } from "../ops/harness.ts";

const ops = ({ nodes }: Graph): string[] => nodes.map(({ op }) => op);
const x = random([1, 4, 4, 4], 1);
const inputs = { x: [1, 4, 4, 4] };

const constants = {
  s: f32(1 / 128),
  z: tensor("u8", [], [100]),
  half: f32(1 / 64),
  zero: tensor("u8", [], [0]),
};

/** QuantizeLinear and DequantizeLinear in a row. */
function pair(value: string, output: string, scale = "s", zero = "z"): Node[] {
  return [
    node("QuantizeLinear", [value, scale, zero], `${output}_q`),
    node("DequantizeLinear", [`${output}_q`, scale, zero], output),
  ];
}

function build(nodes: Node[], more: Record<string, Tensor> = {}, outputs = [nodes.at(-1)!.outputs[0]!]): Graph {
  return graphOf({ inputs, nodes, constants: { ...constants, ...more }, outputs });
}

Deno.test("keepIntegers() returns a graph without quantizers as it is", () => {
  const graph = build([node("Relu", ["x"], "y")]);
  assert.equal(keepIntegers(graph), graph);
});

Deno.test("keepIntegers() makes unsigned activations and weights signed", () => {
  const graph = build([
    ...pair("x", "a"),
    node("DequantizeLinear", ["w", "ws", "wz"], "b", { axis: 0 }),
    node("Conv", ["a", "b"], "y"),
  ], {
    w: tensor("u8", [2, 4, 1, 1], [0, 1, 127, 128, 129, 255, 7, 9]),
    ws: f32([1, 2]),
    wz: tensor("u8", [2], [128, 3]),
  });
  const kept = keepIntegers(graph);
  assert.deepEqual([...kept.constants.values()].filter(({ dtype }) => dtype === "u8"), []);
  assertSame(interpret(kept, { x }), interpret(graph, { x }));
});

Deno.test("keepIntegers() does not change results where zero points are left out", async () => {
  const graphs = {
    "of both": build([
      node("QuantizeLinear", ["x", "s"], "q"),
      node("DequantizeLinear", ["q", "s"], "d"),
      node("Exp", ["d"], "y"),
    ]),
    "of the second": build([
      node("QuantizeLinear", ["x", "s", "zero"], "q"),
      node("DequantizeLinear", ["q", "s"], "d"),
      node("Exp", ["d"], "y"),
    ]),
    "of the first": build([
      node("QuantizeLinear", ["x", "s"], "q"),
      node("DequantizeLinear", ["q", "s", "zero"], "d"),
      node("Exp", ["d"], "y"),
    ]),
    "behind a move": build([
      node("QuantizeLinear", ["x", "s"], "q"),
      node("Transpose", ["q"], "t"),
      node("DequantizeLinear", ["t", "s"], "d"),
      node("Exp", ["d"], "y"),
    ]),
    "of a constant": build([node("DequantizeLinear", ["w", "s"], "d"), node("Add", ["x", "d"], "y")], {
      w: tensor("u8", [4], [1, 2, 3, 255]),
    }),
    "of each channel": build([
      node("QuantizeLinear", ["x", "many"], "q"),
      node("DequantizeLinear", ["q", "many"], "d"),
      node("Exp", ["d"], "y"),
    ], { many: f32([0.1, 0.2, 0.01, 0.002]) }),
  };
  for (const [title, graph] of Object.entries(graphs)) {
    const expected = interpret(graph, { x });
    try {
      assertSame(interpret(keepIntegers(graph), { x }), expected);
      assertSame(await run(graph, { x }), expected);
    } catch (cause) {
      throw new Error(title, { cause });
    }
  }
});

Deno.test("keepIntegers() keeps the type of quantized inputs and outputs", async () => {
  const output = build(pair("x", "y"), {}, ["y_q"]);
  assertSame(await run(output, { x }), interpret(output, { x }));
  const input = graphOf({
    inputs: { q: { dtype: "u8", shape: [3] } },
    nodes: [node("DequantizeLinear", ["q", "s", "z"], "d"), node("Exp", ["d"], "y")],
    constants,
    outputs: ["y"],
  });
  const given = { q: tensor("u8", [3], [0, 100, 255]) };
  assertSame(await run(input, given), interpret(input, given));
});

const moves: Record<string, [(input: string, output: string) => Node, Record<string, Tensor>]> = {
  Reshape: [(a, b) => node("Reshape", [a, "shape"], b), { shape: i64([4, -1]) }],
  Flatten: [(a, b) => node("Flatten", [a], b), {}],
  Transpose: [(a, b) => node("Transpose", [a], b, { perm: [0, 2, 3, 1] }), {}],
  Slice: [(a, b) => node("Slice", [a, "starts", "ends"], b), { starts: i64([0, 1]), ends: i64([1, 3]) }],
  MaxPool: [(a, b) => node("MaxPool", [a], b, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }), {}],
  Gather: [(a, b) => node("Gather", [a, "indices"], b, { axis: 1 }), { indices: i64([2, 0]) }],
  Pad: [(a, b) => node("Pad", [a, "pads", "value"], b), { pads: i64([0, 0, 1, 0, 0, 0, 0, 2]), value: f32(0) }],
  "Pad without a value": [(a, b) => node("Pad", [a, "pads"], b), { pads: i64([0, 0, 1, 0, 0, 0, 0, 2]) }],
  Resize: [
    (a, b) =>
      node("Resize", [a, "", "scales"], b, {
        mode: "nearest",
        coordinate_transformation_mode: "asymmetric",
        nearest_mode: "floor",
      }),
    { scales: f32([1, 1, 2, 2]) },
  ],
};

Deno.test("keepIntegers() moves data in integers, with the same results", () => {
  for (const [title, [move, more]] of Object.entries(moves)) {
    const graph = build([...pair("x", "a"), move("a", "m"), ...pair("m", "b"), node("Exp", ["b"], "y")], more);
    const kept = keepIntegers(graph);
    assert.deepEqual(ops(kept), ["QuantizeLinear", move("", "").op, "DequantizeLinear", "Exp"], title);
    assertSame(interpret(kept, { x }), interpret(graph, { x }));
  }
});

Deno.test("keepIntegers() moves data in integers up to an output", () => {
  const graph = build([...pair("x", "a"), node("Flatten", ["a"], "y")]);
  const kept = keepIntegers(graph);
  assert.deepEqual(ops(kept), ["QuantizeLinear", "Flatten", "DequantizeLinear"]);
  assertSame(interpret(kept, { x }), interpret(graph, { x }));
});

Deno.test("keepIntegers() splits, and joins what has one scale", () => {
  const split = node("Split", ["a"], ["l", "r"], { axis: 1 });
  const graph = build([
    ...pair("x", "a"),
    split,
    ...pair("l", "b"),
    ...pair("r", "c", "s", "zero"),
    node("Concat", ["b", "c"], "j", { axis: 1 }),
    ...pair("j", "d"),
    node("Exp", ["d"], "y"),
  ]);
  const kept = keepIntegers(graph);
  assert.equal(ops(kept).filter((op) => op === "QuantizeLinear").length, 3, "r has another zero point");
  assertSame(interpret(kept, { x }), interpret(graph, { x }));
  const alike = build([
    ...pair("x", "a"),
    split,
    ...pair("l", "b"),
    ...pair("r", "c"),
    node("Concat", ["b", "c"], "j", { axis: 1 }),
    ...pair("j", "d"),
    node("Exp", ["d"], "y"),
  ]);
  assert.deepEqual(ops(keepIntegers(alike)), ["QuantizeLinear", "Split", "Concat", "DequantizeLinear", "Exp"]);
  assertSame(interpret(keepIntegers(alike), { x }), interpret(alike, { x }));
});

Deno.test("keepIntegers() requantizes where the scale or the zero point changes", () => {
  for (const [scale, zero] of [["half", "z"], ["s", "zero"]] as const) {
    const graph = build([...pair("x", "a"), ...pair("a", "b", scale, zero), node("Exp", ["b"], "y")]);
    const kept = keepIntegers(graph);
    assert.equal(ops(kept).filter((op) => op === "QuantizeLinear").length, 2);
    assertSame(interpret(kept, { x }), interpret(graph, { x }));
  }
});

Deno.test("keepIntegers() drops a quantizer that repeats another under other names", () => {
  const graph = build(
    [...pair("x", "a"), ...pair("a", "b", "s2", "z2"), node("Exp", ["b"], "y")],
    { s2: f32(1 / 128), z2: tensor("u8", [], [100]) },
  );
  assert.deepEqual(ops(keepIntegers(graph)), ["QuantizeLinear", "DequantizeLinear", "Exp"]);
  assertSame(interpret(keepIntegers(graph), { x }), interpret(graph, { x }));
});

Deno.test("keepIntegers() keeps a repeated quantizer whose result is an output", () => {
  const graph = build([...pair("x", "a"), ...pair("a", "b"), node("Exp", ["b"], "y")], {}, ["y", "b_q"]);
  const kept = interpret(keepIntegers(graph), { x });
  assert.deepEqual(Object.keys(kept).filter((name) => kept[name] === undefined), []);
  assertSame({ y: kept.y! }, { y: interpret(graph, { x }).y! });
});

Deno.test("keepIntegers() computes in float what does more than move", () => {
  const cases: Record<string, [Node, Record<string, Tensor>]> = {
    "Pad with a number": [node("Pad", ["a", "pads", "value"], "m"), {
      pads: i64([0, 0, 1, 0, 0, 0, 0, 2]),
      value: f32(0.5),
    }],
    Relu: [node("Relu", ["a"], "m"), {}],
  };
  for (const [title, [move, more]] of Object.entries(cases)) {
    const graph = build([...pair("x", "a"), move, node("Exp", ["m"], "y")], more);
    assert.deepEqual(ops(keepIntegers(graph)), ops(graph), title);
    assertSame(interpret(keepIntegers(graph), { x }), interpret(graph, { x }));
  }
});

Deno.test("keepIntegers() does not move quantizers along an axis", () => {
  const graph = build([
    ...pair("x", "a", "many", "zeros"),
    node("Transpose", ["a"], "m"),
    node("Exp", ["m"], "y"),
  ], { many: f32([0.1, 0.2, 0.01, 0.002]), zeros: tensor("u8", [4], [0, 1, 2, 3]) });
  assert.deepEqual(ops(keepIntegers(graph)), ops(graph));
  assertSame(interpret(keepIntegers(graph), { x }), interpret(graph, { x }));
});
