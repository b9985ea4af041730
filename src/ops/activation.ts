/** Functions of one number: roots, exponentials and activations. @module */
import { allocate, type DType, type KnownType } from "../tensor/tensor.ts";
import { chain, immediateOf, NUMBERS, onFirst, requireType, SIGNED, unary } from "./_pointwise.ts";
import { numberOf, type Op, type OpFactory, required } from "./op.ts";
import { evaluate, type Instruction, MAX_F32, type Pointwise, type Program } from "./pointwise.ts";

const REAL: readonly DType[] = ["f32"];

/** `sqrt(x)`. */
export const sqrt: OpFactory = (): Op => unary("Sqrt", REAL, Math.sqrt, chain({ code: "sqrt" }));

/** `1 / x`. */
export const reciprocal: OpFactory = (): Op => unary("Reciprocal", REAL, (x) => 1 / x, chain({ code: "rdivp", p: 1 }));

/** `e ^ x`. */
export const exp: OpFactory = (): Op => unary("Exp", REAL, Math.exp, chain({ code: "exp" }));

/** `|x|`. */
export const abs: OpFactory = (): Op => unary("Abs", NUMBERS, Math.abs, chain({ code: "abs" }));

/** `-x`. */
export const neg: OpFactory = (): Op => unary("Neg", SIGNED, (x) => -x, chain({ code: "neg" }));

/** `1 / (1 + e^-x)`. */
export const sigmoid: OpFactory = (): Op =>
  unary("Sigmoid", REAL, (x) => 1 / (1 + Math.exp(-x)), chain({ code: "sigmoid" }));

/** The hyperbolic tangent. */
export const tanh: OpFactory = (): Op => unary("Tanh", REAL, Math.tanh, chain({ code: "tanh" }));

/** The error function. */
export const erf: OpFactory = (): Op => {
  const program = chain({ code: "erf" });
  return unary("Erf", REAL, (x) => evaluate(program, [x]), program);
};

/** `max(x, 0)`. */
export const relu: OpFactory = (): Op =>
  unary("Relu", SIGNED, (x) => Math.max(x, 0), chain({ code: "clamp", p: 0, q: MAX_F32 }));

/** `x` where it is positive, else `alpha * x`. */
export const leakyRelu: OpFactory = (attributes): Op => {
  const alpha = numberOf(attributes, "alpha", 0.01);
  const program: Program = {
    inputs: 1,
    instructions: [{ code: "mulp", args: [0], p: alpha }, { code: alpha <= 1 ? "max" : "min", args: [0, 1] }],
  };
  return unary("LeakyRelu", REAL, (x) => x < 0 ? alpha * x : x, program);
};

function hard(x: number, alpha: number, beta: number): number {
  return Math.min(Math.max(alpha * x + beta, 0), 1);
}

/** `clamp(alpha * x + beta, 0, 1)`. */
export const hardSigmoid: OpFactory = (attributes): Op => {
  const [alpha, beta] = [numberOf(attributes, "alpha", 0.2), numberOf(attributes, "beta", 0.5)];
  const program = chain({ code: "hardsigmoid", p: alpha, q: beta });
  return unary("HardSigmoid", REAL, (x) => hard(x, alpha, beta), program);
};

/** `x * clamp(x / 6 + 0.5, 0, 1)`. */
export const hardSwish: OpFactory = (): Op =>
  unary("HardSwish", REAL, (x) => x * hard(x, 1 / 6, 0.5), {
    inputs: 1,
    instructions: [{ code: "hardsigmoid", args: [0], p: 1 / 6, q: 0.5 }, { code: "mul", args: [0, 1] }],
  });

/** `min(max(x, low), high)`; the bounds are attributes up to operator set 10 and inputs from 11 on. */
export const clip: OpFactory = (attributes, opset): Op => {
  const fixed = opset < 11
    ? [numberOf(attributes, "min", -MAX_F32), numberOf(attributes, "max", MAX_F32)] as const
    : null;
  return {
    infer: ([input, min, max]) => {
      const { dtype, shape } = required(input, "input");
      requireType("Clip", { dtype, shape }, NUMBERS);
      for (const bound of [min, max]) {
        if (bound && bound.dtype !== dtype) {
          throw new TypeError(`Clip takes bounds of its input's type ${dtype}: current type is ${bound.dtype}`);
        }
        if (bound && bound.shape.some((size) => size !== 1)) {
          throw new RangeError(`Clip takes scalar bounds: current shape is [${bound.shape}]`);
        }
      }
      return [{ dtype, shape }];
    },
    reference: ([input, min, max]) => {
      const { dtype, shape, data } = required(input, "input");
      const [low, high] = fixed ?? [min?.data[0] ?? -Infinity, max?.data[0] ?? Infinity];
      const y = allocate(dtype, data.length);
      for (let i = 0; i < y.length; i++) y[i] = Math.min(Math.max(data[i]!, low), high);
      return [{ dtype, shape, data: y }];
    },
    pointwise: ([input, min, max]) => {
      if (input?.dtype !== "f32") return null;
      if (fixed) return onFirst(chain({ code: "clamp", p: fixed[0], q: fixed[1] }));
      return clipBy(input, min ?? null, max ?? null);
    },
  };
};

function clipBy(input: KnownType, min: KnownType | null, max: KnownType | null): Pointwise | null {
  const bounds = [min, max].map((bound) => bound && immediateOf(bound, [input, bound]));
  if ((!min || bounds[0] !== null) && (!max || bounds[1] !== null)) {
    return onFirst(chain({ code: "clamp", p: bounds[0] ?? -MAX_F32, q: bounds[1] ?? MAX_F32 }));
  }
  const operands = [0, ...(min ? [1] : []), ...(max ? [2] : [])];
  if ([min, max].some((bound) => bound && bound.shape.length > input.shape.length)) return null;
  const instructions: Instruction[] = [];
  if (min) instructions.push({ code: "max", args: [0, 1] });
  if (max) instructions.push({ code: "min", args: min ? [operands.length, 2] : [0, 1] });
  return { operands, program: { inputs: operands.length, instructions } };
}
