import assert from "node:assert/strict";
import type { Node } from "../../src/graph/graph.ts";
import { planOf } from "../../src/runtime/model.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node, run } from "../graphs.ts";
import { random, random8 } from "../ops/harness.ts";
import { check, pair, quantizers } from "./steps.ts";

const x = random([1, 4, 3, 3], 1);
const image = { x: [1, 4, 3, 3] };
const weights = { w: random([2, 4, 1, 1], 2), b: random([2], 3) };
const quantized = {
  ...quantizers,
  wq: random8([2, 4, 1, 1], 4),
  ws: f32([1 / 256, 1 / 128]),
  wz: tensor("i8", [2], [0, 0]),
  bq: tensor("i32", [2], [1000, -3000]),
  bs: f32([1 / 32768, 1 / 16384]),
  bz: tensor("i32", [2], [0, 0]),
};
const quantizedConv = [
  ...pair("x", "xd", "xs", "xz"),
  node("DequantizeLinear", ["wq", "ws", "wz"], "wd", { axis: 0 }),
  node("DequantizeLinear", ["bq", "bs", "bz"], "bd", { axis: 0 }),
  node("Conv", ["xd", "wd", "bd"], "c"),
];

Deno.test("plan() makes one step of a convolution and its Relu or Clip", async () => {
  const nodes = [node("Conv", ["x", "w", "b"], "c"), node("Relu", ["c"], "r"), node("Clip", ["r", "", "high"], "y")];
  await check({ inputs: image, nodes, constants: { ...weights, high: f32(0.25) }, outputs: ["y"] }, { x }, [
    "c float: x,w,b -> y",
  ]);
  const clips = [
    node("Conv", ["x", "w", "b"], "c"),
    node("Clip", ["c", "a", "b1"], "d"),
    node("Clip", ["d", "c1", "d1"], "y"),
  ];
  const bounds = { a: f32(-0.1), b1: f32(0.1), c1: f32(0.2), d1: f32(0.3) };
  await check({ inputs: image, nodes: clips, constants: { ...weights, ...bounds }, outputs: ["y"] }, { x }, [
    "c float: x,w,b -> y",
  ]);
});

Deno.test("plan() makes one integer step of a quantized convolution, Relu and quantizer", async () => {
  const nodes = [
    ...quantizedConv,
    node("Relu", ["c"], "r"),
    ...pair("r", "rd", "ys", "yz"),
    node("Softmax", ["rd"], "y"),
  ];
  await check({ inputs: image, nodes, constants: quantized, outputs: ["y"] }, { x }, [
    "xq simulated: x -> xq",
    "c int8: xq,wq,c.bias_i32 -> rd",
    "y simulated: rd -> y",
  ]);
});

Deno.test("plan() ends an integer step in float where no quantizer follows", async () => {
  const nodes = [...quantizedConv, node("Relu", ["c"], "r"), node("Softmax", ["r"], "y")];
  await check({ inputs: image, nodes, constants: quantized, outputs: ["y"] }, { x }, [
    "xq simulated: x -> xq",
    "c int8: xq,wq,c.bias_i32 -> r",
    "y float: r -> y",
  ]);
});

Deno.test("plan() quantizes a float bias, and simulates where it does not fit 32 bits", async () => {
  const nodes = [
    ...quantizedConv.filter(({ name }) => name !== "bd" && name !== "c"),
    node("Conv", ["xd", "wd", "b"], "c"),
    node("Relu", ["c"], "y"),
  ];
  const exact = f32([10 / 32768, -7 / 16384]);
  await check({ inputs: image, nodes, constants: { ...quantized, b: exact }, outputs: ["y"] }, { x }, [
    "xq simulated: x -> xq",
    "c int8: xq,wq,c.bias_i32 -> y",
  ]);
  await check({ inputs: image, nodes, constants: { ...quantized, b: f32([2 ** 20, 0]) }, outputs: ["y"] }, { x }, [
    "xq simulated: x -> xq",
    "xd simulated: xq -> xd",
    "c simulated: xd,wd_constant,b -> y",
  ]);
});

Deno.test("plan() simulates a convolution whose weights have zero points or another axis", async () => {
  for (const more of [{ wz: tensor("i8", [2], [3, 3]) }, { wz: tensor("i8", [2], [0, 3]) }]) {
    await check(
      { inputs: image, nodes: quantizedConv, constants: { ...quantized, ...more }, outputs: ["c"] },
      { x },
      ["xq simulated: x -> xq", "xd simulated: xq -> xd", "c simulated: xd,wd_constant,bd_constant -> c"],
    );
  }
});

