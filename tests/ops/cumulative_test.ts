import { OPS } from "../../src/ops/mod.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 14);
const x = tensor("f32", [2, 3], [1, 2, 3, 4, 5, 6]);
const along = (axis: number) => ({ inputs: [x, i64(axis)], constants: [1], cpuOnly: true as const });
const of = (...values: number[]) => [tensor("f32", [2, 3], values)];

testOp("CumSum", {
  "along rows": { op: op("CumSum"), ...along(1), outputs: of(1, 3, 6, 4, 9, 15) },
  "along columns": { op: op("CumSum"), ...along(-2), outputs: of(1, 2, 3, 5, 7, 9) },
  "without the element": { op: op("CumSum", { exclusive: 1 }), ...along(1), outputs: of(0, 1, 3, 0, 4, 9) },
  "from the end": { op: op("CumSum", { reverse: 1 }), ...along(1), outputs: of(6, 5, 3, 15, 11, 6) },
});
testOp("CumProd", {
  "from the end without the element": {
    op: op("CumProd", { reverse: 1, exclusive: 1 }),
    ...along(1),
    outputs: of(6, 3, 1, 30, 6, 1),
  },
});
