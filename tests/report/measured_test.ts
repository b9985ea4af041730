import assert from "node:assert/strict";
import type { QuantizedGraph } from "../../src/graph/quantizers.ts";
import { rangesOf } from "../../src/report/ranges.ts";
import { timesOf } from "../../src/report/times.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { graphOf, node } from "../graphs.ts";

/** Two products and a Relu between them, quantized by hand. */
const MODEL: QuantizedGraph = {
  graph: graphOf({
    inputs: { x: [1, 4] },
    nodes: [
      node("MatMul", ["x", "w1"], "h", {}, "first"),
      node("Relu", ["h"], "r"),
      node("MatMul", ["r", "w2"], "y", {}, "second"),
    ],
    constants: {
      w1: tensor("f32", [4, 4], Array.from({ length: 16 }, (_, i) => i % 5 === 0 ? 1 : 0)),
      w2: tensor("f32", [4, 2], [1, 10, -1, 10, 2, 20, 300, -40]),
    },
    outputs: ["y"],
  }),
  quantizers: [
    {
      ...{ id: "r", kind: "activation", groups: ["second"] },
      sites: [{ value: "r", readers: [{ node: "second", input: 0 }] }],
      parameters: { dtype: "u8", axis: null, scale: Float32Array.of(0.5), zeroPoint: Int32Array.of(0) },
    },
    {
      ...{ id: "w2", kind: "weight", groups: ["second"] },
      sites: [{ value: "w2", readers: [{ node: "second", input: 1 }] }],
      parameters: { dtype: "i8", axis: 1, scale: Float32Array.of(1, 0.5), zeroPoint: Int32Array.of(0, 0) },
    },
    {
      ...{ id: "x", kind: "activation", groups: ["first"] },
      sites: [{ value: "x", readers: [{ node: "first", input: 0 }] }],
      parameters: { dtype: "i8", axis: null, scale: Float32Array.of(1), zeroPoint: Int32Array.of(10) },
    },
    {
      ...{ id: "w1", kind: "weight", groups: ["first"] },
      sites: [{ value: "w1", readers: [{ node: "first", input: 1 }] }],
      parameters: { dtype: "i8", axis: null, scale: Float32Array.of(1), zeroPoint: Int32Array.of(0) },
    },
  ],
  groups: [{ id: "first", nodes: ["first"] }, { id: "second", nodes: ["second"] }],
  warnings: [],
};

const ITEMS = [
  { x: tensor("f32", [1, 4], [-140, 0, 100, 127.4]) },
  { x: tensor("f32", [1, 4], [3, 117.4, 118, 200]) },
];

Deno.test("rangesOf() sets what was seen beside what can be represented, and counts what is clipped", async () => {
  await using backend = await openBackend("cpu");
  assert.deepEqual(
    await rangesOf(MODEL, new Set(["second"]), ITEMS, backend),
    [
      {
        ...{ value: "x", kind: "activation", dtype: "i8", channels: 1, scale: [1, 1], zeroPoint: [10, 10] },
        // Of -140, 127.4, 118 and 200, which lie outside, none is rounded back; 117.4 is.
        ...{ representable: [-138, 117], seen: [-140, 200], clipped: 4 / 8, used: true },
      },
      {
        ...{ value: "w1", kind: "weight", dtype: "i8", channels: 1, scale: [1, 1], zeroPoint: [0, 0] },
        ...{ representable: [-128, 127], seen: [0, 1], clipped: 0, used: true },
      },
      {
        ...{ value: "r", kind: "activation", dtype: "u8", channels: 1, scale: [0.5, 0.5], zeroPoint: [0, 0] },
        ...{ representable: [0, 127.5], seen: [0, 200], clipped: 1 / 8, used: false },
      },
      {
        ...{ value: "w2", kind: "weight", dtype: "i8", channels: 2, scale: [0.5, 1], zeroPoint: [0, 0] },
        ...{ representable: [-128, 127], seen: [-40, 300], clipped: 1 / 8, used: false },
      },
    ].map((range) => ({ ...range, seen: range.seen.map(Math.fround) })),
  );
});

Deno.test("timesOf() times operations in FP32, in INT8 and under a plan", async () => {
  await using backend = await openBackend("cpu");
  const times = await timesOf(MODEL, new Set(["second"]), ITEMS[0]!, backend, { rounds: 2 });
  assert.deepEqual(times.inputs, { x: [1, 4] });
  assert.deepEqual([times.rounds, times.clock], [2, "the clock of the host"]);
  for (const ms of Object.values(times.endToEnd)) assert.ok(ms > 0);
  const named = times.layers.map(({ node: name, operator, reverted }) => [name, operator, reverted]);
  assert.deepEqual(named.filter(([, operator]) => operator === "MatMul"), [
    ["first", "MatMul", false],
    ["second", "MatMul", true],
  ]);
  for (const { operator, fp32Ms, int8Ms, resultMs } of times.layers) {
    if (operator === "MatMul") assert.ok(fp32Ms! >= 0 && int8Ms! >= 0 && resultMs! >= 0);
  }
  const other = times.layers.at(-1)!;
  assert.deepEqual([other.node, other.fp32Ms], ["conversions and copies", null]);
  assert.ok(other.int8Ms! >= 0);
});

Deno.test("timesOf() leaves out the result where everything is in INT8", async () => {
  await using backend = await openBackend("cpu");
  const { endToEnd, layers } = await timesOf(MODEL, new Set(), ITEMS[0]!, backend, { rounds: 1 });
  assert.ok(!("resultMs" in endToEnd));
  assert.ok(layers.every((layer) => !("resultMs" in layer)));
});
