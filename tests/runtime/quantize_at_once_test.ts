import { tensor } from "../../src/tensor/tensor.ts";
import { f32, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";
import { check } from "./steps.ts";

const x = random([3, 20], 1, -4, 4);
const constants = {
  g: random([20], 2),
  b: random([20], 3),
  s: f32([0.25]),
  z: tensor("i8", [], [3]),
  w: random([20, 5], 4),
  kept: tensor("i64", [3], [1, 3, 20]),
  lost: tensor("i64", [2], [6, 10]),
};
const normalize = node("LayerNormalization", ["x", "g", "b"], "n");
const softmax = node("Softmax", ["x"], "n");
const quantize = node("QuantizeLinear", ["n", "s", "z"], "q");
const dequantize = node("DequantizeLinear", ["q", "s", "z"], "d");

function steps(nodes: Parameters<typeof check>[0]["nodes"], expected: readonly string[], outputs = ["y"]) {
  return check({ inputs: { x: [3, 20] }, nodes, constants, outputs }, { x }, expected, { atol: 1e-5 });
}

Deno.test("quantizeAtOnce() lets a normalization quantize its result, and keep it for others", () =>
  steps([normalize, quantize, dequantize, node("MatMul", ["d", "w"], "p"), node("Softmax", ["n"], "m")], [
    "n float: x,g,b -> n,q",
    "d simulated: q -> d",
    "p simulated: d,w, -> p",
    "m float: n -> m",
  ], ["p", "m"]));

Deno.test("quantizeAtOnce() lets a softmax quantize its result where nothing else reads it", async () => {
  const product = node("MatMul", ["d", "w"], "y");
  await steps([softmax, quantize, dequantize, product], [
    "n float: x -> q",
    "d simulated: q -> d",
    "y simulated: d,w, -> y",
  ]);
  await steps([softmax, quantize, dequantize, product], [
    "n float: x -> n",
    "q simulated: n -> q",
    "d simulated: q -> d",
    "y simulated: d,w, -> y",
  ], ["y", "n"]);
});

Deno.test("quantizeAtOnce() reshapes the integers where the value was reshaped, and leaves alone what loses its rows", async () => {
  const through = (shape: string) => [
    node("Reshape", ["n", shape], "r"),
    node("QuantizeLinear", ["r", "s", "z"], "q"),
    node("DequantizeLinear", ["q", "s", "z"], "d"),
    node("Exp", ["d"], "y"),
  ];
  await steps([normalize, ...through("kept")], [
    "n float: x,g,b -> n,q_rows",
    "r float: q_rows,kept -> q",
    "y simulated: q -> y",
  ]);
  await steps([softmax, ...through("kept")], [
    "n float: x -> q_rows",
    "r float: q_rows,kept -> q",
    "y simulated: q -> y",
  ]);
  await steps([normalize, ...through("lost")], [
    "n float: x,g,b -> n",
    "r float: n,lost -> r",
    "q simulated: r -> q",
    "y simulated: q -> y",
  ]);
});
