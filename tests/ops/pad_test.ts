import assert from "node:assert/strict";
import { pad } from "../../src/ops/pad.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { random, random8, testOp } from "./harness.ts";

const op = pad(new Map(), 18);
const around = i64([0, 0, 1, 2, 0, 0, 2, 1]);
const value = (x: number) => tensor("f32", [], [x]);
const constants = [1, 2, 3];

testOp("Pad", {
  "takes pads and value from attributes before operator set 11": {
    op: pad(new Map<string, number | number[]>([["pads", [0, 1, 0, 2]], ["value", 9]]), 10),
    inputs: [tensor("f32", [1, 2], [1, 2])],
    outputs: [tensor("f32", [1, 5], [9, 1, 2, 9, 9])],
  },
  "pads the axes given and crops by negative pads": {
    op,
    inputs: [tensor("f32", [2, 3], [1, 2, 3, 4, 5, 6]), i64([-1, 1]), value(7), i64([-1])],
    constants,
    outputs: [tensor("f32", [2, 3], [2, 3, 7, 5, 6, 7])],
  },
  "pads f32 in plain": { op, inputs: [random([2, 3, 4, 5]), around, value(0.5)], constants },
  "pads f32 images in nhwc": { op, inputs: [random([2, 6, 4, 5]), around], constants, layouts: ["nhwc"] },
  "pads f32 images of whole blocks in nhwc with a value": {
    op,
    inputs: [random([2, 8, 4, 5]), around, value(0.5)],
    constants,
    layouts: ["nhwc"],
  },
  "leaves nhwc where a value would get into the padding": {
    op,
    inputs: [random([2, 6, 4, 5]), around, value(0.5)],
    constants,
    layouts: ["nhwc"],
  },
  "pads f32 channels in nhwc": {
    op,
    inputs: [random([2, 6, 4, 5]), i64([0, 1, 0, 0, 0, 4, 0, 0])],
    constants,
    layouts: ["nhwc"],
  },
  "pads i8 in plain": { op, inputs: [random8([2, 3, 4, 5]), around, tensor("i8", [], [-7])], constants },
  "pads i8 in nhwc": {
    op,
    inputs: [random8([2, 3, 4, 5]), around, tensor("i8", [], [-7])],
    constants,
    layouts: ["nhwc"],
  },
});

Deno.test("pad() names a mode that is not supported", () => {
  assert.throws(() => pad(new Map([["mode", "mirror"]]), 18), /Pad "mode" must be one of .*: .*"mirror"/);
});
