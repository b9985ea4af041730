import { averagePool, globalAveragePool, globalMaxPool, maxPool } from "../../src/ops/pool.ts";
import type { AttributeValue } from "../../src/graph/graph.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { random, random8, testOp } from "./harness.ts";

const attributes = (values: Record<string, AttributeValue>) => new Map(Object.entries(values));
const square = tensor("f32", [1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
const stem = attributes({ kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });

testOp("MaxPool", {
  "takes the greatest of each window": {
    op: maxPool(attributes({ kernel_shape: [2, 2] }), 12),
    inputs: [square],
    outputs: [tensor("f32", [1, 1, 2, 2], [5, 6, 8, 9])],
  },
  "rounds up with ceil_mode": {
    op: maxPool(attributes({ kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }), 12),
    inputs: [square],
    outputs: [tensor("f32", [1, 1, 2, 2], [5, 6, 8, 9])],
  },
  "drops windows that ceil_mode starts in the padding": {
    op: maxPool(attributes({ kernel_shape: [1, 1], strides: [2, 2], ceil_mode: 1 }), 12),
    inputs: [tensor("f32", [1, 1, 2, 2], [1, 2, 3, 4])],
    outputs: [tensor("f32", [1, 1, 1, 1], [1])],
  },
  "dilates": {
    op: maxPool(attributes({ kernel_shape: [2, 2], dilations: [2, 2] }), 12),
    inputs: [square],
    outputs: [tensor("f32", [1, 1, 1, 1], [9])],
  },
  "pads below and right with SAME_UPPER": {
    op: maxPool(attributes({ kernel_shape: [2, 2], auto_pad: "SAME_UPPER" }), 12),
    inputs: [square],
    outputs: [tensor("f32", [1, 1, 3, 3], [5, 6, 6, 8, 9, 9, 8, 9, 9])],
  },
  "pads above and left with SAME_LOWER": {
    op: maxPool(attributes({ kernel_shape: [2, 2], auto_pad: "SAME_LOWER" }), 12),
    inputs: [square],
    outputs: [tensor("f32", [1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])],
  },
  "pools negative f32 maps of odd sizes": { op: maxPool(stem, 12), inputs: [random([2, 5, 9, 11], 1, -2, -1)] },
  "pools i8 maps of odd sizes": { op: maxPool(stem, 12), inputs: [random8([2, 5, 9, 11])] },
  "pools i8 maps of many channels": { op: maxPool(stem, 12), inputs: [random8([1, 35, 6, 6])], layouts: ["nhwc"] },
  "pools 1-D signals": {
    op: maxPool(attributes({ kernel_shape: [3], strides: [2] }), 12),
    inputs: [random([2, 3, 11])],
  },
});

testOp("AveragePool", {
  "leaves the padding out": {
    op: averagePool(attributes({ kernel_shape: [2, 2], pads: [1, 1, 0, 0] }), 11),
    inputs: [square],
    outputs: [tensor("f32", [1, 1, 3, 3], [1, 1.5, 2.5, 2.5, 3, 4, 5.5, 6, 7])],
  },
  "counts the padding with count_include_pad": {
    op: averagePool(attributes({ kernel_shape: [2, 2], pads: [1, 1, 0, 0], count_include_pad: 1 }), 11),
    inputs: [square],
    outputs: [tensor("f32", [1, 1, 3, 3], [0.25, 0.75, 1.25, 1.25, 3, 4, 2.75, 6, 7])],
  },
  "does not count what ceil_mode adds": {
    op: averagePool(attributes({ kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1, count_include_pad: 1 }), 11),
    inputs: [square],
    outputs: [tensor("f32", [1, 1, 2, 2], [3, 4.5, 7.5, 9])],
  },
  "pools maps of odd sizes": { op: averagePool(stem, 11), inputs: [random([2, 6, 9, 11])], layouts: ["nhwc"] },
});

testOp("GlobalAveragePool", {
  "averages each channel": {
    op: globalAveragePool(new Map(), 1),
    inputs: [square],
    outputs: [tensor("f32", [1, 1, 1, 1], [5])],
  },
  "averages maps in nhwc": { op: globalAveragePool(new Map(), 1), inputs: [random([2, 70, 7, 7])], layouts: ["nhwc"] },
  "averages large maps of few channels": {
    op: globalAveragePool(new Map(), 1),
    inputs: [random([1, 3, 61, 67])],
    layouts: ["nhwc"],
  },
});

testOp("GlobalMaxPool", {
  "takes the greatest of each channel": {
    op: globalMaxPool(new Map(), 1),
    inputs: [random([2, 6, 5, 5], 1, -2, -1)],
    layouts: ["nhwc"],
  },
});
