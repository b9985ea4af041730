import assert from "node:assert/strict";
import type { Model } from "../../src/runtime/model.ts";
import { batches, batchOf, runItems } from "../../src/search/batches.ts";
import { type LabelledItem, top1, topK } from "../../src/search/metrics.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";

type Shape = readonly (number | string)[];

/** A model whose scores are its inputs; it notes the shape of each run. */
function identity(shape: Shape | null, runs: string[] = []): Model {
  const info = { dtype: "f32", shape } as const;
  return {
    inputs: [{ ...info, name: "x" }],
    outputs: [{ ...info, name: "y" }],
    bytes: 0,
    run: ({ x }) => {
      runs.push(x!.shape.join("x"));
      return Promise.resolve({ y: x! });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function item(...scores: number[]): Tensor {
  return tensor("f32", [scores.length], scores);
}

/** Items whose class is their number modulo 3; those in `wrong` carry another label. */
function labelled(count: number, wrong: readonly number[] = []): LabelledItem[] {
  return Array.from({ length: count }, (_, i) => ({
    inputs: { x: item(...[0, 1, 2].map((c) => c === i % 3 ? 1 : 0)) },
    label: wrong.includes(i) ? (i + 1) % 3 : i % 3,
  }));
}

for (
  const [title, shape, count, runs] of [
    ["an open batch in even pieces", ["N", 3], 70, ["24x3", "24x3", "24x3"]],
    ["an open batch of few items at once", ["N", 3], 5, ["5x3"]],
    ["a fixed batch in full pieces", [4, 3], 6, ["4x3", "4x3"]],
    ["a batch of one", [1, 3], 2, ["1x3", "1x3"]],
    ["no batch axis one by one", [3], 2, ["3", "3"]],
    ["an input of unknown shape in batches", null, 2, ["2x3"]],
  ] as [string, Shape | null, number, string[]][]
) {
  Deno.test(`top1() runs ${title}`, async () => {
    const seen: string[] = [];
    const { metric, perItem } = await top1(identity(shape, seen), labelled(count, [1]));
    assert.deepEqual(seen, runs);
    assert.equal(perItem.length, count);
    assert.deepEqual(perItem.slice(0, 2), [1, 0]);
    assert.equal(metric, (count - 1) / count);
  });
}

Deno.test("top1() counts an item without any score as wrong", async () => {
  const items = [{ inputs: { x: item(NaN, NaN, NaN) }, label: 0 }];
  assert.equal((await top1(identity(["N", 3]), items)).metric, 0);
});

Deno.test("top1() refuses a label that is no class", async () => {
  const items = [{ inputs: { x: item(1, 2) }, label: 2 }];
  await assert.rejects(top1(identity(["N", 2]), items), { name: "RangeError", message: /Label 2 .* 2 scores/ });
});

Deno.test("batchOf() names the input that an item does not fit", () => {
  const { inputs } = identity(["N", 3]);
  assert.throws(() => batchOf(inputs, { x: item(1, 2) }), { name: "RangeError", message: /"x" wants \[N, 3\].*\[2\]/ });
  assert.throws(() => batchOf(inputs, {}), { name: "RangeError", message: /no value for input "x"/ });
});

Deno.test("batches() stacks every input of a model", () => {
  const inputs = ["a", "b"].map((name) => ({ name, dtype: "f32", shape: ["N", 1] } as const));
  const items = [1, 2].map((value) => ({ a: item(value), b: item(-value) }));
  const [batch] = [...batches(inputs, items)];
  assert.deepEqual([...batch!.inputs.a!.data], [1, 2]);
  assert.deepEqual([...batch!.inputs.b!.data], [-1, -2]);
});

Deno.test("batches() refuses inputs that take different numbers of items", () => {
  const inputs = [["a", 2], ["b", 3]].map(([name, n]) => ({ name, dtype: "f32", shape: [n, 1] }) as never);
  assert.throws(() => [...batches(inputs, [{ a: item(1), b: item(1) }])], /"a" and "b" .* 2 and 3/);
});

Deno.test("batches() refuses items of different shapes in one batch", () => {
  const items = [{ x: tensor("f32", [1, 2], [1, 2]) }, { x: tensor("f32", [2, 1], [1, 2]) }];
  const inputs = [{ name: "x", dtype: "f32", shape: ["N", "a", "b"] } as const];
  assert.throws(() => [...batches(inputs, items)], { name: "RangeError", message: /must be alike/ });
});

Deno.test("runItems() refuses an output without a part for each item", async () => {
  const model = { ...identity(["N", 1]), run: () => Promise.resolve({ y: item(1, 2, 3) }) };
  await assert.rejects(async () => {
    for await (const _ of runItems(model, [{ x: item(1) }, { x: item(2) }]));
  }, { name: "RangeError", message: /Output "y" of a batch of 2 items .* \[3\]/ });
});

Deno.test("topK() counts labels among the greatest scores, and refuses numbers that are no counts", async () => {
  const model = identity(["N", 3]);
  const items = [[3, 2, 1], [1, 3, 2], [1, 2, 3]].map((x) => ({ inputs: { x: tensor("f32", [3], x) }, label: 0 }));
  assert.deepEqual((await topK(1)(model, items)).perItem, [1, 0, 0]);
  assert.deepEqual((await topK(2)(model, items)).perItem, [1, 0, 0]);
  assert.deepEqual((await topK(3)(model, items)).perItem, [1, 1, 1]);
  assert.throws(() => topK(0), /"k" must be a whole number of at least 1, got 0/);
});
