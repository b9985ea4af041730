/** QuantizeLinear and DequantizeLinear. @module */
import type { Attributes } from "../graph/graph.ts";
import { dequantize, quantize, rangeOf } from "../tensor/quantization.ts";
import {
  allocate,
  type DType,
  type KnownType,
  normalizeAxis,
  sizeOf,
  type Tensor,
  tensor,
  type TensorType,
} from "../tensor/tensor.ts";
import { chain, onFirst, requireType } from "./_pointwise.ts";
import { numberOf, type Op, type OpFactory, type Quantization, required } from "./op.ts";

const TYPES: ReadonlyMap<number, "u8" | "i8"> = new Map([[2, "u8"], [3, "i8"]]);

function refuseBlocks(name: string, attributes: Attributes): void {
  const block = numberOf(attributes, "block_size", 0);
  if (block !== 0) throw new TypeError(`${name}: "block_size" must be 0: current value is ${block}`);
}

function checkParameters(x: TensorType, scale: KnownType, zero: KnownType | null, axis: number): void {
  requireType('"scale"', scale, ["f32"]);
  const size = sizeOf(scale.shape);
  const wanted = size === 1 ? 1 : x.shape[normalizeAxis(axis, x.shape.length)];
  if (scale.shape.length > 1 || size !== wanted) {
    throw new RangeError(
      `"scale" must hold one number, or one for each index of axis ${axis} of [${x.shape}]: ` +
        `its shape is [${scale.shape}]`,
    );
  }
  if (zero && sizeOf(zero.shape) !== size) {
    throw new RangeError(`"zero_point" must be of the shape [${scale.shape}] of "scale": it is [${zero.shape}]`);
  }
}

/** For each element, the number of its scale. */
function scaleIndex(shape: readonly number[], scales: number, axis: number): (element: number) => number {
  if (scales === 1) return () => 0;
  const inner = sizeOf(shape.slice(normalizeAxis(axis, shape.length) + 1));
  return (element) => Math.floor(element / inner) % scales;
}

/** `clamp(round(f32(x / scale)) + zero)`: f32 to 8 bits, of the zero point's type (u8 where it is left out). */
export const quantizeLinear: OpFactory = (attributes): Op => {
  refuseBlocks("QuantizeLinear", attributes);
  const axis = numberOf(attributes, "axis", 1);
  const wanted = numberOf(attributes, "output_dtype", 0);
  const otherwise = wanted === 0 ? "u8" : TYPES.get(wanted);
  if (!otherwise) {
    throw new TypeError(`QuantizeLinear: "output_dtype" must be 2 (u8) or 3 (i8): current value is ${wanted}`);
  }
  const typeOf = (zero: TensorType | null | undefined): "u8" | "i8" => {
    if (!zero) return otherwise;
    requireType('QuantizeLinear: "zero_point"', zero, ["i8", "u8"]);
    return zero.dtype as "i8" | "u8";
  };
  return {
    infer: ([input, scale, zero]) => {
      const x = required(input, "x");
      requireType("QuantizeLinear", x, ["f32"]);
      checkParameters(x, required(scale, "y_scale"), zero ?? null, axis);
      return [{ dtype: typeOf(zero), shape: x.shape }];
    },
    reference: ([input, scales, zeros]) => {
      const { shape, data } = required(input, "x");
      const scale = required(scales, "y_scale").data;
      const dtype = typeOf(zeros);
      const at = scaleIndex(shape, scale.length, axis);
      const y = allocate(dtype, data.length);
      for (let i = 0; i < y.length; i++) {
        y[i] = quantize(data[i]!, scale[at(i)]!, zeros?.data[at(i)] ?? 0, rangeOf(dtype));
      }
      return [tensor(dtype, shape, y)];
    },
    pointwise: ([x, scale, zero]) => {
      const [p, q] = [single(scale), zero ? single(zero) : 0];
      if (x?.dtype !== "f32" || typeOf(zero) !== "i8" || p === null || q === null) return null;
      return onFirst(chain({ code: "quantize", p, q }));
    },
  };
};

/** `(x - zero) * scale`: integers to f32. */
export const dequantizeLinear: OpFactory = (attributes): Op => {
  refuseBlocks("DequantizeLinear", attributes);
  const axis = numberOf(attributes, "axis", 1);
  const INTEGERS: readonly DType[] = ["i8", "u8", "i32"];
  return {
    infer: ([input, scale, zero]) => {
      const x = required(input, "x");
      requireType("DequantizeLinear", x, INTEGERS);
      checkParameters(x, required(scale, "x_scale"), zero ?? null, axis);
      if (zero && zero.dtype !== x.dtype) {
        throw new TypeError(
          `DequantizeLinear: "x_zero_point" must be of the type ${x.dtype} of x: it is ${zero.dtype}`,
        );
      }
      return [{ dtype: "f32", shape: x.shape }];
    },
    reference: ([input, scales, zeros]): Tensor[] => {
      const { shape, data } = required(input, "x");
      const scale = required(scales, "x_scale").data;
      const at = scaleIndex(shape, scale.length, axis);
      const y = Float32Array.from(data, (x, i) => dequantize(x, scale[at(i)]!, zeros?.data[at(i)] ?? 0));
      return [tensor("f32", shape, y)];
    },
    pointwise: ([x, scale, zero]) => {
      if (x?.dtype !== "i8" || !scale) return null;
      const [p, q] = [single(scale), zero ? single(zero) : 0];
      if (p !== null && q !== null) return onFirst(chain({ code: "dequantize", p, q }));
      const last = x.shape.length - 1;
      if (last < 0 || sizeOf(scale.shape) === 1 || normalizeAxis(axis, x.shape.length) !== last) return null;
      return zero
        ? {
          operands: [0, 1, 2],
          program: { inputs: 3, instructions: [{ code: "sub", args: [0, 2] }, { code: "mul", args: [3, 1] }] },
        }
        : { operands: [0, 1], program: { inputs: 2, instructions: [{ code: "mul", args: [0, 1] }] } };
    },
  };
};

/** An f32 tensor in 8 bits. */
export function quantizedTensor({ shape, data }: Tensor, { scale, zero }: Quantization): Tensor {
  return tensor("i8", shape, Int8Array.from(data, (x) => quantize(x, scale, zero, rangeOf("i8"))));
}

/** The element of a constant that has just one, or `null`. */
function single(input: KnownType | null | undefined): number | null {
  return input?.data?.length === 1 ? input.data[0]! : null;
}
