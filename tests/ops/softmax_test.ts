import { softmax } from "../../src/ops/softmax.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { random, testOp } from "./harness.ts";

const along = (axis: number) => softmax(new Map([["axis", axis]]), 13);

/** Results in 8 bits, 20 to the unit. */
const quantized = along(-1).quantized!([random([2, 2])], { scale: 0.05, zero: -128 })!.op;

testOp("Softmax", {
  "gives hand-computed values": {
    op: softmax(new Map(), 13),
    inputs: [tensor("f32", [2, 2], [0, Math.log(3), 1000, 1000])],
    outputs: [tensor("f32", [2, 2], [0.25, 0.75, 0.5, 0.5])],
  },
  "flattens from axis 1 on before operator set 13": {
    op: softmax(new Map(), 12),
    inputs: [tensor("f32", [1, 2, 2], [0, 0, 0, Math.log(5)])],
    outputs: [tensor("f32", [1, 2, 2], [0.125, 0.125, 0.125, 0.625])],
  },
  "normalizes odd rows in plain": { op: along(-1), inputs: [random([3, 5, 7], 1, -20, 20)] },
  "normalizes rows of whole blocks in plain": { op: along(-1), inputs: [random([100, 40], 1, -20, 20)] },
  "normalizes odd rows in the rows layout": {
    op: along(-1),
    inputs: [random([70, 9], 1, -20, 20)],
    layouts: ["rows"],
  },
  "normalizes few long rows": { op: along(-1), inputs: [random([3, 6625], 1, -20, 20)] },
  "normalizes few long rows in the rows layout": {
    op: along(-1),
    inputs: [random([3, 6625], 1, -20, 20)],
    layouts: ["rows"],
  },
  "quantizes what it gives": {
    op: quantized,
    inputs: [tensor("f32", [2, 2], [0, Math.log(3), 1000, 1000])],
    outputs: [tensor("i8", [2, 2], [-123, -113, -118, -118])],
  },
  "quantizes odd rows": { op: quantized, inputs: [random([3, 5, 7], 1, -20, 20)] },
  "quantizes rows of several blocks": { op: quantized, inputs: [random([70, 83], 1, -9, 9)], layouts: ["rows"] },
  "quantizes few long rows": { op: quantized, inputs: [random([3, 6625], 1, -20, 20)] },
  "normalizes an axis in the middle": { op: along(1), inputs: [random([2, 6, 3, 5])] },
  "normalizes channels in nhwc": { op: along(1), inputs: [random([2, 6, 3, 5])], layouts: ["nhwc"] },
  "normalizes an image axis of a map in nhwc": { op: along(2), inputs: [random([2, 6, 3, 5])], layouts: ["nhwc"] },
});
