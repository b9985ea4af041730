import assert from "node:assert/strict";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { planOf } from "../../src/runtime/model.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { schedule } from "../../src/runtime/schedule.ts";
import { i64 } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node, run } from "../graphs.ts";
import { noGpu, random } from "../ops/harness.ts";
import { pair, quantizers } from "./steps.ts";

const gpu = noGpu === null ? await openBackend("webgpu") : null;
Deno.test.afterAll(async () => await gpu?.[Symbol.asyncDispose]());

/** Attention of 2 heads over the columns of a matrix that hold queries, keys and values. */
function attention(size: number, integer: boolean): Graph {
  const x = integer ? "xd" : "x";
  const part = (index: number, name: string, perm: readonly number[]): Node[] => [
    node("Slice", [x, `at${index}`, `at${index + 1}`, "last"], `${name}0`),
    node("Reshape", [`${name}0`, "split"], `${name}1`),
    node("Transpose", [`${name}1`], name, { perm }),
  ];
  return graphOf({
    inputs: { x: [2, 5, 6 * size] },
    nodes: [
      ...(integer ? pair("x", "xd", "xs", "xz") : []),
      ...part(0, "q", [0, 2, 1, 3]),
      ...part(1, "k", [0, 2, 3, 1]),
      ...part(2, "v", [0, 2, 1, 3]),
      node("MatMul", ["q", "k"], "scores"),
      node("Div", ["scores", "four"], "scaled"),
      node("Softmax", ["scaled"], "weights"),
      node("MatMul", ["weights", "v"], "heads"),
      node("Transpose", ["heads"], "joined", { perm: [0, 2, 1, 3] }),
      node("Reshape", ["joined", "join"], "y"),
    ],
    constants: {
      ...quantizers,
      ...Object.fromEntries([0, 1, 2, 3].map((i) => [`at${i}`, i64([2 * i * size])])),
      last: i64([2]),
      split: i64([2, 5, 2, size]),
      join: i64([2, 5, 2 * size]),
      four: f32(4),
    },
    outputs: ["y"],
  });
}

/** The kernels for heads of each size; the dequantized values want their integers in rows. */
const CASES: readonly (readonly [size: number, integer: boolean, kernels: readonly string[], copies: number])[] = [
  [8, false, ["matmul_f32", "softmax_f32x4", "matmul_f32"], 0],
  [3, false, ["matmul_f32", "softmax_f32x4", "matmul_f32"], 4],
  [16, true, ["pointwise", "pointwise", "matmul_i8", "softmax_f32x4", "matmul_f32"], 1],
  [8, true, ["pointwise", "pointwise", "matmul_i8", "softmax_f32x4", "matmul_f32"], 3],
];

for (const [size, integer, kernels, copies] of CASES) {
  const title = `attention with ${size} ${integer ? "quantized " : ""}elements in a head`;
  const graph = attention(size, integer);
  const inputs = { x: random([2, 5, 6 * size], 1) };
  Deno.test(`${title} takes ${copies} copies`, () => {
    const { launches } = schedule(planOf(graph, inputs), { lanes: 8 });
    const all = launches.map(({ launch }) => launch.shader);
    const others = all.filter((name) => !name.startsWith("copy"));
    assert.deepEqual(others, kernels);
    assert.equal(all.length - others.length, copies, all.join());
  });
  Deno.test({
    name: `${title} computes what the nodes say`,
    ignore: gpu === null,
    fn: async () => assertSame(await run(graph, inputs, gpu!), interpret(graph, inputs), { atol: 1e-5, rtol: 1e-5 }),
  });
}
