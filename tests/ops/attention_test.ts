import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { random, testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 24);
const shape = [1, 1, 2, 1];
const zeros = tensor("f32", shape, [0, 0]);
const values = tensor("f32", shape, [1, 3]);
const first = (attributes: Record<string, number>, ...more: (ReturnType<typeof tensor> | null)[]): number[] =>
  Array.from(op("Attention", attributes).reference([zeros, zeros, values, ...more])[0]!.data);

Deno.test("Attention weights values by what the queries may see", () => {
  assert.deepEqual(first({}), [2, 2]);
  assert.deepEqual(first({ is_causal: 1 }), [1, 2]);
  assert.deepEqual(first({}, tensor("bool", [2, 2], [0, 1, 0, 0])), [3, 0], "a query that sees no key gets zeros");
  assert.deepEqual(first({}, tensor("f32", [1, 2], [Math.log(3), 0])), [1.5, 1.5]);
  assert.deepEqual(first({}, null, null, null, i64([1])), [1, 1]);
});

Deno.test("Attention goes on from keys and values of the past", () => {
  const past = tensor("f32", [1, 1, 1, 1], [0]);
  const [y, keys, present] = op("Attention", { is_causal: 1 }).reference([
    zeros,
    zeros,
    values,
    null,
    past,
    tensor("f32", [1, 1, 1, 1], [5]),
  ]);
  assert.deepEqual([...y!.data], [3, 3]);
  assert.deepEqual(keys!.shape, [1, 1, 3, 1]);
  assert.deepEqual([...present!.data], [5, 1, 3]);
});

Deno.test("Attention of heads in one axis is that of heads in an axis of their own", () => {
  const [q, k, v] = [random([2, 3, 8], 1), random([2, 5, 4], 2), random([2, 5, 6], 3)];
  const flat = op("Attention", { q_num_heads: 4, kv_num_heads: 2 }).reference([q, k, v])[0]!;
  const split = (x: typeof q, heads: number) => {
    const [batch, length, hidden] = x.shape as [number, number, number];
    const four = tensor("f32", [batch, length, heads, hidden / heads], x.data);
    return OPS["Transpose"]!(new Map([["perm", [0, 2, 1, 3]]]), 24).reference([four])[0]!;
  };
  const apart = op("Attention").reference([split(q, 4), split(k, 2), split(v, 2)])[0]!;
  assert.deepEqual([...split(flat, 4).data], [...apart.data]);
});

testOp("RotaryEmbedding", {
  "turns pairs of halves": {
    op: op("RotaryEmbedding"),
    inputs: [
      tensor("f32", [1, 1, 2, 2], [1, 2, 1, 2]),
      tensor("f32", [2, 1], [1, 0]),
      tensor("f32", [2, 1], [0, 1]),
      tensor("i64", [1, 2], [1, 0]),
    ],
    outputs: [tensor("f32", [1, 1, 2, 2], [-2, 1, 1, 2])],
    cpuOnly: true,
  },
  "turns neighbours, a part of each head": {
    op: op("RotaryEmbedding", { interleaved: 1, rotary_embedding_dim: 2 }),
    inputs: [
      tensor("f32", [1, 1, 1, 3], [1, 2, 3]),
      tensor("f32", [1, 1, 1], [0]),
      tensor("f32", [1, 1, 1], [1]),
    ],
    outputs: [tensor("f32", [1, 1, 1, 3], [-2, 1, 3])],
    cpuOnly: true,
  },
});
