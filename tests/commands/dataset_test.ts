import assert from "node:assert/strict";
import { UsageError } from "../../src/commands/arguments.ts";
import { readItems, readLabels } from "../../src/commands/dataset.ts";
import type { ValueInfo } from "../../src/graph/graph.ts";
import { type DType, tensor } from "../../src/tensor/tensor.ts";
import { folder } from "./fixture.ts";

function input(name: string, shape: ValueInfo["shape"], dtype: DType = "f32"): ValueInfo {
  return { name, dtype, shape };
}

const X = [input("x", ["N", 2])];
const TWO = [input("x", ["N", 2]), input("y", ["N", 1], "i64")];

Deno.test("readItems() cuts a file along its first axis and casts its elements", async () => {
  await using dir = await folder();
  const file = dir.npy("a.npy", tensor("i8", [2, 2], [1, 2, 3, -4]));
  const items = await readItems(X, "input", [file]);
  assert.deepEqual(items.map(({ x }) => x), [
    tensor("f32", [2], Float32Array.of(1, 2)),
    tensor("f32", [2], Float32Array.of(3, -4)),
  ]);
});

Deno.test("readItems() takes a file for each input, in any order", async () => {
  await using dir = await folder();
  const x = dir.npy("x.npy", tensor("f32", [2, 2], [1, 2, 3, 4]));
  const y = dir.npy("y.npy", tensor("f32", [2, 1], [5, 6]));
  const items = await readItems(TWO, "input", [`y=${y}`, `x=${x}`]);
  assert.deepEqual([...items[1]!.y!.data, ...items[1]!.x!.data], [6, 3, 4]);
  assert.equal(items[0]!.y!.dtype, "i64");
});

for (
  const [title, array, message] of [
    [
      "items of another shape",
      tensor("f32", [2, 3], [1, 2, 3, 4, 5, 6]),
      /a\.npy" of shape \[2, 3\] .* wants items of \[2\]/,
    ],
    ["no items", tensor("f32", [0, 2], []), /holds no items: its shape is \[0,2\]/],
    ["a single number", tensor("f32", [], [1]), /first axis must count the items/],
    ["NaN", tensor("f32", [2, 2], [1, 2, 3, NaN]), /a\.npy" holds NaN in item 1/],
    ["infinity", tensor("f32", [2, 2], [1, Infinity, 3, 4]), /holds Infinity in item 0/],
  ] as const
) {
  Deno.test(`readItems() names a file with ${title}`, async () => {
    await using dir = await folder();
    await assert.rejects(readItems(X, "input", [dir.npy("a.npy", array)]), { name: "RangeError", message });
  });
}

Deno.test("readItems() refuses fractions for an input of whole numbers", async () => {
  await using dir = await folder();
  const file = dir.npy("a.npy", tensor("f32", [1, 1], [0.5]));
  await assert.rejects(
    readItems([input("y", ["N", 1], "i64")], "input", [file]),
    /holds 0\.5 in item 0: input "y" takes i64/,
  );
});

Deno.test("readItems() refuses files with different numbers of items", async () => {
  await using dir = await folder();
  const x = dir.npy("x.npy", tensor("f32", [2, 2], [1, 2, 3, 4]));
  const y = dir.npy("y.npy", tensor("f32", [1, 1], [5]));
  await assert.rejects(readItems(TWO, "input", [`x=${x}`, `y=${y}`]), /x\.npy" holds 2 items and .*y\.npy" holds 1/);
});

for (
  const [title, inputs, words, message] of [
    ["an input that is not there", X, ["z=a.npy"], /no input "z"; its inputs are "x"/],
    ["a bare path for several inputs", TWO, ["a.npy"], /several inputs \("x", "y"\), write --input NAME=a\.npy/],
    ["a missing input", TWO, ["x=a.npy"], /--input is missing for input "y"/],
    ["an input twice", X, ["a.npy", "x=b.npy"], /given twice for input "x"/],
  ] as const
) {
  Deno.test(`readItems() refuses ${title}`, async () => {
    await assert.rejects(readItems(inputs, "input", words), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("readLabels() takes whole numbers of any type, one for each item", async () => {
  await using dir = await folder();
  assert.deepEqual(await readLabels(dir.npy("l.npy", tensor("i64", [2], [1, 0])), 2), [1, 0]);
  assert.deepEqual(await readLabels(dir.npy("l.npy", tensor("f32", [2, 1], [1, 0])), 2), [1, 0]);
});

for (
  const [title, array, message] of [
    ["another length", tensor("u8", [3], [0, 1, 2]), /holds 3 labels for 2 items/],
    ["scores", tensor("f32", [2, 2], [1, 0, 0, 1]), /must have the shape \[2\]: they have \[2,2\]/],
    ["a fraction", tensor("f32", [2], [0, 0.5]), /label 1 is 0\.5/],
    ["NaN", tensor("f32", [2], [NaN, 1]), /label 0 is NaN/],
    ["a negative number", tensor("i32", [2], [0, -1]), /label 1 is -1/],
  ] as const
) {
  Deno.test(`readLabels() names a file with ${title}`, async () => {
    await using dir = await folder();
    await assert.rejects(readLabels(dir.npy("l.npy", array), 2), { name: "RangeError", message });
  });
}
