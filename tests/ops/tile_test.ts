import { OPS } from "../../src/ops/mod.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number | string | number[]> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 18);
const x = tensor("f32", [2, 2], [1, 2, 3, 4]);
const channels = tensor("f32", [1, 8, 1, 1], [0, 1, 2, 3, 4, 5, 6, 7]);

testOp("Tile", {
  "repeats each axis": {
    op: op("Tile"),
    inputs: [x, i64([1, 2])],
    constants: [1],
    outputs: [tensor("f32", [2, 4], [1, 2, 1, 2, 3, 4, 3, 4])],
    cpuOnly: true,
  },
});
testOp("DepthToSpace", {
  "channels of a block first": {
    op: op("DepthToSpace", { blocksize: 2 }),
    inputs: [channels],
    outputs: [tensor("f32", [1, 2, 2, 2], [0, 2, 4, 6, 1, 3, 5, 7])],
    cpuOnly: true,
  },
  "places of a block first": {
    op: op("DepthToSpace", { blocksize: 2, mode: "CRD" }),
    inputs: [channels],
    outputs: [tensor("f32", [1, 2, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7])],
    cpuOnly: true,
  },
});
testOp("SpaceToDepth", {
  "undoes DepthToSpace": {
    op: op("SpaceToDepth", { blocksize: 2 }),
    inputs: [tensor("f32", [1, 2, 2, 2], [0, 2, 4, 6, 1, 3, 5, 7])],
    outputs: [channels],
    cpuOnly: true,
  },
});
testOp("Trilu", {
  "the upper triangle": { op: op("Trilu"), inputs: [x], outputs: [tensor("f32", [2, 2], [1, 2, 0, 4])], cpuOnly: true },
  "below a diagonal": {
    op: op("Trilu", { upper: 0 }),
    inputs: [x, i64(-1)],
    outputs: [tensor("f32", [2, 2], [0, 0, 3, 0])],
    cpuOnly: true,
  },
});
testOp("ReverseSequence", {
  "by lengths of its own": {
    op: op("ReverseSequence", { time_axis: 1, batch_axis: 0 }),
    inputs: [tensor("f32", [2, 3], [1, 2, 3, 4, 5, 6]), i64([2, 3])],
    outputs: [tensor("f32", [2, 3], [2, 1, 3, 6, 5, 4])],
    cpuOnly: true,
  },
});
testOp("CenterCropPad", {
  "cuts one axis and pads another": {
    op: op("CenterCropPad"),
    inputs: [tensor("f32", [3, 1], [1, 2, 3]), i64([1, 3])],
    constants: [1],
    outputs: [tensor("f32", [1, 3], [0, 2, 0])],
    cpuOnly: true,
  },
});
