/** Cast. @module */
import { allocate, type DType } from "../tensor/tensor.ts";
import { chain, onFirst, plainZero } from "./_pointwise.ts";
import { type Op, type OpFactory, required } from "./op.ts";

/** Element types by their numbers in ONNX files. */
const TYPES: ReadonlyMap<unknown, DType> = new Map<unknown, DType>(
  [[1, "f32"], [2, "u8"], [3, "i8"], [6, "i32"], [7, "i64"], [9, "bool"]],
);

/** Converts elements to the type of attribute `to`: towards zero from f32 to integers. */
export const cast: OpFactory = (attributes): Op => {
  const to = attributes.get("to");
  const dtype = TYPES.get(to);
  if (!dtype) {
    throw new TypeError(
      `Cast: attribute "to" must be one of 1 (f32), 2 (u8), 3 (i8), 6 (i32), 7 (i64), 9 (bool): ` +
        `current value is ${to}`,
    );
  }
  return {
    infer: ([input]) => [{ dtype, shape: required(input, "input").shape }],
    reference: ([input]) => {
      const { shape, data } = required(input, "input");
      const y = allocate(dtype, data.length);
      for (let i = 0; i < y.length; i++) {
        const x = data[i]!;
        y[i] = dtype === "bool" ? Number(x !== 0) : dtype === "f32" ? x : plainZero(dtype, Math.trunc(x));
      }
      return [{ dtype, shape, data: y }];
    },
    pointwise: ([input]) => {
      const from = input?.dtype;
      if (from === "f32" && dtype === "i8") {
        return onFirst(chain({ code: "trunc" }, { code: "clamp", p: -128, q: 127 }));
      }
      const same = (from === "f32" || from === "i8") && (dtype === "f32" || dtype === from);
      return same ? onFirst(chain()) : null;
    },
  };
};
