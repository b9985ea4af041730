import type { Node } from "../../src/graph/graph.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { f32, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";
import { check, pair, quantizers } from "./steps.ts";

const heads = [2, 3, 5, 4];
const inputs = { q: heads, k: heads };
const given = { q: random(heads, 1), k: random(heads, 2) };
const constants = {
  ...quantizers,
  half: f32(0.5),
  three: f32([3]),
  high: tensor("f32", [1, 1, 1, 1, 1], [2]),
  row: random([5], 3),
  w: random([4, 4], 4),
};
const swapped = node("Transpose", ["k"], "t", { perm: [0, 1, 3, 2] });
const scores = [swapped, node("MatMul", ["q", "t"], "m")];
const tolerance = { atol: 1e-6, rtol: 1e-6 };

function expect(nodes: readonly Node[], steps: readonly string[], outputs: readonly string[] = ["y"]): Promise<void> {
  return check({ inputs, nodes, constants, outputs }, given, steps, tolerance);
}

Deno.test("plan() makes factors part of a product of computed matrices", async () => {
  const line = "t float: k -> t";
  await expect([...scores, node("Mul", ["half", "m"], "y")], [line, "m float: q,t, -> y"]);
  await expect([...scores, node("Div", ["m", "three"], "y")], [line, "m float: q,t, -> y"]);
  await expect(
    [...scores, node("Mul", ["m", "half"], "h"), node("Div", ["h", "three"], "r"), node("Relu", ["r"], "y")],
    [
      line,
      "m float: q,t, -> y",
    ],
  );
  await expect([swapped, node("Mul", ["q", "half"], "h"), node("MatMul", ["h", "t"], "y")], [
    line,
    "y float: q,t, -> y",
  ]);
  await expect([
    node("Div", ["q", "three"], "h"),
    swapped,
    node("Mul", ["t", "half"], "u"),
    node("MatMul", ["h", "u"], "m"),
    node("Mul", ["m", "three"], "y"),
  ], [line, "m float: q,t, -> y"]);
});

Deno.test("plan() lets a factor go to one product only", async () => {
  await expect([...scores, node("Mul", ["m", "half"], "h"), node("MatMul", ["h", "k"], "y")], [
    "t float: k -> t",
    "m float: q,t, -> h",
    "y float: h,k, -> y",
  ]);
});

Deno.test("plan() leaves factors that are seen, or that are more than a number", async () => {
  const [t, m] = ["t float: k -> t", "m float: q,t, -> m"];
  await expect([...scores, node("Mul", ["m", "half"], "y")], [t, m, "y float: m -> y"], ["m", "y"]);
  await expect([...scores, node("Mul", ["m", "row"], "y")], [t, m, "y float: m,row -> y"]);
  await expect([...scores, node("Mul", ["m", "high"], "y")], [t, m, "y float: m,high -> y"]);
  await expect([...scores, node("Div", ["half", "m"], "y")], [t, m, "y float: m -> y"]);
  const read = [swapped, node("Mul", ["q", "half"], "h"), node("MatMul", ["h", "t"], "y")];
  await expect(read, [t, "h float: q -> h", "y float: h,t, -> y"], ["h", "y"]);
  await expect([...read, node("Exp", ["h"], "e")], [t, "h float: q -> h", "y float: h,t, -> y", "e float: h -> e"], [
    "y",
    "e",
  ]);
  await expect([node("MatMul", ["q", "w"], "m"), node("Mul", ["m", "half"], "y")], ["m float: q,w, -> y"]);
});

Deno.test("plan() makes the joining of heads part of a product", async () => {
  const join = node("Transpose", ["m"], "y", { perm: [0, 2, 1, 3] });
  await expect([...scores, join], ["t float: k -> t", "m float: q,t, -> y"]);
  await expect([...scores, join], ["t float: k -> t", "m float: q,t, -> m", "y float: m -> y"], ["m", "y"]);
  await expect([...scores, { ...join, attributes: new Map([["perm", [0, 1, 3, 2]]]) }], [
    "t float: k -> t",
    "m float: q,t, -> m",
    "y float: m -> y",
  ]);
  await expect([node("MatMul", ["q", "w"], "m"), join], ["m float: q,w, -> m", "y float: m -> y"]);
});

Deno.test("plan() makes factors and the joining of heads part of an integer product", async () => {
  await expect([
    ...pair("q", "qd", "xs", "xz"),
    ...pair("k", "kd", "xs", "xz"),
    node("Transpose", ["kd"], "t", { perm: [0, 1, 3, 2] }),
    node("MatMul", ["qd", "t"], "m"),
    node("Mul", ["m", "half"], "h"),
    ...pair("h", "hd", "ys", "yz"),
    node("Transpose", ["hd"], "y", { perm: [0, 2, 1, 3] }),
  ], [
    "qq simulated: q -> qq",
    "kq simulated: k -> kq",
    "t int8: kq -> t_integers",
    "m int8: qq,t_integers, -> y_integers",
    "y/DequantizeLinear simulated: y_integers -> y",
  ]);
  await expect([
    ...pair("q", "qd", "xs", "xz"),
    ...pair("k", "kd", "xs", "xz"),
    node("Transpose", ["kd"], "t", { perm: [0, 1, 3, 2] }),
    node("MatMul", ["qd", "t"], "m"),
    node("Mul", ["m", "half"], "h"),
    node("Transpose", ["h"], "y", { perm: [0, 2, 1, 3] }),
  ], [
    "qq simulated: q -> qq",
    "kq simulated: k -> kq",
    "t int8: kq -> t_integers",
    "m int8: qq,t_integers, -> y",
  ]);
});
