/** Graphs run with quantizers wherever placement puts them: as their definition says, planned, and on the GPU. */
import assert from "node:assert/strict";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import { extractQuantizers } from "../../src/graph/extract.ts";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { planOf } from "../../src/runtime/model.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { i64, type Tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node, run } from "../graphs.ts";
import { noGpu, random } from "../ops/harness.ts";
import { quantizedBy } from "./placed.ts";

const same = { pads: [1, 1, 1, 1] };
const wide = { ...same, group: 8 };

/** Convolutions of all channels and of each alone in turn, with a bias, Relu or Clip between them. */
const separable = graphOf({
  inputs: { x: [1, 3, 8, 8] },
  nodes: [
    node("Conv", ["x", "w1", "b1"], "c1", same),
    node("Relu", ["c1"], "r1"),
    node("Conv", ["r1", "w2", "b2"], "c2", wide),
    node("Clip", ["c2", "zero", "six"], "r2"),
    node("Conv", ["r2", "w3", "b1"], "c3"),
    node("Conv", ["c3", "w2"], "c4", wide),
    node("Relu", ["c4"], "y"),
  ],
  constants: {
    w1: random([8, 3, 3, 3], 1),
    w2: random([8, 1, 3, 3], 2),
    w3: random([8, 8, 1, 1], 3),
    b1: random([8], 4),
    b2: random([8], 5),
    zero: f32(0),
    six: f32(6),
  },
  outputs: ["y"],
});

const nearest = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
const pool = { kernel_shape: [2, 2], strides: [2, 2] };

/** Every operator that has no kernel on integers, with quantized inputs. */
const various = graphOf({
  inputs: { x: [1, 4, 8, 8] },
  nodes: [
    node("Conv", ["x", "w"], "c"),
    node("HardSigmoid", ["c"], "g"),
    node("Mul", ["c", "g"], "h"),
    node("AveragePool", ["h"], "p", pool),
    node("Resize", ["p", "", "twice"], "u", nearest),
    node("Sub", ["u", "h"], "s"),
    node("Max", ["s", "x"], "m"),
    node("Div", ["m", "two"], "d"),
    node("Conv", ["d", "w"], "e"),
    node("Concat", ["e", "s"], "j", { axis: 1 }),
    node("ReduceMean", ["j"], "a", { axes: [2, 3], keepdims: 0 }),
    node("Pow", ["a", "two"], "q"),
    node("MatMul", ["q", "v"], "y"),
  ],
  constants: { w: random([4, 4, 1, 1], 1), two: f32(2), twice: f32([1, 1, 2, 2]), v: random([8, 3], 2) },
  outputs: ["y"],
});

/** Attention, whose table of rows is quantized too. */
const attention = graphOf({
  inputs: { x: { dtype: "i64", shape: [4] } },
  nodes: [
    node("Gather", ["table", "x"], "r"),
    node("MatMul", ["r", "wq"], "q"),
    node("MatMul", ["r", "wk"], "k"),
    node("Transpose", ["k"], "t"),
    node("MatMul", ["q", "t"], "s"),
    node("Softmax", ["s"], "p"),
    node("MatMul", ["p", "r"], "o"),
    node("Add", ["o", "r"], "y"),
  ],
  constants: { table: random([9, 8], 1), wq: random([8, 8], 2), wk: random([8, 8], 3) },
  outputs: ["y"],
});

const rows = { x: i64([0, 8, 3, 3]) };

type Case = readonly [title: string, graph: Graph, item: Readonly<Record<string, Tensor>>, exact: boolean];
const cases: readonly Case[] = [
  ["separable convolutions", separable, { x: random([1, 3, 8, 8], 7) }, true],
  ["various operators", various, { x: random([1, 4, 8, 8], 7) }, false],
  ["attention over rows of a table", attention, rows, false],
];

Deno.test("quantized inputs give what their definition says, whatever reads them", async () => {
  for (const preset of ["performance", "mixed"] as const) {
    for (const [title, graph, item] of cases) {
      const quantized = applyPlan(quantizedBy(graph, item, { preset }), new Set());
      const { y } = interpret(quantized, item);
      const largest = Math.max(...y!.data.map(Math.abs));
      assertSame(await run(quantized, item), { y: y! }, { atol: 0.01 * largest });
      assertSame({ y: y! }, interpret(graph, item), { atol: 0.1 * largest });
      assert.notDeepEqual([...y!.data], [...interpret(graph, item).y!.data], title);
      const read = extractQuantizers(quantized);
      assertSame(interpret(applyPlan(read.model, read.plan), item), { y: y! }, { atol: 1e-6 });
    }
  }
});

Deno.test("an input with a scale for each channel keeps convolutions in integers", () => {
  const item = { x: random([1, 3, 8, 8], 7) };
  const model = quantizedBy(separable, item);
  const axes = model.quantizers.flatMap(({ kind, id, parameters }) =>
    kind === "activation" ? [[id, parameters.axis]] : []
  );
  assert.deepEqual(axes, [["x", null], ["r1", 1], ["r2", null], ["c3", 1]]);
  const { steps } = planOf(applyPlan(model, new Set()), item);
  assert.deepEqual(steps.map((step) => `${step.operator} ${step.precision}`), [
    "QuantizeLinear simulated",
    ...new Array<string>(4).fill("Conv int8"),
  ]);
});

Deno.test("a group in float has neither its weights nor what it reads quantized", () => {
  const model = quantizedBy(separable, { x: random([1, 3, 8, 8], 7) });
  assert.deepEqual(model.groups.map((group) => group.nodes), [["c1"], ["c2", "c4"], ["c3"]]);
  const graph = applyPlan(model, new Set(["c2"]));
  const producers = new Map(graph.nodes.flatMap((own) => own.outputs.map((name): [string, Node] => [name, own])));
  const quantized = (name: string): boolean[] =>
    graph.nodes.find((own) => own.name === name)!.inputs.slice(0, 2).map((value) =>
      producers.get(value)?.op === "DequantizeLinear"
    );
  assert.deepEqual(["c1", "c2", "c3", "c4"].map(quantized), [[true, true], [false, false], [true, true], [
    false,
    false,
  ]]);
});

Deno.test({
  name: "quantized inputs give on the GPU what they give on the CPU, exactly where all is integers",
  ignore: noGpu !== null,
  fn: async () => {
    await using backend = await openBackend("webgpu");
    for (const preset of ["performance", "mixed"] as const) {
      for (const [, graph, item, exact] of cases) {
        const quantized = applyPlan(quantizedBy(graph, item, { preset, quantizeOutputs: true }), new Set());
        const expected = await run(quantized, item);
        const largest = Math.max(...expected.y!.data.map(Math.abs));
        assertSame(await run(quantized, item, backend), expected, exact ? {} : { atol: 0.02 * largest });
      }
    }
  },
});
