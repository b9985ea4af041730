import { split } from "../../src/ops/split.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { random, random8, testOp } from "./harness.ts";

const six = tensor("f32", [6], [1, 2, 3, 4, 5, 6]);

testOp("Split", {
  "takes sizes from the attribute": {
    op: split(new Map([["split", [2, 4]]]), 11),
    inputs: [six],
    outputs: [tensor("f32", [2], [1, 2]), tensor("f32", [4], [3, 4, 5, 6])],
  },
  "takes sizes from the input": {
    op: split(new Map(), 13),
    inputs: [six, i64([5, 1])],
    constants: [1],
    outputs: [tensor("f32", [5], [1, 2, 3, 4, 5]), tensor("f32", [1], [6])],
  },
  "makes num_outputs parts, the last the smallest": {
    op: split(new Map([["num_outputs", 4]]), 18),
    inputs: [tensor("f32", [7], [1, 2, 3, 4, 5, 6, 7])],
    outputs: [[1, 2], [3, 4], [5, 6], [7]].map((part) => tensor("f32", [part.length], part)),
  },
  "splits f32 channels in nhwc": {
    op: split(new Map<string, number | number[]>([["axis", 1], ["split", [3, 8, 5]]]), 11),
    inputs: [random([2, 16, 3, 5])],
    layouts: ["nhwc"],
  },
  "splits i8 channels in nhwc": {
    op: split(new Map<string, number | number[]>([["axis", 1], ["split", [3, 16, 5]]]), 11),
    inputs: [random8([2, 24, 3, 5])],
    layouts: ["nhwc"],
  },
});
