import assert from "node:assert/strict";
import { layerNormalization } from "../../src/ops/layer_normalization.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { random, testOp } from "./harness.ts";

const along = (axis: number, epsilon = 1e-5) => layerNormalization(new Map([["axis", axis], ["epsilon", epsilon]]), 17);
const last = layerNormalization(new Map(), 17);
const quantized = last.quantized!([tensor("f32", [1], [0])], { scale: 0.25, zero: 3 })!.op;
const f32 = (...values: number[]) => tensor("f32", [values.length], values);

testOp("LayerNormalization", {
  "gives hand-computed values": {
    op: along(-1, 1),
    inputs: [tensor("f32", [2, 2], [-2, 2, 3, 3]), f32(1, Math.sqrt(5)), f32(0, 10)],
    outputs: [tensor("f32", [2, 2], [-2 / Math.sqrt(5), 12, 0, 10])],
  },
  "runs without a bias": { op: last, inputs: [random([5, 8], 1, -3, 9), random([8], 2)] },
  "runs odd rows": { op: last, inputs: [random([3, 5, 7], 1, -3, 9), random([7], 2), random([7], 3)] },
  "runs odd rows in the rows layout": {
    op: last,
    inputs: [random([70, 9], 1, 90, 92), random([9], 2), random([9], 3)],
    layouts: ["rows", "rows", "rows"],
    // Near 91 an f32 holds steps of 8e-6, which the division by a deviation of 0.6 and the scale pass on.
    atol: 5e-5,
  },
  "runs rows of one element": { op: last, inputs: [random([3, 1]), random([1], 2), random([1], 3)] },
  "shares few long rows among invocations": {
    op: last,
    inputs: [random([2, 1030]), random([1030], 2), random([1030], 3)],
  },
  "reads constant parameters": {
    op: last,
    inputs: [random([9, 64]), random([64], 2), random([64], 3)],
    constants: [1, 2],
  },
  "takes the layout of a feature map away": {
    op: last,
    inputs: [random([2, 6, 3, 5]), random([5], 2), random([5], 3)],
    layouts: ["nhwc"],
  },
  "normalizes several axes together": {
    op: along(-2),
    inputs: [random([3, 6, 10]), random([6, 10], 2), random([6, 10], 3)],
  },
  "adds a tensor before": {
    op: along(-1, 1),
    inputs: [tensor("f32", [1, 2], [-1, 5]), f32(1, 1), null, tensor("f32", [1, 2], [-1, -3])],
    outputs: [tensor("f32", [1, 2], [-2 / Math.sqrt(5), 2 / Math.sqrt(5)])],
  },
  "adds odd rows before": {
    op: last,
    inputs: [random([3, 40, 7], 1, -3, 9), random([7], 2), random([7], 3), random([3, 40, 7], 4)],
    layouts: ["rows", "plain", "plain", "plain"],
  },
  "quantizes what it gives": {
    op: quantized,
    inputs: [tensor("f32", [2, 2], [-2, 2, 3, 3]), f32(1, Math.sqrt(5)), f32(0, 10)],
    outputs: [
      tensor("f32", [2, 2], [-2 / Math.sqrt(4 + 1e-5), 10 + 2 * Math.sqrt(5 / (4 + 1e-5)), 0, 10]),
      tensor("i8", [2, 2], [-1, 52, 3, 43]),
    ],
  },
  "quantizes odd rows after an addition": {
    op: quantized,
    inputs: [random([3, 40, 7], 1, -3, 9), random([7], 2), random([7], 3), random([3, 40, 7], 4)],
  },
  "quantizes rows of several blocks": {
    op: quantized,
    inputs: [random([5, 83], 1, -3, 9), random([83], 2), random([83], 3)],
    constants: [1, 2],
  },
  "quantizes few long rows": {
    op: quantized,
    inputs: [random([2, 1030]), random([1030], 2), random([1030], 3)],
  },
  "broadcasts parameters": {
    op: along(1),
    inputs: [random([2, 3, 2]), tensor("f32", [3, 1], [1, 2, 3]), random([2], 3)],
    cpuOnly: true,
  },
});

Deno.test("LayerNormalization refuses what it cannot compute", () => {
  assert.throws(() => layerNormalization(new Map([["stash_type", 10]]), 17), {
    name: "TypeError",
    message: /"stash_type" must be 1 .*current value is 10/,
  });
  assert.throws(() => last.infer([random([2, 4]), random([3])]), {
    name: "RangeError",
    message: /"Scale" must be f32 and broadcast to \[4\]: it is f32 \[3\]/,
  });
  assert.throws(() => last.infer([random([2, 4]), random([4]), random([2, 4])]), { message: /"B"/ });
  assert.throws(() => last.infer([random([2, 4]), random([4]), null, random([4])]), {
    name: "RangeError",
    message: /adds a tensor of shape \[2,4\]: it is \[4\]/,
  });
  const [x, scale] = [random([2, 3, 5]), random([3, 5])].map((given) => ({ ...given, layout: "plain" as const }));
  assert.throws(() => along(1).lower!([x!, scale!], [x!], { lanes: 8 }), {
    name: "TypeError",
    message: /multiple of 4 elements: axis 1 of \[2,3,5\] has 15/,
  });
});