Deno.test("plan() makes one step of MatMul and the bias behind it", async () => {
  const a = random([2, 3, 4], 1);
  const constants = {
    w: random([4, 5], 2),
    bias: random([5], 3),
    wide: random([1, 1, 5], 3),
    column: random([3, 1], 4),
  };
  const inputs = { x: [2, 3, 4] };
  const sum = (...added: [string, string]): Node[] => [node("MatMul", ["x", "w"], "m"), node("Add", added, "y")];
  for (const added of [["m", "bias"], ["bias", "m"]] as [string, string][]) {
    await check({ inputs, nodes: sum(...added), constants, outputs: ["y"] }, { x: a }, ["m float: x,w,bias -> y"], {
      atol: 1e-6,
    });
  }
  await check({ inputs, nodes: sum("m", "wide"), constants, outputs: ["y"] }, { x: a }, [
    "m float: x,w,wide_vector -> y",
  ], { atol: 1e-6 });
  await check({ inputs, nodes: sum("m", "column"), constants, outputs: ["y"] }, { x: a }, [
    "m float: x,w, -> m",
    "y float: m,column -> y",
  ], { atol: 1e-6 });
});

Deno.test("plan() does not take for a bias what broadcasts the product, or is no bias of its columns", async () => {
  const nodes = [node("MatMul", ["x", "w"], "m"), node("Add", ["m", "k"], "y")];
  await check(
    { inputs: { x: [3, 4] }, nodes, constants: { w: random([4, 5], 2), k: random([1, 1, 5], 3) }, outputs: ["y"] },
    { x: random([3, 4], 1) },
    ["m float: x,w, -> m", "y float: m,k -> y"],
  );
  await check(
    { inputs: { x: [3, 4] }, nodes, constants: { w: random([4], 2), k: random([3], 3) }, outputs: ["y"] },
    { x: random([3, 4], 1) },
    ["m float: x,w, -> m", "y float: m,k -> y"],
  );
});

Deno.test("plan() runs a quantized Gemm with one bias for all columns right", async () => {
  const constants = {
    ...quantized,
    wq: random8([4, 3], 5),
    ws: f32([1 / 256, 1 / 128, 1 / 64]),
    wz: tensor("i8", [3], [0, 0, 0]),
    bq: tensor("i32", [1], [3000]),
    bs: f32([1 / 32768]),
    bz: tensor("i32", [1], [0]),
  };
  const graph = graphOf({
    inputs: { x: [2, 4] },
    nodes: [
      ...pair("x", "xd", "xs", "xz"),
      node("DequantizeLinear", ["wq", "ws", "wz"], "wd", { axis: 1 }),
      node("DequantizeLinear", ["bq", "bs", "bz"], "bd", { axis: 0 }),
      node("Gemm", ["xd", "wd", "bd"], "y"),
    ],
    constants,
    outputs: ["y"],
  });
  const inputs = { x: random([2, 4], 6) };
  assertSame(await run(graph, inputs), interpret(graph, inputs), { atol: 1e-5 });
});

Deno.test("plan() tells apart integer weights that two convolutions share at different scales", async () => {
  const graph = graphOf({
    inputs: { ...image, k: [1, 4, 3, 3] },
    nodes: [
      node("DequantizeLinear", ["wq", "ws", "wz"], "v", { axis: 0 }),
      node("DequantizeLinear", ["wq", "others", "wz"], "w", { axis: 0 }),
      node("Conv", ["x", "v"], "a"),
      node("Conv", ["k", "w"], "b"),
      node("Sub", ["a", "b"], "y"),
    ],
    constants: { ...quantized, others: f32([1 / 2, 1 / 4]) },
    outputs: ["y"],
  });
  const inputs = { x, k: random([1, 4, 3, 3], 7) };
  assertSame(await run(graph, inputs), interpret(graph, inputs), { atol: 1e-4 });
});

Deno.test("plan() multiplies two quantized activations in integers", async () => {
  const nodes = [
    ...pair("l", "ld", "xs", "xz"),
    ...pair("r", "rd", "ys", "yz"),
    node("MatMul", ["ld", "rd"], "m"),
    ...pair("m", "y", "ys", "yz"),
  ];
  await check(
    { inputs: { l: [2, 3], r: [3, 4] }, nodes, constants: quantized, outputs: ["y"] },
    { l: random([2, 3], 1), r: random([3, 4], 2) },
    ["lq simulated: l -> lq", "rq simulated: r -> rq", "m int8: lq,rq, -> yq", "y simulated: yq -> y"],
  );
});

Deno.test("plan() names a linear node whose attributes are not supported", () => {
  const graph = graphOf({
    inputs: image,
    nodes: [node("Conv", ["x", "w"], "y", { auto_pad: "SIDEWAYS" })],
    constants: weights,
    outputs: ["y"],
  });
  assert.throws(() => planOf(graph, { x }), { name: "NodeError", message: /^Cannot run node "y" \(Conv\): / });
});
