import assert from "node:assert/strict";
import type { AttributeValue } from "../../src/graph/graph.ts";
import { resize, upsample } from "../../src/ops/resize.ts";
import { i64, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { random, random8, testOp } from "./harness.ts";

const by = (coordinates: string, nearest = "round_prefer_floor", opset = 13) =>
  resize(
    new Map<string, AttributeValue>([["coordinate_transformation_mode", coordinates], ["nearest_mode", nearest]]),
    opset,
  );
const scales = (...values: number[]): Tensor => tensor("f32", [values.length], values);
const constants = [1, 2, 3];
const row = (...values: number[]): Tensor => tensor("f32", [1, 1, 1, values.length], values);
const four = row(1, 2, 3, 4);

testOp("Upsample", {
  "repeats elements": {
    op: upsample(new Map<string, AttributeValue>([["scales", [1, 1, 2, 2]]]), 7),
    inputs: [tensor("f32", [1, 1, 1, 2], [1, 2])],
    outputs: [tensor("f32", [1, 1, 2, 4], [1, 1, 2, 2, 1, 1, 2, 2])],
  },
  "takes scales as an input": {
    op: upsample(new Map(), 9),
    inputs: [random([2, 5, 3, 4]), scales(1, 1, 2, 3)],
    constants,
    layouts: ["nhwc"],
  },
});

testOp("Resize", {
  "takes the floor of asymmetric positions before operator set 11": {
    op: resize(new Map(), 10),
    inputs: [four, scales(1, 1, 1, 1.5)],
    constants,
    outputs: [row(1, 1, 2, 3, 3, 4)],
  },
  "rounds half_pixel positions, ties down, by default": {
    op: resize(new Map(), 13),
    inputs: [four, null, scales(1, 1, 1, 0.5)],
    constants,
    outputs: [row(1, 3)],
  },
  "rounds ties up with round_prefer_ceil": {
    op: by("half_pixel", "round_prefer_ceil"),
    inputs: [four, null, scales(1, 1, 1, 0.5)],
    constants,
    outputs: [row(2, 4)],
  },
  "takes sizes": {
    op: by("asymmetric", "floor"),
    inputs: [four, null, null, i64([1, 1, 2, 6])],
    constants,
    outputs: [tensor("f32", [1, 1, 2, 6], [1, 1, 2, 3, 3, 4, 1, 1, 2, 3, 3, 4])],
  },
  "aligns corners": {
    op: by("align_corners", "ceil"),
    inputs: [four, null, null, i64([1, 1, 1, 3])],
    constants,
    outputs: [row(1, 3, 4)],
  },
  "takes the axes given": {
    op: resize(new Map<string, AttributeValue>([["axes", [3]]]), 18),
    inputs: [row(1, 2), null, scales(2)],
    constants,
    outputs: [row(1, 1, 2, 2)],
  },
  "resizes f32 in plain": {
    op: by("half_pixel"),
    inputs: [random([2, 3, 5, 7]), null, scales(1, 1, 1.7, 0.6)],
    constants,
  },
  "resizes f32 in nhwc": {
    op: by("asymmetric", "floor"),
    inputs: [random([2, 6, 5, 7]), null, scales(1, 1, 2, 2)],
    constants,
    layouts: ["nhwc"],
  },
  "resizes one axis in nhwc": {
    op: by("half_pixel"),
    inputs: [random([2, 6, 5, 7]), null, scales(1, 1, 3, 1)],
    constants,
    layouts: ["nhwc"],
  },
  "resizes i8 in nhwc": {
    op: by("asymmetric", "floor"),
    inputs: [random8([2, 6, 5, 7]), null, scales(1, 1, 2, 2)],
    constants,
    layouts: ["nhwc"],
  },
  "resizes i8 in plain": {
    op: by("half_pixel"),
    inputs: [random8([2, 3, 5, 7]), null, scales(1, 1, 1.5, 3)],
    constants,
  },
});

Deno.test("resize() names a mode that is not supported", () => {
  assert.throws(() => resize(new Map([["mode", "area"]]), 13), /"mode" must be one of .*"area"/);
  assert.throws(() => upsample(new Map([["mode", "area"]]), 9), /"mode" must be one of .*"area"/);
  assert.throws(() => by("tf_crop_and_resize"), /for tf_crop_and_resize/);
});
