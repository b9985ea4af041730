import { OPS } from "../../src/ops/mod.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 20);

testOp("OneHot", {
  "along a new last axis": {
    op: op("OneHot"),
    inputs: [i64([0, -1, 3]), i64(3), tensor("f32", [2], [2, 5])],
    constants: [1],
    outputs: [tensor("f32", [3, 3], [5, 2, 2, 2, 2, 5, 2, 2, 2])],
    cpuOnly: true,
  },
  "along a new first axis": {
    op: op("OneHot", { axis: 0 }),
    inputs: [i64([1, 0]), i64(2), i64([0, 1])],
    constants: [1],
    outputs: [tensor("i64", [2, 2], [0, 1, 1, 0])],
    cpuOnly: true,
  },
});
testOp("EyeLike", {
  "above the diagonal, in a type of its own": {
    op: op("EyeLike", { k: 1, dtype: 6 }),
    inputs: [tensor("f32", [2, 3], new Float32Array(6))],
    outputs: [tensor("i32", [2, 3], [0, 1, 0, 0, 0, 1])],
    cpuOnly: true,
  },
});
testOp("HannWindow", {
  periodic: {
    op: op("HannWindow"),
    inputs: [i64(4)],
    constants: [0],
    outputs: [tensor("f32", [4], [0, 0.5, 1, 0.5])],
    cpuOnly: true,
  },
  symmetric: {
    op: op("HannWindow", { periodic: 0 }),
    inputs: [i64(3)],
    constants: [0],
    outputs: [tensor("f32", [3], [0, 1, 0])],
    cpuOnly: true,
  },
});
testOp("HammingWindow", {
  symmetric: {
    op: op("HammingWindow", { periodic: 0 }),
    inputs: [i64(3)],
    constants: [0],
    outputs: [tensor("f32", [3], [4 / 46, 1, 4 / 46])],
    cpuOnly: true,
  },
});
testOp("BlackmanWindow", {
  symmetric: {
    op: op("BlackmanWindow", { periodic: 0 }),
    inputs: [i64(3)],
    constants: [0],
    outputs: [tensor("f32", [3], [0, 1, 0])],
    cpuOnly: true,
  },
});
testOp("AffineGrid", {
  "of a map that swaps the axes": {
    op: op("AffineGrid", { align_corners: 1 }),
    inputs: [tensor("f32", [1, 2, 3], [0, 1, 0, 1, 0, 0.5]), i64([1, 1, 2, 2])],
    constants: [1],
    outputs: [tensor("f32", [1, 2, 2, 2], [-1, -0.5, -1, 1.5, 1, -0.5, 1, 1.5])],
    cpuOnly: true,
  },
});
