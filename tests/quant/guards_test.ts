import assert from "node:assert/strict";
import { type Ranged, rangeWarnings } from "../../src/quant/guards.ts";
import { parametersOf, type QuantizerForm } from "../../src/quant/parameters.ts";
import { graphOf, node } from "../graphs.ts";

const graph = graphOf({
  inputs: { a: [1, 2], b: [1, 2], c: [1, 2] },
  nodes: [node("Concat", ["a", "b", "c"], "y", { axis: 1 }, "joined")],
  outputs: ["y"],
});

function ranged(value: string, min: number[], max: number[], kind: Ranged["kind"] = "activation"): Ranged {
  const form: QuantizerForm = { kind, mode: "symmetric", narrowRange: kind === "weight" };
  const ranges = { min: Float32Array.from(min), max: Float32Array.from(max) };
  return { value, kind, ranges, parameters: parametersOf(ranges, form, min.length > 1 ? 0 : null) };
}

const sound = [ranged("a", [-1], [1]), ranged("b", [0], [15]), ranged("w", [-1, -0.5], [1, 0.5], "weight")];

Deno.test("rangeWarnings() says nothing of sound ranges", () => {
  assert.deepEqual(rangeWarnings(graph, sound, 2), []);
  assert.deepEqual(rangeWarnings(graph, [], 1), []);
});

const CASES: readonly [string, Ranged[], number, RegExp][] = [
  ["a single item", sound, 1, /^All ranges come from a single calibration item/],
  ["a constant value", [ranged("v", [3], [3])], 2, /^"v" is 3 over all calibration items/],
  [
    "dead channels",
    [ranged("v", [0, -1, 0], [0, 1, 0])],
    2,
    /^"v" has channels that never change: 2 of 3, number 0 first/,
  ],
  [
    "dead channels of weights",
    [ranged("w", [-1, 0], [1, 0], "weight")],
    2,
    /^Weights "w" have channels of nothing but zeros: 1 of 2, number 1 first/,
  ],
  ["a scale that underflows", [ranged("v", [-1e-7], [1e-6])], 2, /^"v" is so small that it takes 1.6 steps .* 6.3e-7$/],
  [
    "channels that underflow",
    [ranged("w", [-1, -1e-4], [1, 1e-4], "weight")],
    2,
    /^Weights "w" are so small in 1 of 2 channels, number 1 first/,
  ],
  [
    "unequal inputs of a Concat",
    [ranged("a", [-0.5], [0.1]), ranged("b", [0], [1]), ranged("c", [-2], [10])],
    2,
    /^The inputs of Concat "joined" differ in range by a factor of 20: "a" reaches 0.50, "c" 10/,
  ],
];
for (const [name, quantizers, items, expected] of CASES) {
  Deno.test(`rangeWarnings() tells of ${name}`, () => {
    const warnings = rangeWarnings(graph, quantizers, items);
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0]!, expected);
  });
}
