import assert from "node:assert/strict";
import type { Node } from "../../src/graph/graph.ts";
import { f32, node } from "../graphs.ts";
import { activations, conv, image, place, pool, weights } from "./placements.ts";

Deno.test("placeQuantizers() puts no quantizer into what is computed as one", () => {
  const chain = (...nodes: Node[]): string[] =>
    activations(place({
      inputs: image,
      nodes: [conv("x", "c"), ...nodes, conv(nodes.at(-1)!.outputs[0]!, "e"), node("Exp", ["e"], "y")],
      constants: { ...weights("c", "e"), v: f32(3), u: f32(0.5) },
      outputs: ["y"],
    }));
  const cases: Record<string, Node[]> = {
    "bias and Relu": [node("Add", ["c", "v"], "a"), node("Relu", ["a"], "r")],
    "scale and shift": [node("Mul", ["c", "u"], "m"), node("Add", ["m", "v"], "a")],
    "swish": [node("Sigmoid", ["c"], "s"), node("Mul", ["c", "s"], "m")],
    "hard-swish": [node("HardSigmoid", ["c"], "s"), node("Mul", ["c", "s"], "m")],
    "hard-swish by Clip": [
      node("Add", ["c", "v"], "a"),
      node("Relu", ["a"], "r"),
      node("Mul", ["c", "r"], "m"),
      node("Div", ["m", "v"], "d"),
    ],
    "GELU": [
      node("Div", ["c", "v"], "d"),
      node("Erf", ["d"], "f"),
      node("Add", ["f", "u"], "a"),
      node("Mul", ["c", "a"], "m"),
    ],
    "itself": [node("Mul", ["c", "c"], "m")],
  };
  for (const [title, nodes] of Object.entries(cases)) {
    assert.deepEqual(chain(...nodes), ["x>c.0", `${nodes.at(-1)!.outputs[0]}>e.0`], title);
  }
  const residual = chain(node("Add", ["c", "x"], "a"), node("Relu", ["a"], "r"));
  assert.deepEqual(residual, ["x>c.0,a.1", "c>a.0", "r>e.0"]);
  const read = chain(node("Add", ["c", "v"], "a"), node("Relu", ["a"], "r"), node("Mul", ["a", "r"], "m"));
  assert.deepEqual(read, ["x>c.0", "a>m.0", "r>m.1", "m>e.0"]);
});

Deno.test("placeQuantizers() needs no quantizer beside a constant, unless it moved or others share it", () => {
  const beside = (...nodes: Node[]): string[] =>
    activations(place({
      inputs: image,
      nodes: [node("Exp", ["x"], "e"), ...nodes],
      constants: { v: f32(3), ...weights("c") },
      outputs: [nodes.at(-1)!.outputs[0]!],
    }));
  assert.deepEqual(beside(node("Mul", ["e", "v"], "y")), []);
  assert.deepEqual(beside(pool("e", "m"), node("Mul", ["m", "v"], "y")), ["e>m.0 m>y.0"]);
  assert.deepEqual(beside(node("Mul", ["e", "v"], "f"), conv("e", "c"), node("Add", ["f", "c"], "y")), [
    ...["e>f.0,c.0", "f>y.0", "c>y.1"],
  ]);
  assert.deepEqual(beside(node("Mul", ["e", "e"], "y")), ["e>y.0,y.1"]);
  assert.deepEqual(beside(node("Pow", ["e", "v"], "y")), ["e>y.0"]);
});
