import assert from "node:assert/strict";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { planOf } from "../../src/runtime/model.ts";
import type { ExecutionPlan } from "../../src/runtime/plan.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, type GraphParts, interpret, node, run } from "../graphs.ts";
import { random, random8 } from "../ops/harness.ts";

/** The steps as `node precision: inputs -> outputs`. */
function lines({ steps }: ExecutionPlan): string[] {
  return steps.map(({ node, precision, inputs, outputs }) => `${node} ${precision}: ${inputs} -> ${outputs}`);
}

/** Checks the steps of a graph, and that they compute what its nodes say. */
async function check(
  parts: GraphParts,
  inputs: Record<string, Tensor>,
  steps: readonly string[],
  tolerance: { atol?: number; rtol?: number } = {},
): Promise<void> {
  const graph: Graph = graphOf(parts);
  assert.deepEqual(lines(planOf(graph, inputs)), steps);
  assertSame(await run(graph, inputs), interpret(graph, inputs), tolerance);
}

const x = random([1, 4, 3, 3], 1);
const image = { x: [1, 4, 3, 3] };
const weights = { w: random([2, 4, 1, 1], 2), b: random([2], 3) };
/** Scales are powers of two, so that the float and the integer way round alike. */
const quantized = {
  xs: f32(1 / 128),
  xz: tensor("u8", [], [130]),
  wq: random8([2, 4, 1, 1], 4),
  ws: f32([1 / 256, 1 / 128]),
  wz: tensor("i8", [2], [0, 0]),
  bq: tensor("i32", [2], [1000, -3000]),
  bs: f32([1 / 32768, 1 / 16384]),
  bz: tensor("i32", [2], [0, 0]),
  ys: f32(1 / 64),
  yz: tensor("u8", [], [10]),
};
const pair = (value: string, output: string, s: string, z: string): Node[] => [
  node("QuantizeLinear", [value, s, z], `${output}q`),
  node("DequantizeLinear", [`${output}q`, s, z], output),
];
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
  const nodes = [...quantizedConv, node("Relu", ["c"], "r"), ...pair("r", "rd", "ys", "yz"), node("Exp", ["rd"], "y")];
  await check({ inputs: image, nodes, constants: quantized, outputs: ["y"] }, { x }, [
    "xq simulated: x -> xq",
    "c int8: xq,wq,c.bias_i32 -> rq",
    "y simulated: rq -> y",
  ]);
});

