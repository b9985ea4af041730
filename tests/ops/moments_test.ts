import assert from "node:assert/strict";
import { joinMoments, moments } from "../../src/ops/moments.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { assertClose, noGpu, random, runOnGpu, testOp } from "./harness.ts";

const image = random([2, 6, 7, 9]);

testOp("moments", {
  "gives least, greatest and mean of all": {
    op: moments([]),
    inputs: [tensor("f32", [2, 3], [1, -2, 3, 4, 5, -6])],
    outputs: [tensor("f32", [1, 3], [-6, 5, 5 / 6])],
  },
  "gives them for each index of a kept axis": {
    op: moments([1]),
    inputs: [tensor("f32", [2, 3], [1, -2, 3, 4, 5, -6])],
    outputs: [tensor("f32", [1, 3, 3], [1, -2, -6, 4, 5, 3, 2.5, 1.5, -1.5])],
  },
  "takes a scalar": {
    op: moments([]),
    inputs: [tensor("f32", [], [-3])],
    outputs: [tensor("f32", [1, 3], [-3, -3, -3])],
  },
  "takes many elements": { op: moments([]), inputs: [random([50_003], 3, 2, 3)], atol: 1e-4 },
  "leaves out the padding of channels": {
    op: moments([]),
    inputs: [random([1, 6, 20, 20], 2, 1, 2)],
    layouts: ["nhwc"],
  },
  "leaves out the padding of rows": { op: moments([]), inputs: [random([5, 7], 2, -2, -1)], layouts: ["rows"] },
  "keeps channels in plain layout": { op: moments([1]), inputs: [image] },
  "keeps channels in nhwc": { op: moments([1]), inputs: [image], layouts: ["nhwc"] },
  "keeps the batch in nhwc": { op: moments([0]), inputs: [image], layouts: ["nhwc"] },
  "keeps batch and channels in nhwc": { op: moments([0, 1]), inputs: [image], layouts: ["nhwc"] },
  "keeps the batch of sizes that are no multiples of 4": { op: moments([0]), inputs: [random([3, 5, 3])] },
  "keeps the last axis": { op: moments([2]), inputs: [random([2, 5, 12])], layouts: ["rows"] },
});

Deno.test({
  name: "joinMoments() gives of any number of parts what one gives",
  ignore: noGpu !== null,
  fn: async () => {
    for (
      const [kept, inputs, layout] of [[[], [random([1, 6, 90, 90])], "nhwc"], [
        [1],
        [random([2, 3, 4000])],
        "plain",
      ]] as const
    ) {
      const op = moments(kept, 5);
      const [whole] = moments(kept).reference(inputs);
      const [parts] = await runOnGpu({ op, inputs, layouts: [layout] });
      assert.equal(parts!.shape[0], 5);
      assertClose(joinMoments(parts!), joinMoments(whole!), 1e-6, 1e-6);
      assertClose(joinMoments(op.reference(inputs)[0]!), joinMoments(whole!), 0, 0);
    }
  },
});
