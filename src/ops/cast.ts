/** Cast and CastLike. @module */
import { allocate, type DType, isReal, type Tensor } from "../tensor/tensor.ts";
import { chain, onFirst, plainZero } from "./_pointwise.ts";
import { type Op, type OpFactory, required } from "./op.ts";

/** Element types by their numbers in ONNX files. */
const TYPES: ReadonlyMap<unknown, DType> = new Map<unknown, DType>([
  [1, "f32"],
  [2, "u8"],
  [3, "i8"],
  [4, "u16"],
  [5, "i16"],
  [6, "i32"],
  [7, "i64"],
  [9, "bool"],
  [10, "f16"],
  [11, "f64"],
  [12, "u32"],
  [13, "u64"],
  [16, "bf16"],
]);

/**
 * The element type that an attribute names by its number in ONNX files.
 *
 * @throws {TypeError} Where it is none that is supported.
 */
export function dtypeNamed(op: string, attribute: string, code: unknown): DType {
  const dtype = TYPES.get(code);
  if (dtype) return dtype;
  const known = Array.from(TYPES, ([number, type]) => `${number} (${type})`).join(", ");
  throw new TypeError(`${op}: attribute "${attribute}" must be one of ${known}: current value is ${code}`);
}

/** Converts elements to the type of attribute `to`: towards zero from real numbers to integers. */
export const cast: OpFactory = (attributes): Op => {
  const dtype = dtypeNamed("Cast", "to", attributes.get("to"));
  return {
    infer: ([input]) => [{ dtype, shape: required(input, "input").shape }],
    reference: ([input]) => [convert(required(input, "input"), dtype)],
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

/** Converts elements to the type of the second input. */
export const castLike: OpFactory = (): Op => ({
  infer: ([input, like]) => [{ dtype: required(like, "target_type").dtype, shape: required(input, "input").shape }],
  reference: ([input, like]) => [convert(required(input, "input"), required(like, "target_type").dtype)],
});

function convert({ shape, data }: Tensor, dtype: DType): Tensor {
  const y = allocate(dtype, data.length);
  for (let i = 0; i < y.length; i++) y[i] = elementOf(data[i]!, dtype);
  return { dtype, shape, data: y };
}

function elementOf(x: number, dtype: DType): number {
  if (dtype === "bool") return Number(x !== 0);
  if (dtype === "bf16") return roundToBfloat16(x);
  return isReal(dtype) ? x : plainZero(dtype, Math.trunc(x));
}

/** The nearest number with 8 bits of mantissa; of two as near, the even one. */
function roundToBfloat16(x: number): number {
  const single = new Float32Array([x]);
  const bits = new Uint32Array(single.buffer);
  if (Number.isFinite(x)) bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return single[0]!;
}
