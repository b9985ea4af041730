import type { Node } from "../../src/graph/graph.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { f32, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";
import { check } from "./steps.ts";

const x = random([1, 4, 6, 6], 1, -4, 4);
const inputs = { x: [1, 4, 6, 6] };
const constants = { w: random([4, 4, 3, 3], 2), three: f32([3]), zero: f32([0]), six: f32([6]), half: f32([0.5]) };
const same = { pads: [1, 1, 1, 1] };
const conv = (from: string, to: string): Node => node("Conv", [from, "w"], to, same);

/** The steps of nodes whose results differ from their definition by rounding only. */
async function steps(nodes: readonly Node[], expected: readonly string[], outputs = ["y"]): Promise<void> {
  await check({ inputs, nodes, constants, outputs }, { x }, expected, { atol: 1e-5 });
}

Deno.test("continueLinear() makes h-swish written out part of a convolution", () =>
  steps([
    conv("x", "c"),
    node("Add", ["c", "three"], "a"),
    node("Clip", ["a", "zero", "six"], "b"),
    node("Mul", ["c", "b"], "m"),
    node("Div", ["m", "six"], "y"),
  ], ["c float: x,w, -> y"]));

Deno.test("continueLinear() makes GELU written out part of a product", async () => {
  const nodes = [
    node("MatMul", ["x", "m"], "p"),
    node("Div", ["p", "root"], "d"),
    node("Erf", ["d"], "e"),
    node("Add", ["e", "one"], "a"),
    node("Mul", ["p", "a"], "b"),
    node("Mul", ["b", "half"], "y"),
  ];
  const own = { m: random([6, 5], 3), root: f32([Math.SQRT2]), one: f32([1]), half: f32([0.5]) };
  await check({ inputs, nodes, constants: own, outputs: ["y"] }, { x }, ["p float: x,m, -> y"], { atol: 1e-5 });
});

Deno.test("continueLinear() adds a residual in the later of two convolutions", () =>
  steps([conv("x", "a"), conv("a", "b"), node("Add", ["a", "b"], "s"), node("Relu", ["s"], "y")], [
    "a float: x,w, -> a",
    "b float: a,w,,a -> y",
  ]));

Deno.test("continueLinear() stores what others read, or the graph gives", async () => {
  await steps([conv("x", "c"), node("Exp", ["c"], "e"), node("Softmax", ["c"], "s"), node("Add", ["e", "s"], "y")], [
    "c float: x,w, -> c",
    "s float: c -> s",
    "y float: c,s -> y",
  ]);
  await steps([conv("x", "c"), node("Exp", ["c"], "y")], ["c float: x,w, -> c", "y float: c -> y"], ["y", "c"]);
});

Deno.test("continueLinear() leaves alone what is broadcast, has constants of several elements, or two others", async () => {
  const many = {
    ...constants,
    k: random([1, 4, 1, 1], 5),
    z: tensor("f32", [1, 4, 6, 6], random([1, 4, 6, 6], 6).data),
  };
  const own = (nodes: Node[], expected: string[]): Promise<void> =>
    check(
      { inputs: { ...inputs, v: [1, 4, 1, 1] }, nodes, constants: many, outputs: ["y"] },
      {
        x,
        v: random([1, 4, 1, 1], 7),
      },
      expected,
      { atol: 1e-5 },
    );
  const sigmoid = node("Sigmoid", ["c"], "s");
  await own([conv("x", "c"), sigmoid, node("Mul", ["s", "v"], "y")], ["c float: x,w, -> c", "y float: c,v -> y"]);
  await own([conv("x", "c"), sigmoid, node("Mul", ["s", "z"], "y")], ["c float: x,w, -> c", "y float: c,z -> y"]);
  const two = [
    conv("x", "c"),
    sigmoid,
    node("Mul", ["s", "x"], "m"),
    node("Exp", ["x"], "e"),
    node("Softmax", ["e"], "f"),
  ];
  await own([...two, node("Add", ["m", "f"], "y")], [
    "c float: x,w, -> c",
    "e float: x -> e",
    "f float: e -> f",
    "y float: c,x,f -> y",
  ]);
});
