import { slice } from "../../src/ops/slice.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { random, random8, testOp } from "./harness.ts";

const op = slice(new Map(), 13);
const five = tensor("f32", [5], [1, 2, 3, 4, 5]);
const constants = [1, 2, 3, 4];

testOp("Slice", {
  "takes bounds from attributes before operator set 10": {
    op: slice(new Map([["axes", [1]], ["starts", [1]], ["ends", [9]]]), 9),
    inputs: [tensor("f32", [2, 3], [1, 2, 3, 4, 5, 6])],
    outputs: [tensor("f32", [2, 2], [2, 3, 5, 6])],
  },
  "goes backwards with huge bounds": {
    op,
    inputs: [five, i64([2 ** 63]), i64([-(2 ** 63)]), i64([0]), i64([-2])],
    constants,
    outputs: [tensor("f32", [3], [5, 3, 1])],
  },
  "counts negative bounds from the end": {
    op,
    inputs: [five, i64([-3]), i64([-1])],
    constants,
    outputs: [tensor("f32", [2], [3, 4])],
  },
  "gives an empty tensor": {
    op,
    inputs: [five, i64([3]), i64([2])],
    constants,
    outputs: [tensor("f32", [0], [])],
  },
  "slices shapes": {
    op,
    inputs: [i64([1, 3, 224, 224]), i64([2]), i64([4])],
    constants,
    outputs: [i64([224, 224])],
    cpuOnly: true,
  },
  "slices f32 rows in nhwc": {
    op,
    inputs: [random([2, 6, 7, 5]), i64([1, 0]), i64([6, 4]), i64([2, 3]), i64([2, 1])],
    constants,
    layouts: ["nhwc"],
  },
  "slices f32 channels in nhwc": {
    op,
    inputs: [random([2, 9, 4, 5]), i64([2]), i64([8]), i64([1])],
    constants,
    layouts: ["nhwc"],
  },
  "slices i8 channels in nhwc": {
    op,
    inputs: [random8([2, 37, 4, 5]), i64([3]), i64([30]), i64([1])],
    constants,
    layouts: ["nhwc"],
  },
  "slices whole blocks of i8 channels in nhwc": {
    op,
    inputs: [random8([2, 64, 4, 5]), i64([32]), i64([64]), i64([1])],
    constants,
    layouts: ["nhwc"],
  },
  "slices i8 in plain backwards": {
    op,
    inputs: [random8([3, 7, 5]), i64([-1, 4]), i64([-100, 0]), i64([1, 2]), i64([-2, -1])],
    constants,
  },
});
