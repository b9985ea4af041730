/** Elementary functions of one number, and what kind of number it is. @module */
import type { DType } from "../tensor/tensor.ts";
import { roundHalfToEven } from "../tensor/quantization.ts";
import { chain, NUMBERS, unary } from "./_pointwise.ts";
import { numberOf, type Op, type OpFactory, required } from "./op.ts";
import { allocate } from "../tensor/tensor.ts";

const REAL: readonly DType[] = ["f32"];

function real(name: string, apply: (x: number) => number): OpFactory {
  return (): Op => unary(name, REAL, apply, null);
}

/** The natural logarithm. */
export const log: OpFactory = real("Log", Math.log);
/** The sine. */
export const sin: OpFactory = real("Sin", Math.sin);
/** The cosine. */
export const cos: OpFactory = real("Cos", Math.cos);
/** The tangent. */
export const tan: OpFactory = real("Tan", Math.tan);
/** The angle of a sine. */
export const asin: OpFactory = real("Asin", Math.asin);
/** The angle of a cosine. */
export const acos: OpFactory = real("Acos", Math.acos);
/** The angle of a tangent. */
export const atan: OpFactory = real("Atan", Math.atan);
/** The hyperbolic sine. */
export const sinh: OpFactory = real("Sinh", Math.sinh);
/** The hyperbolic cosine. */
export const cosh: OpFactory = real("Cosh", Math.cosh);
/** The inverse of the hyperbolic sine. */
export const asinh: OpFactory = real("Asinh", Math.asinh);
/** The inverse of the hyperbolic cosine. */
export const acosh: OpFactory = real("Acosh", Math.acosh);
/** The inverse of the hyperbolic tangent. */
export const atanh: OpFactory = real("Atanh", Math.atanh);
/** The least whole number that is not less. */
export const ceil: OpFactory = real("Ceil", Math.ceil);
/** The greatest whole number that is not greater. */
export const floor: OpFactory = real("Floor", Math.floor);
/** The nearest whole number; of two as near, the even one. */
export const round: OpFactory = (): Op => unary("Round", REAL, roundHalfToEven, chain({ code: "round" }));
/** -1, 0 or 1. */
export const sign: OpFactory = (): Op => unary("Sign", NUMBERS, Math.sign, null);

/** Whether it is no number. */
export const isNan: OpFactory = (): Op => test("IsNaN", Number.isNaN);

/** Whether it is infinite, in the directions that the attributes name. */
export const isInf: OpFactory = (attributes): Op => {
  const [up, down] = ["detect_positive", "detect_negative"].map((name) => numberOf(attributes, name, 1) !== 0);
  return test("IsInf", (x) => (x === Infinity && up!) || (x === -Infinity && down!));
};

function test(name: string, apply: (x: number) => boolean): Op {
  return {
    infer: ([x]) => {
      const { dtype, shape } = required(x, "X");
      if (dtype !== "f32") throw new TypeError(`${name} takes f32: current type is ${dtype}`);
      return [{ dtype: "bool", shape }];
    },
    reference: ([x]) => {
      const { shape, data } = required(x, "X");
      const y = allocate("bool", data.length);
      for (let i = 0; i < y.length; i++) y[i] = Number(apply(data[i]!));
      return [{ dtype: "bool", shape, data: y }];
    },
  };
}
