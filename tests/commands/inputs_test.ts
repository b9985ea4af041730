import assert from "node:assert/strict";
import { firstBatch, randomInputs } from "../../src/commands/inputs.ts";
import type { ValueInfo } from "../../src/graph/graph.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { folder } from "./fixture.ts";

const image: ValueInfo = { name: "image", dtype: "f32", shape: ["N", 3, "H", 4] };
const ids: ValueInfo = { name: "ids", dtype: "i64", shape: ["N", 8] };
const fixed: ValueInfo = { name: "fixed", dtype: "u8", shape: [2, 5] };

Deno.test("randomInputs() takes shapes from the model, --batch and --shape", () => {
  const { image: x, ids: i, fixed: f } = randomInputs([image, ids, fixed], ["image=2,3,6,4"], 7);
  assert.deepEqual([x!.shape, i!.shape, f!.shape], [[2, 3, 6, 4], [7, 8], [2, 5]]);
  assert.deepEqual([x!.dtype, i!.dtype, f!.dtype], ["f32", "i64", "u8"]);
  assert.equal(x!.data.length, 2 * 3 * 6 * 4);
});

Deno.test("randomInputs() takes a batch that the model fixes itself", () => {
  assert.deepEqual(randomInputs([fixed], [], 2)["fixed"]!.shape, [2, 5]);
});

Deno.test("randomInputs() gives the same spread of numbers each time, and whole ones that can be indices", () => {
  const make = () => randomInputs([{ ...image, shape: [1000] }, { ...ids, shape: [1000] }], [], undefined);
  const { image: x, ids: i } = make();
  assert.deepEqual(make(), { image: x, ids: i });
  assert(x!.data.every((value) => value >= -1 && value < 1));
  assert(x!.data.some((value) => value < -0.9) && x!.data.some((value) => value > 0.9));
  assert.deepEqual([...new Set(i!.data)].sort(), [0, 1]);
});

for (
  const [title, inputs, shapes, batch, message] of [
    [
      "a size that stays open",
      [image],
      [],
      2,
      'input "image" of [N, 3, H, 4] leaves axis 2 ("H") open: give it with --shape image=SIZE,...',
    ],
    [
      "no shape at all",
      [{ ...image, shape: null }],
      [],
      3,
      "--batch is 3, and no input leaves its first axis open",
    ],
    [
      "no shape and no batch",
      [{ ...image, shape: null }],
      [],
      undefined,
      'input "image" has no declared shape: give it with --shape image=SIZE,...',
    ],
    ["a batch that is fixed", [fixed], [], 3, "--batch is 3, and no input leaves its first axis open"],
    ["a stranger", [fixed], ["x=1"], undefined, '--shape x=1: the model has no input "x"; its inputs are "fixed"'],
    ["a size of 0", [fixed], ["fixed=0,5"], undefined, "--shape fixed=0,5: sizes must be whole numbers of at least 1"],
    ["no number", [fixed], ["fixed=2,b"], undefined, "--shape fixed=2,b: sizes must be whole numbers of at least 1"],
    ["two shapes", [fixed], ["fixed=2,5", "fixed=2,5"], undefined, '--shape is given twice for input "fixed"'],
  ] as const
) {
  Deno.test(`randomInputs() throws for ${title}`, () => {
    assert.throws(() => randomInputs(inputs, shapes, batch), { name: "UsageError", message });
  });
}

Deno.test("firstBatch() stacks the first items of the files", async () => {
  await using dir = await folder();
  const file = dir.npy("ids.npy", tensor("i64", [5, 8], Array.from({ length: 40 }, (_, i) => i)));
  const first = (batch?: number, input = ids) => firstBatch([input], [file], batch);
  assert.deepEqual((await first(2)).ids, tensor("i64", [2, 8], Array.from({ length: 16 }, (_, i) => i)));
  assert.deepEqual((await first()).ids!.shape, [5, 8]);
  assert.deepEqual((await first(undefined, { ...ids, shape: [3, 8] })).ids!.shape, [3, 8]);
  await assert.rejects(first(6), { message: "--batch is 6, and the files of --input hold 5 items" });
  await assert.rejects(first(2, { ...ids, shape: [3, 8] }), { message: "--batch is 2, and the model takes 3 at once" });
});