Deno.test("plan() ends an integer step in float where no quantizer follows", async () => {
  const nodes = [...quantizedConv, node("Relu", ["c"], "r"), node("Exp", ["r"], "y")];
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

Deno.test("plan() multiplies two quantized activations in integers", async () => {
  const nodes = [
    ...pair("a", "ad", "xs", "xz"),
    ...pair("b", "bd", "ys", "yz"),
    node("MatMul", ["ad", "bd"], "m"),
    ...pair("m", "y", "ys", "yz"),
  ];
  await check(
    { inputs: { a: [2, 3], b: [3, 4] }, nodes, constants: quantized, outputs: ["y"] },
    { a: random([2, 3], 1), b: random([3, 4], 2) },
    ["aq simulated: a -> adq", "bq simulated: b -> bdq", "m int8: adq,bdq, -> yq", "y simulated: yq -> y"]
      .map((line) => line.replace("aq s", "adq s").replace("bq s", "bdq s")),
  );
});

Deno.test("plan() makes one step of a chain of pointwise operators", async () => {
  const nodes = [
    node("Add", ["x", "three"], "a"),
    node("Clip", ["a", "zero", "six"], "b"),
    node("Mul", ["x", "b"], "c"),
    node("Div", ["c", "six"], "y"),
  ];
  const constants = { three: f32(3), zero: f32(0), six: f32(6) };
  await check({ inputs: image, nodes, constants, outputs: ["y"] }, { x }, ["y float: x -> y"], {
    rtol: 1e-6,
    atol: 1e-6,
  });
});

Deno.test("plan() makes the quantizer part of the chain before it", async () => {
  const nodes = [
    ...pair("x", "xd", "xs", "xz"),
    node("Sigmoid", ["xd"], "s"),
    node("Mul", ["xd", "s"], "m"),
    ...pair("m", "md", "ys", "yz"),
    node("MaxPool", ["md"], "y", { kernel_shape: [3, 3] }),
  ];
  await check({ inputs: image, nodes, constants: quantized, outputs: ["y"] }, { x }, [
    "xdq simulated: x -> xdq",
    "mdq simulated: xdq -> mdq",
    "y int8: mdq -> y_integers",
    "y/DequantizeLinear simulated: y_integers -> y",
  ]);
});

Deno.test("plan() keeps a value that several read, or that is an output", async () => {
  const nodes = [
    node("Exp", ["x"], "a"),
    node("Neg", ["a"], "b"),
    node("Abs", ["a"], "c"),
    node("Mul", ["b", "c"], "y"),
  ];
  await check({ inputs: image, nodes, outputs: ["y"] }, { x }, ["a float: x -> a", "y float: a -> y"]);
  const chain = [node("Exp", ["x"], "a"), node("Neg", ["a"], "y")];
  await check({ inputs: image, nodes: chain, outputs: ["y", "a"] }, { x }, ["a float: x -> a", "y float: a -> y"]);
  const conv = [node("Conv", ["x", "w"], "c"), node("Relu", ["c"], "y")];
  await check({ inputs: image, nodes: conv, constants: weights, outputs: ["y", "c"] }, { x }, [
    "c float: x,w, -> c",
    "y float: c -> y",
  ]);
});

Deno.test("plan() cuts chains that one kernel cannot hold", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
  const nodes = names.map((name, i) => node(i % 2 ? "Neg" : "Abs", [i === 0 ? "x" : names[i - 1]!], name));
  const graph = graphOf({ inputs: image, nodes, outputs: ["n39"] });
  const steps = planOf(graph, { x }).steps.length;
  assert(steps > 1 && steps <= 4, `${steps} steps`);
  assertSame(await run(graph, { x }), interpret(graph, { x }));
  const values = Array.from({ length: 12 }, (_, i) => `x${i}`);
  const sums = values.slice(1).map((value, i) => node("Add", [i === 0 ? "x0" : `s${i - 1}`, value], `s${i}`));
  const inputs = Object.fromEntries(values.map((value, i) => [value, random([5], i)]));
  const wide = graphOf({
    inputs: Object.fromEntries(values.map((value) => [value, [5]])),
    nodes: sums,
    outputs: ["s10"],
  });
  assertSame(await run(wide, inputs), interpret(wide, inputs), { atol: 1e-6 });
});

Deno.test("plan() does not compute a value again where its reader is larger", async () => {
  const nodes = [node("Exp", ["k"], "e"), node("Add", ["x", "e"], "y")];
  await check({ inputs: { ...image, k: [3] }, nodes, outputs: ["y"] }, { x, k: random([3], 2) }, [
    "e float: k -> e",
    "y float: x,e -> y",
  ]);
});

Deno.test("plan() makes one step of BatchNormalization, and of quantization along an axis", async () => {
  const constants = {
    gamma: random([4], 1, -2, 2),
    beta: random([4], 2),
    mean: random([4], 3),
    variance: random([4], 4, 0.5, 2),
    scales: f32([0.5, 0.25, 0.125, 1 / 16]),
    zeros: tensor("i8", [4], [0, 1, -2, 3]),
  };
  const normalize = node("BatchNormalization", ["x", "gamma", "beta", "mean", "variance"], "n");
  await check({ inputs: image, nodes: [normalize, node("Relu", ["n"], "y")], constants, outputs: ["y"] }, { x }, [
    "y float: x,n_scale,n_shift -> y",
  ], { atol: 1e-6 });
  await check({ inputs: image, nodes: pair("x", "y", "scales", "zeros"), constants, outputs: ["y"] }, { x }, [
    "yq simulated: x,yq_zero,yq_factor -> yq",
    "y simulated: yq,y_zero,y_factor -> y",
  ]);
});

Deno.test("plan() leaves out what no output needs", () => {
  const nodes = [node("Split", ["x"], ["a", "b"], { axis: 1 }), node("Exp", ["a"], "y"), node("Exp", ["b"], "z")];
  const graph = graphOf({ inputs: image, nodes, outputs: ["y"] });
  assert.deepEqual(lines(planOf(graph, { x })), ["a float: x -> a,b", "y float: a -> y"]);
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
