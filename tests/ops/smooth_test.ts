import { OPS } from "../../src/ops/mod.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { testPointwise } from "./_pointwise.ts";
import { random } from "./harness.ts";

const x = random([3, 17], 1, -4, 4);
const three = tensor("f32", [3], [-1, 0, 2]);
// The exponentials near 0 lose the digits that 1 takes.
const tolerance = { atol: 1e-6, rtol: 1e-5 };
const op = (name: string, attributes: Record<string, number | string> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 22);
const of = (...values: number[]) => [tensor("f32", [3], values)];

testPointwise("Elu", {
  "of three numbers": { op: op("Elu", { alpha: 2 }), inputs: [three], outputs: of(2 * Math.expm1(-1), 0, 2) },
  "of many": { op: op("Elu"), inputs: [x], ...tolerance },
});
testPointwise("Selu", {
  "of three numbers": {
    op: op("Selu", { alpha: 2, gamma: 3 }),
    inputs: [three],
    outputs: of(6 * Math.expm1(-1), 0, 6),
  },
  "of many": { op: op("Selu"), inputs: [x], ...tolerance },
});
testPointwise("Celu", {
  "of three numbers": { op: op("Celu", { alpha: 2 }), inputs: [three], outputs: of(2 * Math.expm1(-0.5), 0, 2) },
  "of many": { op: op("Celu"), inputs: [x], ...tolerance },
});
testPointwise("Softplus", {
  "of three numbers": {
    op: op("Softplus"),
    inputs: [three],
    outputs: of(Math.log(1 + Math.exp(-1)), Math.LN2, Math.log(1 + Math.exp(2))),
    program: false,
  },
});
testPointwise("Mish", {
  "of three numbers": {
    op: op("Mish"),
    inputs: [three],
    outputs: of(-Math.tanh(Math.log(1 + Math.exp(-1))), 0, 2 * Math.tanh(Math.log(1 + Math.exp(2)))),
    program: false,
  },
});
testPointwise("Softsign", {
  "of three numbers": { op: op("Softsign"), inputs: [three], outputs: of(-0.5, 0, 2 / 3) },
  "of many": { op: op("Softsign"), inputs: [x], ...tolerance },
});
testPointwise("Swish", {
  "of three numbers": { op: op("Swish"), inputs: [three], outputs: of(-1 / (1 + Math.E), 0, 2 / (1 + Math.exp(-2))) },
  "of many": { op: op("Swish", { alpha: 0.5 }), inputs: [x], ...tolerance },
});
testPointwise("Gelu", {
  "of three numbers": { op: op("Gelu"), inputs: [three], outputs: of(-0.15865525393, 0, 1.95449973610), ...tolerance },
  "by a tanh": {
    op: op("Gelu", { approximate: "tanh" }),
    inputs: [three],
    outputs: of(-0.15880800939, 0, 1.95459769411),
    ...tolerance,
  },
  "of many": { op: op("Gelu"), inputs: [x], atol: 1e-6, rtol: 1e-4 },
});
testPointwise("ThresholdedRelu", {
  "of three numbers": { op: op("ThresholdedRelu"), inputs: [three], outputs: of(0, 0, 2), program: false },
});
testPointwise("Shrink", {
  "of three numbers": {
    op: op("Shrink", { bias: 0.25, lambd: 0.5 }),
    inputs: [three],
    outputs: of(-0.75, 0, 1.75),
    program: false,
  },
});
testPointwise("PRelu", {
  "with a slope for each": { op: op("PRelu"), inputs: [three, tensor("f32", [3], [3, 3, 3])], outputs: of(-3, 0, 2) },
  "with a slope for each channel": { op: op("PRelu"), inputs: [random([2, 3, 4, 4], 2), random([3, 1, 1], 3)] },
});
