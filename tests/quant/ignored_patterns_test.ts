import assert from "node:assert/strict";
import { placeQuantizers } from "../../src/quant/placement.ts";
import { i64, type KnownType } from "../../src/tensor/tensor.ts";
import { graphOf, type GraphParts, node } from "../graphs.ts";
import { SETTINGS } from "./placed.ts";
import { activations, conv, image, matrix, place, weights } from "./placements.ts";

Deno.test("placeQuantizers() leaves the weighted sum of moved values in attention in float in transformers", () => {
  const parts: GraphParts = {
    inputs: { x: [4, 4], v: [4, 4] },
    nodes: [
      node("Softmax", ["x"], "s"),
      node("Transpose", ["v"], "t"),
      node("MatMul", ["s", "t"], "o"),
      node("MatMul", ["o", "w"], "y"),
    ],
    constants: { w: matrix(4, 4) },
    outputs: ["y"],
  };
  assert.deepEqual(activations(place(parts, [], { transformer: true })), ["o>y.0"]);
  assert.deepEqual(activations(place(parts)), ["v>t.0 t>o.1", "s>o.0", "o>y.0"]);
});

Deno.test("placeQuantizers() leaves the middle of squeeze-and-excitation blocks in float", () => {
  const placed = place({
    inputs: image,
    nodes: [
      conv("x", "c"),
      node("GlobalAveragePool", ["c"], "p"),
      conv("p", "d"),
      node("Relu", ["d"], "r"),
      conv("r", "e"),
      node("Sigmoid", ["e"], "s"),
      node("Mul", ["c", "s"], "m"),
      node("Exp", ["m"], "y"),
    ],
    constants: weights("c", "d", "e"),
    outputs: ["y"],
  });
  assert.deepEqual(activations(placed), ["x>c.0", "c>p.0,m.0", "s>m.1"]);
  assert.deepEqual(placed.placements.flatMap(({ id, kind }) => kind === "weight" ? [id] : []), ["c.w"]);
});

Deno.test("placeQuantizers() leaves post-processing behind TopK and before it in float", () => {
  const graph = graphOf({
    inputs: image,
    nodes: [
      conv("x", "c"),
      conv("c", "b"),
      node("Mul", ["c", "b"], "m"),
      node("TopK", ["m", "k"], ["v", "i"], {}),
      node("Add", ["v", "v"], "y"),
      node("Add", ["b", "c"], "z"),
    ],
    constants: { ...weights("c", "b"), k: i64([2]) },
    outputs: ["y", "z"],
  });
  const types = new Map<string, KnownType>(
    ["x", "c", "b", "m", "v", "y", "z"].map((name) => [name, { dtype: "f32", shape: image.x }]),
  );
  const placed = placeQuantizers(graph, types.set("i", { dtype: "i64", shape: [2] }), SETTINGS);
  assert.deepEqual(activations(placed), ["x>c.0", "c>b.0", "c>z.1", "b>z.0"]);
});
