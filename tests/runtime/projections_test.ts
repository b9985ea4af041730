import assert from "node:assert/strict";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { joinProjections } from "../../src/runtime/projections.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { i64, type Tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";

const x = random([1, 5, 8], 1);
const constants: Record<string, Tensor> = {
  wq: random([8, 8], 2),
  wk: random([8, 8], 3),
  wv: random([8, 12], 4),
  odd: random([8, 7], 5),
  bq: random([8], 6),
  bk: random([1], 7),
  half: f32(0.5),
  split: i64([1, 5, 2, 4]),
};

/** Scores of the heads of "q" and "k", times "v". */
const attention = [
  node("Reshape", ["q", "split"], "q1"),
  node("Transpose", ["q1"], "q2", { perm: [0, 2, 1, 3] }),
  node("Mul", ["q2", "half"], "q3"),
  node("Reshape", ["k", "split"], "k1"),
  node("Transpose", ["k1"], "k2", { perm: [0, 2, 3, 1] }),
  node("MatMul", ["q3", "k2"], "s"),
  node("MatMul", ["s", "v"], "y"),
];
const queries = [node("MatMul", ["x", "wq"], "qm"), node("Add", ["bq", "qm"], "q")];
const keys = node("MatMul", ["x", "wk"], "k");
const values = node("MatMul", ["x", "wv"], "v");

function graphWith(nodes: readonly Node[], outputs: readonly string[]): Graph {
  return graphOf({ inputs: { x: [1, 5, 8] }, nodes, constants, outputs });
}

/** The operators before attention, for a graph that must still compute the same. */
function left(nodes: readonly Node[], outputs: readonly string[] = ["y"]): string[] {
  const graph = graphWith(nodes, outputs);
  const typed = joinProjections(specialize(graph, { x }));
  assertSame(interpret(typed.graph, { x }), interpret(graph, { x }), { atol: 1e-5, rtol: 1e-5 });
  for (const own of typed.graph.nodes) {
    for (const name of [...own.inputs, ...own.outputs]) assert(typed.types.has(name), `type of ${name}`);
  }
  const later = new Set(attention.map(({ name }) => name));
  return typed.graph.nodes.filter(({ name }) => !later.has(name)).map(({ op }) => op);
}

Deno.test("joinProjections() makes one product of queries, keys and values", () => {
  assert.deepEqual(left([...queries, keys, values, ...attention]), ["MatMul", "Add", "Split"]);
  assert.deepEqual(left([keys, values, node("MatMul", ["x", "wq"], "q"), ...attention]), ["MatMul", "Split"]);
});

Deno.test("joinProjections() makes its constants once for all plans", () => {
  const weights = () => {
    const { graph } = joinProjections(specialize(graphWith([...queries, keys, values, ...attention], ["y"]), { x }));
    return [...graph.constants.values()].find(({ shape }) => `${shape}` === "8,28");
  };
  assert(weights());
  assert.equal(weights(), weights());
});

Deno.test("joinProjections() leaves products that others than products read, or that are no whole blocks", () => {
  const [q, k, v] = [["MatMul", "Add"], ["MatMul"], ["MatMul"]];
  assert.deepEqual(left([...queries, keys, values, ...attention], ["y", "k", "v"]), [...q!, ...k!, ...v!]);
  const exp = [node("Exp", ["k"], "e"), node("Exp", ["v"], "f")];
  assert.deepEqual(left([...queries, keys, values, ...exp, ...attention], ["y", "e", "f"]), [
    ...q!,
    ...k!,
    ...v!,
    "Exp",
    "Exp",
  ]);
  const odd = [node("MatMul", ["x", "odd"], "v"), node("MatMul", ["x", "odd"], "u")];
  const last = [node("Transpose", ["u"], "t", { perm: [0, 2, 1] }), node("MatMul", ["v", "t"], "y")];
  assert.deepEqual(left([...odd, ...last]).filter((op) => op === "Split"), []);
  const added = [node("MatMul", ["x", "wk"], "km"), node("Add", ["km", "bk"], "k")];
  const some = left([...queries, ...added, values, ...attention]);
  assert.deepEqual(some.toSorted(), ["Add", "Add", "MatMul", "MatMul", "Split"], "k has a bias that is one number");
});
