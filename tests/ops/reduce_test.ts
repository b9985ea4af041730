import { reduceMax, reduceMean, reduceMin, reduceProd, reduceSum } from "../../src/ops/reduce.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { random, testOp } from "./harness.ts";

const over = (axes: number[], keepdims = 1) =>
  new Map<string, number | number[]>([["axes", axes], ["keepdims", keepdims]]);
const small = tensor("f32", [2, 3], [1, -2, 3, 4, 5, -6]);

testOp("ReduceSum", {
  "adds all elements without axes": {
    op: reduceSum(new Map(), 13),
    inputs: [small],
    outputs: [tensor("f32", [1, 1], [5])],
  },
  "takes axes as an input": {
    op: reduceSum(new Map([["keepdims", 0]]), 13),
    inputs: [small, i64([-1])],
    constants: [1],
    outputs: [tensor("f32", [2], [2, 3])],
  },
  "gives its input with noop_with_empty_axes": {
    op: reduceSum(new Map([["noop_with_empty_axes", 1]]), 13),
    inputs: [small],
    outputs: [small],
  },
  "adds integers": {
    op: reduceSum(new Map([["keepdims", 0]]), 13),
    inputs: [i64([3, 4])],
    outputs: [i64(7)],
    cpuOnly: true,
  },
  "reduces scattered axes": { op: reduceSum(over([1, 3], 0), 11), inputs: [random([3, 4, 5, 6])] },
  "reduces a long vector": { op: reduceSum(over([0]), 11), inputs: [random([5003])], atol: 1e-4 },
});

testOp("ReduceMean", {
  "averages rows": {
    op: reduceMean(over([-1]), 11),
    inputs: [small],
    outputs: [tensor("f32", [2, 1], [2 / 3, 1])],
  },
  "reduces whole blocks along the last axis": { op: reduceMean(over([-1]), 11), inputs: [random([5, 9, 120])] },
  "reduces an odd last axis": { op: reduceMean(over([-1]), 11), inputs: [random([5, 9, 7])] },
  "reduces many short rows": { op: reduceMean(over([-1]), 11), inputs: [random([1000, 12])] },
  "reduces image axes in plain": { op: reduceMean(over([2, 3]), 11), inputs: [random([2, 5, 7, 9])] },
  "reduces image axes in nhwc": { op: reduceMean(over([2, 3]), 11), inputs: [random([2, 6, 7, 9])], layouts: ["nhwc"] },
  "drops image axes from nhwc": {
    op: reduceMean(over([2, 3], 0), 11),
    inputs: [random([2, 6, 7, 9])],
    layouts: ["nhwc"],
  },
  "drops image axes from nhwc in whole blocks": {
    op: reduceMean(over([2, 3], 0), 11),
    inputs: [random([2, 8, 7, 9])],
    layouts: ["nhwc"],
  },
  "reduces one image axis in nhwc": {
    op: reduceMean(over([2]), 11),
    inputs: [random([2, 6, 7, 9])],
    layouts: ["nhwc"],
  },
  "drops one image axis from nhwc": {
    op: reduceMean(over([2], 0), 11),
    inputs: [random([2, 6, 7, 9])],
    layouts: ["nhwc"],
  },
  "reduces channels in nhwc": { op: reduceMean(over([1]), 11), inputs: [random([2, 6, 7, 9])], layouts: ["nhwc"] },
  "reduces the batch in nhwc": { op: reduceMean(over([0]), 11), inputs: [random([3, 6, 7, 9])], layouts: ["nhwc"] },
  "reduces everything in nhwc": {
    op: reduceMean(over([0, 1, 2, 3], 0), 11),
    inputs: [random([3, 6, 7, 9])],
    layouts: ["nhwc"],
  },
});

testOp("ReduceMax", {
  "takes the greatest": { op: reduceMax(over([1], 0), 11), inputs: [small], outputs: [tensor("f32", [2], [3, 5])] },
  "reduces all-negative maps in nhwc": {
    op: reduceMax(over([2, 3]), 11),
    inputs: [random([1, 5, 20, 20], 1, -3, -2)],
    layouts: ["nhwc"],
  },
});

testOp("ReduceMin", {
  "takes the least": { op: reduceMin(over([0], 0), 11), inputs: [small], outputs: [tensor("f32", [3], [1, -2, -6])] },
});

testOp("ReduceProd", {
  "multiplies": { op: reduceProd(over([1], 0), 11), inputs: [small], outputs: [tensor("f32", [2], [-6, -120])] },
});
