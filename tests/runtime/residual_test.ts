import type { Node } from "../../src/graph/graph.ts";
import { node } from "../graphs.ts";
import { random } from "../ops/harness.ts";
import { check, pair, quantizers } from "./steps.ts";

const shape = [3, 8];
const constants = { ...quantizers, scale: random([8], 3), bias: random([8], 4), table: random(shape, 5) };
const given = { a: random(shape, 1), b: random(shape, 2), c: random([1, 8], 6) };
const normalize = (x: string) => node("LayerNormalization", [x, "scale", "bias"], "y");
const sum = node("Add", ["a", "b"], "s");

function expect(nodes: readonly Node[], steps: readonly string[], outputs: readonly string[] = ["y"]): Promise<void> {
  const inputs = { a: shape, b: shape, c: [1, 8] };
  return check({ inputs, nodes, constants, outputs }, given, steps, { atol: 1e-5, rtol: 1e-5 });
}

Deno.test("addInNormalizations() makes a sum part of the normalization behind it", async () => {
  await expect([sum, normalize("s")], ["y float: a,scale,bias,b -> y"]);
  await expect([sum, node("LayerNormalization", ["s", "scale"], "y")], ["y float: a,scale,,b -> y"]);
});

Deno.test("addInNormalizations() leaves sums that are seen, broadcast, constant or of quantized values", async () => {
  await expect([sum, normalize("s")], ["s float: a,b -> s", "y float: s,scale,bias -> y"], ["y", "s"]);
  await expect([sum, normalize("s"), node("Exp", ["s"], "e")], [
    "s float: a,b -> s",
    "y float: s,scale,bias -> y",
    "e float: s -> e",
  ], ["y", "e"]);
  await expect(
    [sum, { ...normalize("s"), outputs: ["y", "mean"] }],
    ["s float: a,b -> s", "y cpu: s,scale,bias -> y,mean"],
    ["y", "mean"],
  );
  await expect([node("Add", ["a", "c"], "s"), normalize("s")], ["s float: a,c -> s", "y float: s,scale,bias -> y"]);
  await expect([node("Add", ["a", "table"], "s"), normalize("s")], [
    "s float: a,table -> s",
    "y float: s,scale,bias -> y",
  ]);
  await expect([...pair("a", "ad", "xs", "xz"), node("Add", ["ad", "b"], "s"), normalize("s")], [
    "aq simulated: a -> aq",
    "s simulated: aq,b -> s",
    "y float: s,scale,bias -> y",
  ]);
});
