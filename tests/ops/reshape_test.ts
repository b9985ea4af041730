import assert from "node:assert/strict";
import { flatten, identity, reshape, squeeze, unsqueeze } from "../../src/ops/reshape.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { random, testOp } from "./harness.ts";

const x = random([2, 3, 4]);
const as = (...shape: number[]) => tensor("f32", shape, x.data);
const constants = [1];

testOp("Reshape", {
  "keeps dimensions of 0 and works out -1": {
    op: reshape(new Map(), 13),
    inputs: [x, i64([0, -1, 2])],
    constants,
    outputs: [as(2, 6, 2)],
  },
  "takes 0 as it is with allowzero": {
    op: reshape(new Map([["allowzero", 1]]), 14),
    inputs: [tensor("f32", [0, 3], []), i64([3, 0])],
    constants,
    outputs: [tensor("f32", [3, 0], [])],
  },
});

testOp("Flatten", {
  "makes a matrix": { op: flatten(new Map(), 13), inputs: [x], outputs: [as(2, 12)] },
  "flattens all to one row at axis 0": { op: flatten(new Map([["axis", 0]]), 13), inputs: [x], outputs: [as(1, 24)] },
  "flattens all to one column at the last axis": {
    op: flatten(new Map([["axis", 3]]), 13),
    inputs: [x],
    outputs: [as(24, 1)],
  },
});

testOp("Squeeze", {
  "drops all axes of size 1": { op: squeeze(new Map(), 13), inputs: [as(1, 2, 1, 12)], outputs: [as(2, 12)] },
  "drops the axes of the attribute": {
    op: squeeze(new Map([["axes", [-2]]]), 11),
    inputs: [as(1, 2, 1, 12)],
    outputs: [as(1, 2, 12)],
  },
  "drops the axes of the input": {
    op: squeeze(new Map(), 13),
    inputs: [as(1, 2, 1, 12), i64([0])],
    constants,
    outputs: [as(2, 1, 12)],
  },
});

testOp("Unsqueeze", {
  "adds the axes of the attribute": {
    op: unsqueeze(new Map([["axes", [0, 4]]]), 11),
    inputs: [x],
    outputs: [as(1, 2, 3, 4, 1)],
  },
  "adds the axes of the input": {
    op: unsqueeze(new Map(), 13),
    inputs: [x, i64([-1])],
    constants,
    outputs: [as(2, 3, 4, 1)],
  },
});

testOp("Identity", { "gives its input": { op: identity(new Map(), 13), inputs: [x], outputs: [x] } });

Deno.test("reshape() refuses a shape of another size", () => {
  assert.throws(() => reshape(new Map(), 13).infer([x, i64([5, -1])]), /Cannot reshape \[2,3,4\] to/);
});
