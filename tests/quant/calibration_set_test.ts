import assert from "node:assert/strict";
import { calibrationSet } from "../../src/quant/calibration_set.ts";
import type { CalibrationItem } from "../../src/quant/statistics.ts";
import { tensor } from "../../src/tensor/tensor.ts";

const ITEMS: readonly CalibrationItem[] = [1, 2, 3, 4].map((x) => ({ x: tensor("f32", [1], [x]) }));

async function values(items: AsyncIterable<CalibrationItem>): Promise<number[]> {
  return (await Array.fromAsync(items)).map((item) => item["x"]!.data[0]!);
}

function* generated() {
  yield* ITEMS;
}

async function* streamed() {
  yield* await Promise.resolve(ITEMS);
}

Deno.test("calibrationSet() can be gone through again, whatever it is made of", async () => {
  for (const source of [ITEMS, new Set(ITEMS), generated(), streamed()]) {
    const set = await calibrationSet(source, 3);
    assert.equal(set.first, ITEMS[0]);
    assert.deepEqual(await values(set), [1, 2, 3]);
    assert.deepEqual(await values(set), [1, 2, 3]);
  }
});

Deno.test("calibrationSet() reads what can be read again anew, and no more of it than is wanted", async () => {
  let read = 0;
  const source = {
    async *[Symbol.asyncIterator]() {
      for (const item of ITEMS) {
        read++;
        yield await Promise.resolve(item);
      }
    },
  };
  const set = await calibrationSet(source, 2);
  assert.equal(read, 1);
  await values(set);
  assert.equal(read, 3);
});

Deno.test("calibrationSet() closes what it has opened", async () => {
  let open = 0;
  const source = {
    async *[Symbol.asyncIterator]() {
      open++;
      try {
        yield* await Promise.resolve(ITEMS);
      } finally {
        open--;
      }
    },
  };
  const set = await calibrationSet(source, 2);
  assert.equal(open, 0);
  await values(set);
  assert.equal(open, 0);
});

Deno.test("calibrationSet() wants at least one item", async () => {
  await assert.rejects(calibrationSet([], 3), /The calibration set is empty/);
});
