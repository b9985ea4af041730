import { concat } from "../../src/ops/concat.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { random, random8, testOp } from "./harness.ts";

const along = (axis: number) => concat(new Map([["axis", axis]]), 13);

testOp("Concat", {
  "joins along an axis": {
    op: along(-1),
    inputs: [tensor("f32", [2, 1], [1, 2]), tensor("f32", [2, 2], [3, 4, 5, 6])],
    outputs: [tensor("f32", [2, 3], [1, 3, 4, 2, 5, 6])],
  },
  "joins shapes": { op: along(0), inputs: [i64([1]), i64([-1, 4])], outputs: [i64([1, -1, 4])], cpuOnly: true },
  "joins f32 in plain": { op: along(1), inputs: [random([2, 3, 5]), random([2, 1, 5], 2), random([2, 4, 5], 3)] },
  "joins whole blocks of channels in nhwc": {
    op: along(1),
    inputs: [random([2, 8, 3, 5]), random([2, 4, 3, 5], 2)],
    layouts: ["nhwc", "nhwc"],
  },
  "joins odd channels from nhwc and plain": {
    op: along(1),
    inputs: [random([2, 7, 3, 5]), random([2, 2, 3, 5], 2), random([2, 1, 3, 5], 3)],
    layouts: ["nhwc", "plain", "nhwc"],
  },
  "joins images in nhwc along an image axis": {
    op: along(2),
    inputs: [random([2, 7, 3, 5]), random([2, 7, 2, 5], 2)],
    layouts: ["nhwc", "nhwc"],
  },
  "joins i8 in plain in the midst of words": {
    op: along(1),
    inputs: [random8([3, 3, 5]), random8([3, 2, 5], 2), random8([3, 1, 5], 3)],
  },
  "joins i8 channels from plain with whole words from nhwc": {
    op: along(1),
    inputs: [random8([1, 24, 6, 5]), random8([1, 24, 6, 5], 2)],
    layouts: ["plain", "nhwc"],
  },
  "joins i8 blocks in nhwc": {
    op: along(1),
    inputs: [random8([2, 16, 3, 5]), random8([2, 8, 3, 5], 2)],
    layouts: ["nhwc", "nhwc"],
  },
  "joins odd i8 channels in nhwc": {
    op: along(1),
    inputs: [random8([2, 17, 3, 5]), random8([2, 6, 3, 5], 2), random8([2, 2, 3, 5], 3)],
    layouts: ["nhwc", "nhwc", "plain"],
  },
  "joins integers": { op: along(0), inputs: [tensor("i32", [2], [1, -2]), tensor("i32", [1], [1 << 30])] },
});
