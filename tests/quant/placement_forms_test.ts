import assert from "node:assert/strict";
import type { Node } from "../../src/graph/graph.ts";
import type { PlacementSettings } from "../../src/quant/placement.ts";
import { i64 } from "../../src/tensor/tensor.ts";
import { type GraphParts, node } from "../graphs.ts";
import {
  activations,
  conv,
  depthwise,
  filters,
  forms,
  groups,
  image,
  matrix,
  place,
  pool,
  weights,
} from "./placements.ts";

Deno.test("placeQuantizers() gives each channel its scale before depthwise convolutions, where no other reads", () => {
  const nodes = [
    conv("x", "c"),
    depthwise("c", "d"),
    depthwise("d", "e"),
    conv("d", "f"),
    node("Exp", ["e"], "y"),
    node("Exp", ["f"], "z"),
  ];
  const parts = {
    inputs: image,
    nodes,
    constants: { ...weights("c", "f"), ...filters("d", "e") },
    outputs: ["y", "z"],
  };
  assert.deepEqual(forms(place(parts)), { x: "symmetric null", c: "symmetric 1", d: "symmetric null" });
  const apart = place(parts, [], { propagationRule: "merge_if_all_branches_same" });
  assert.deepEqual(activations(apart), ["x>c.0", "c>d.0", "d>e.0", "d>f.0"]);
  assert.deepEqual(forms(apart), {
    x: "symmetric null",
    c: "symmetric 1",
    d: "symmetric 1",
    "d>f.0": "symmetric null",
  });
  assert.deepEqual(groups(apart), ["c", "d", "e", "f"]);
});

Deno.test("placeQuantizers() gives up the channels before what moves them, and keeps them before a MaxPool", () => {
  const moved = (...moves: Node[]): Record<string, string> =>
    forms(place({
      inputs: image,
      nodes: [conv("x", "c"), ...moves, depthwise(moves.at(-1)!.outputs[0]!, "d"), node("Exp", ["d"], "y")],
      constants: { ...weights("c"), ...filters("d"), back: i64([1, 4, 8, 8]) },
      outputs: ["y"],
    }));
  assert.deepEqual(moved(pool("c", "m")), { x: "symmetric null", c: "symmetric 1" });
  const swap = node("Transpose", ["c"], "t", { perm: [0, 2, 1, 3] });
  assert.deepEqual(moved(swap, node("Reshape", ["t", "back"], "r")), { x: "symmetric null", c: "symmetric null" });
});

Deno.test("placeQuantizers() quantizes the table of an embedding as its readers want it", () => {
  const parts: GraphParts = {
    inputs: { x: { dtype: "i64", shape: [3] } },
    nodes: [node("Gather", ["table", "x"], "r"), node("MatMul", ["r", "w"], "y")],
    constants: { table: matrix(9, 4), w: matrix(4, 4) },
    outputs: ["y"],
  };
  const table = (settings: Partial<PlacementSettings>) =>
    place(parts, [], settings).placements.filter(({ id }) => id !== "w").map(({ id, axis, mode, narrowRange }) =>
      `${id} ${axis} ${mode} ${narrowRange}`
    );
  assert.deepEqual(table({}), ["table null symmetric false"]);
  assert.deepEqual(groups(place(parts)), ["r y"]);
  assert.deepEqual(table({ preset: "mixed" }), ["r null asymmetric false", "table 0 symmetric true"]);
});

Deno.test("placeQuantizers() makes quantizers as preset and constraints say, and names the node that cannot", () => {
  const parts: GraphParts = {
    inputs: image,
    nodes: [depthwise("x", "d"), conv("d", "c"), node("Exp", ["c"], "y")],
    constants: { ...filters("d"), ...weights("c") },
    outputs: ["y"],
  };
  assert.deepEqual(forms(place(parts, [], { preset: "mixed" })), { x: "asymmetric 1", d: "asymmetric null" });
  assert.deepEqual(forms(place(parts, [], { transformer: true })), { x: "asymmetric 1", d: "asymmetric null" });
  assert.deepEqual(forms(place(parts, [], { activations: { perChannel: false, mode: "asymmetric" } })), {
    x: "asymmetric null",
    d: "asymmetric null",
  });
  assert.equal(place(parts, [], { activations: { signednessToForce: true } }).placements[0]!.signed, true);
  const refused: [Partial<PlacementSettings>, string][] = [
    [{ activations: { perChannel: true } }, 'the activations of node "c" (Conv) with mode symmetric, perChannel true'],
    [
      { activations: { narrowRange: true } },
      'the activations of node "d" (Conv) with mode symmetric, narrowRange true',
    ],
    [{ weights: { narrowRange: false } }, 'the weights of node "d" (Conv) with mode symmetric, narrowRange false'],
    [
      { weights: { signednessToForce: false } },
      'the weights of node "d" (Conv) with mode symmetric, signednessToForce false',
    ],
  ];
  for (const [settings, what] of refused) {
    assert.throws(() => place(parts, [], settings), { name: "RangeError", message: `Cannot quantize ${what}` });
  }
});
