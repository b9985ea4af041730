import assert from "node:assert/strict";
import { planOf } from "../../src/runtime/model.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node, run } from "../graphs.ts";
import { random } from "../ops/harness.ts";
import { check, lines, pair, quantizers } from "./steps.ts";

const x = random([1, 4, 3, 3], 1);
const image = { x: [1, 4, 3, 3] };

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
  await check({ inputs: image, nodes, constants: quantizers, outputs: ["y"] }, { x }, [
    "xq simulated: x -> xq",
    "mq simulated: xq -> mq",
    "y int8: mq -> y_integers",
    "y/DequantizeLinear simulated: y_integers -> y",
  ]);
});

Deno.test("plan() keeps a value that several read, or that is an output", async () => {
  const nodes = [
    node("Exp", ["x"], "a"),
    node("Neg", ["a"], "b"),
    node("Abs", ["a"], "c"),
    node("Mul", ["b", "c"], "y"),
    node("Softmax", ["a"], "z"),
  ];
  await check({ inputs: image, nodes, outputs: ["y", "z"] }, { x }, [
    "a float: x -> a",
    "y float: a -> y",
    "z float: a -> z",
  ]);
  const chain = [node("Exp", ["x"], "a"), node("Neg", ["a"], "y")];
  await check({ inputs: image, nodes: chain, outputs: ["y", "a"] }, { x }, ["a float: x -> a", "y float: a -> y"]);
  const conv = [node("Conv", ["x", "w"], "c"), node("Relu", ["c"], "y")];
  await check({ inputs: image, nodes: conv, constants: { w: random([2, 4, 1, 1], 2) }, outputs: ["y", "c"] }, { x }, [
    "c float: x,w, -> c",
    "y float: c -> y",
  ]);
});

Deno.test("plan() makes one step of a value and all that reads it, where these come together again", async () => {
  const gelu = [
    node("Neg", ["x"], "v"),
    node("Div", ["v", "root"], "d"),
    node("Erf", ["d"], "e"),
    node("Add", ["e", "one"], "a"),
    node("Mul", ["v", "a"], "m"),
    node("Mul", ["m", "half"], "y"),
  ];
  const constants = { root: f32(Math.SQRT2), one: f32(1), half: f32(0.5) };
  const tolerance = { rtol: 1e-6, atol: 1e-6 };
  await check({ inputs: image, nodes: gelu, constants, outputs: ["y"] }, { x }, ["y float: x -> y"], tolerance);
  await check({ inputs: image, nodes: gelu, constants, outputs: ["y", "v"] }, { x }, [
    "v float: x -> v",
    "y float: v -> y",
  ], tolerance);
  const square = [node("Exp", ["x"], "e"), node("Mul", ["e", "e"], "y")];
  await check({ inputs: image, nodes: square, outputs: ["y"] }, { x }, ["y float: x -> y"], tolerance);
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

Deno.test("planOf() leaves operators of more inputs than a kernel takes to the host", async () => {
  const names = Array.from({ length: 9 }, (_, i) => `x${i}`);
  for (const op of ["Max", "Min", "Sum", "Mean"]) {
    const graph = graphOf({
      inputs: Object.fromEntries(names.map((name) => [name, [2]])),
      nodes: [node(op, names, "y")],
      outputs: ["y"],
    });
    const items = Object.fromEntries(names.map((name, i) => [name, tensor("f32", [2], [i, -i])]));
    const { steps } = planOf(graph, items);
    assert.deepEqual(steps.map(({ precision }) => precision), ["cpu"]);
    const wanted = { Max: [8, 0], Min: [0, -8], Sum: [36, -36], Mean: [4, -4] }[op]!;
    const { y } = await run(graph, items);
    assert.deepEqual([...y!.data].map((v) => v + 0), wanted);
  }
});
