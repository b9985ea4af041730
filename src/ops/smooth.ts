/** Activations that bend smoothly, or have parameters. @module */
import { broadcastShapes, type DType } from "../tensor/tensor.ts";
import { mapBroadcast, NUMBERS, requireType, unary } from "./_pointwise.ts";
import { numberOf, type Op, type OpFactory, required, stringOf } from "./op.ts";
import { evaluate, type Instruction, MAX_F32, type Program } from "./pointwise.ts";

const REAL: readonly DType[] = ["f32"];

/** Instructions over one input, by the registers that they read. */
function program(...instructions: readonly Instruction[]): Program {
  return { inputs: 1, instructions };
}

const positive: Instruction = { code: "clamp", args: [0], p: 0, q: MAX_F32 };
const negative: Instruction = { code: "clamp", args: [0], p: -MAX_F32, q: 0 };

/** `x` where it is positive, else `alpha * (e^x - 1)`, all times `gamma`. */
function exponential(name: string, alpha: number, gamma: number): Op {
  return unary(
    name,
    REAL,
    (x) => gamma * (x > 0 ? x : alpha * Math.expm1(x)),
    program(
      positive,
      negative,
      { code: "exp", args: [2] },
      { code: "addp", args: [3], p: -1 },
      { code: "mulp", args: [4], p: alpha },
      { code: "add", args: [1, 5] },
      { code: "mulp", args: [6], p: gamma },
    ),
  );
}

/** `x` where it is positive, else `alpha * (e^x - 1)`. */
export const elu: OpFactory = (attributes): Op => exponential("Elu", numberOf(attributes, "alpha", 1), 1);

/** Elu times a constant, both such that they keep mean 0 and variance 1. */
export const selu: OpFactory = (attributes): Op =>
  exponential(
    "Selu",
    numberOf(attributes, "alpha", 1.67326319217681884765625),
    numberOf(attributes, "gamma", 1.05070102214813232421875),
  );

/** `max(x, 0) + min(alpha * (e^(x / alpha) - 1), 0)`. */
export const celu: OpFactory = (attributes): Op => {
  const alpha = numberOf(attributes, "alpha", 1);
  return unary(
    "Celu",
    REAL,
    (x) => Math.max(x, 0) + Math.min(alpha * Math.expm1(x / alpha), 0),
    program(
      positive,
      negative,
      { code: "mulp", args: [2], p: 1 / alpha },
      { code: "exp", args: [3] },
      { code: "addp", args: [4], p: -1 },
      { code: "mulp", args: [5], p: alpha },
      { code: "add", args: [1, 6] },
    ),
  );
};

function softplusOf(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** `log(1 + e^x)`. */
export const softplus: OpFactory = (): Op => unary("Softplus", REAL, softplusOf, null);

/** `x * tanh(log(1 + e^x))`. */
export const mish: OpFactory = (): Op => unary("Mish", REAL, (x) => x * Math.tanh(softplusOf(x)), null);

/** `x / (1 + |x|)`. */
export const softsign: OpFactory = (): Op =>
  unary(
    "Softsign",
    REAL,
    (x) => x / (1 + Math.abs(x)),
    program({ code: "abs", args: [0] }, { code: "addp", args: [1], p: 1 }, { code: "div", args: [0, 2] }),
  );

/** `x * sigmoid(alpha * x)`. */
export const swish: OpFactory = (attributes): Op => {
  const alpha = numberOf(attributes, "alpha", 1);
  return unary(
    "Swish",
    REAL,
    (x) => x / (1 + Math.exp(-alpha * x)),
    program({ code: "mulp", args: [0], p: alpha }, { code: "sigmoid", args: [1] }, { code: "mul", args: [0, 2] }),
  );
};

/** `x * P(X <= x)` for a normal X, or what approximates it with a tanh. */
export const gelu: OpFactory = (attributes): Op => {
  const mode = stringOf(attributes, "approximate", "none");
  if (mode !== "none" && mode !== "tanh") {
    throw new TypeError(`Gelu "approximate" must be none or tanh: current value is "${mode}"`);
  }
  const own = mode === "none"
    ? program(
      { code: "mulp", args: [0], p: Math.SQRT1_2 },
      { code: "erf", args: [1] },
      { code: "addp", args: [2], p: 1 },
      { code: "mul", args: [0, 3] },
      { code: "mulp", args: [4], p: 0.5 },
    )
    : program(
      { code: "mul", args: [0, 0] },
      { code: "mul", args: [1, 0] },
      { code: "mulp", args: [2], p: 0.044715 },
      { code: "add", args: [0, 3] },
      { code: "mulp", args: [4], p: Math.sqrt(2 / Math.PI) },
      { code: "tanh", args: [5] },
      { code: "addp", args: [6], p: 1 },
      { code: "mul", args: [0, 7] },
      { code: "mulp", args: [8], p: 0.5 },
    );
  return unary("Gelu", REAL, (x) => evaluate(own, [x]), own);
};

/** `x` where it is greater than `alpha`, else 0. */
export const thresholdedRelu: OpFactory = (attributes): Op => {
  const alpha = numberOf(attributes, "alpha", 1);
  return unary("ThresholdedRelu", REAL, (x) => x > alpha ? x : 0, null);
};

/** 0 where `|x| <= lambd`, else x moved by `bias` towards 0. */
export const shrink: OpFactory = (attributes): Op => {
  const [bias, lambd] = [numberOf(attributes, "bias", 0), numberOf(attributes, "lambd", 0.5)];
  return unary("Shrink", NUMBERS, (x) => x < -lambd ? x + bias : x > lambd ? x - bias : 0, null);
};

/** `x` where it is not negative, else `slope * x`. */
export const prelu: OpFactory = (): Op => ({
  infer: ([input, given]) => {
    const [x, slope] = [required(input, "X"), required(given, "slope")];
    requireType("PRelu", x, NUMBERS);
    if (`${broadcastShapes(x.shape, slope.shape)}` !== `${x.shape}`) {
      throw new RangeError(`PRelu "slope" must broadcast to [${x.shape}]: its shape is [${slope.shape}]`);
    }
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  reference: ([input, slope]) => {
    const x = required(input, "X");
    return [mapBroadcast([x, required(slope, "slope")], x.dtype, ([a, s]) => a! < 0 ? s! * a! : a!)];
  },
  pointwise: ([x, slope]) =>
    x?.dtype !== "f32" || slope?.dtype !== "f32" ? null : {
      operands: [0, 1],
      program: {
        inputs: 2,
        instructions: [
          { code: "clamp", args: [0], p: 0, q: MAX_F32 },
          { code: "clamp", args: [0], p: -MAX_F32, q: 0 },
          { code: "mul", args: [3, 1] },
          { code: "add", args: [2, 4] },
        ],
      },
    },
});
