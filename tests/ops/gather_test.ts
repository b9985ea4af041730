import assert from "node:assert/strict";
import { gather } from "../../src/ops/gather.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { random, random8, testOp } from "./harness.ts";

const along = (axis: number) => gather(new Map([["axis", axis]]), 13);
const constants = [1];

testOp("Gather", {
  "picks rows, counting negative indices from the end": {
    op: along(0),
    inputs: [tensor("f32", [3, 2], [1, 2, 3, 4, 5, 6]), i64([-1, 0])],
    constants,
    outputs: [tensor("f32", [2, 2], [5, 6, 1, 2])],
  },
  "drops the axis for a scalar index": {
    op: along(0),
    inputs: [i64([1, 3, 224, 225]), i64(3)],
    constants,
    outputs: [i64(225)],
    cpuOnly: true,
  },
  "picks along the last axis by constant indices": {
    op: along(-1),
    inputs: [random([3, 5, 7]), tensor("i64", [2, 2], [6, 0, -3, 2])],
    constants,
  },
  "picks whole blocks by dynamic indices": {
    op: along(0),
    inputs: [random([10, 8]), tensor("i64", [2, 3], [9, -10, 3, -1, 0, 5])],
  },
  "picks by dynamic i32 indices": { op: along(1), inputs: [random([2, 5, 3]), tensor("i32", [2], [4, -4])] },
  "picks i8 words": { op: along(1), inputs: [random8([2, 5, 4]), i64([4, 0, -2])], constants },
  "picks i8 in the midst of words": { op: along(1), inputs: [random8([3, 5, 3]), i64([4, 0, -2])], constants },
});

Deno.test("gather() refuses an index out of range", () => {
  assert.throws(() => along(0).reference([random([3]), i64([3])]), /must lie in \[-3, 3\): current value is 3/);
});
