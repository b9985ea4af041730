import { expand, transpose } from "../../src/ops/transpose.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { random, random8, testOp } from "./harness.ts";

const by = (...perm: number[]) => transpose(new Map([["perm", perm]]), 13);

testOp("Transpose", {
  "reverses the axes by default": {
    op: transpose(new Map(), 13),
    inputs: [tensor("f32", [2, 3], [1, 2, 3, 4, 5, 6])],
    outputs: [tensor("f32", [3, 2], [1, 4, 2, 5, 3, 6])],
  },
  "reorders f32 of odd sizes": { op: by(0, 2, 3, 1), inputs: [random([2, 3, 5, 7])] },
  "reorders f32 in nhwc": { op: by(0, 2, 3, 1), inputs: [random([2, 6, 5, 7])], layouts: ["nhwc"] },
  "reorders f32 in rows": { op: by(0, 2, 1), inputs: [random([2, 6, 5])], layouts: ["rows"] },
  "reorders f32 in cols": { op: by(1, 0, 2), inputs: [random([2, 6, 5])], layouts: ["cols"] },
  "reorders i8 of odd sizes": { op: by(3, 1, 0, 2), inputs: [random8([2, 3, 5, 7])] },
  "reorders i8 in nhwc": { op: by(0, 1, 3, 2), inputs: [random8([1, 20, 3, 5])], layouts: ["nhwc"] },
  "reorders six axes": { op: by(5, 3, 1, 0, 2, 4), inputs: [random([2, 3, 2, 3, 2, 3])] },
  "reorders heads of attention": { op: by(2, 0, 3, 1, 4), inputs: [random([1, 6, 3, 4, 8])] },
});

testOp("Expand", {
  "repeats axes of size 1 and adds axes in front": {
    op: expand(new Map(), 13),
    inputs: [tensor("f32", [2, 1], [1, 2]), i64([2, 1, 3])],
    constants: [1],
    outputs: [tensor("f32", [2, 2, 3], [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2])],
  },
  "repeats i8": { op: expand(new Map(), 13), inputs: [random8([3, 1, 5]), i64([3, 7, 5])], constants: [1] },
});
