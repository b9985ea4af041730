import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number | string> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 22);
const image = tensor("f32", [1, 1, 1, 3], [1, 2, 4]);
const at = (...x: number[]) => tensor("f32", [1, 1, x.length, 2], x.flatMap((value) => [value, 0]));
const of = (...values: number[]) => [tensor("f32", [1, 1, 1, values.length], values)];

testOp("GridSample", {
  "the ends are the centres of the outer pixels where corners are aligned": {
    op: op("GridSample", { align_corners: 1 }),
    inputs: [image, at(-1, 0, 0.5, 1)],
    outputs: of(1, 2, 3, 4),
    cpuOnly: true,
  },
  "outside is zero": { op: op("GridSample"), inputs: [image, at(-1, 0, 3)], outputs: of(0.5, 2, 0), cpuOnly: true },
  "outside is the border": {
    op: op("GridSample", { padding_mode: "border" }),
    inputs: [image, at(-1, 0, 3)],
    outputs: of(1, 2, 4),
    cpuOnly: true,
  },
  "outside is reflected": {
    op: op("GridSample", { padding_mode: "reflection", align_corners: 1 }),
    inputs: [image, at(-2, 2, 3)],
    outputs: of(2, 2, 1),
    cpuOnly: true,
  },
  "the nearest": {
    op: op("GridSample", { mode: "nearest", align_corners: 1 }),
    inputs: [image, at(-0.6, -0.4)],
    outputs: of(1, 2),
    cpuOnly: true,
  },
  "a cubic goes through the pixels": {
    op: op("GridSample", { mode: "cubic", align_corners: 1 }),
    inputs: [image, at(-1, 0, 1)],
    outputs: of(1, 2, 4),
    cpuOnly: true,
  },
});
testOp("RoiAlign", {
  "means of a flat image": {
    op: op("RoiAlign", { output_height: 2, output_width: 2, sampling_ratio: 2 }),
    inputs: [tensor("f32", [1, 1, 4, 4], new Float32Array(16).fill(3)), tensor("f32", [1, 4], [0, 0, 3, 3]), i64([0])],
    outputs: [tensor("f32", [1, 1, 2, 2], [3, 3, 3, 3])],
    cpuOnly: true,
  },
  "the middle of a slope": {
    op: op("RoiAlign", { coordinate_transformation_mode: "output_half_pixel" }),
    inputs: [tensor("f32", [1, 1, 1, 4], [0, 1, 2, 3]), tensor("f32", [1, 4], [1, 0, 3, 0]), i64([0])],
    outputs: [tensor("f32", [1, 1, 1, 1], [2])],
    cpuOnly: true,
  },
});

Deno.test("GridSample names a mode that it does not know", () => {
  assert.throws(() => op("GridSample", { mode: "area" }), { name: "TypeError", message: /"area"/ });
});
