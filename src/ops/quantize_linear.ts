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
import { linesOf } from "./_nd.ts";
import { chain, onFirst, requireType } from "./_pointwise.ts";
import { numberOf, type Op, type OpFactory, type Quantization, required } from "./op.ts";

type Quantized = "u8" | "i8" | "u16" | "i16";

const TYPES: ReadonlyMap<number, Quantized> = new Map([[2, "u8"], [3, "i8"], [4, "u16"], [5, "i16"]]);

/** The scales of a tensor: one, one for each index of an axis, or one for each block along it. */
interface Scales {
  readonly axis: number;
  readonly block: number;
}

function scalesOf(attributes: Attributes): Scales {
  return { axis: numberOf(attributes, "axis", 1), block: numberOf(attributes, "block_size", 0) };
}

function checkParameters(x: TensorType, scale: KnownType, zero: KnownType | null, { axis, block }: Scales): void {
  requireType('"scale"', scale, ["f32"]);
  const size = sizeOf(scale.shape);
  const own = size === 1 && block === 0 ? 0 : normalizeAxis(axis, x.shape.length);
  const wanted = block === 0
    ? [size === 1 ? 1 : x.shape[own]!]
    : x.shape.map((dim, i) => i === own ? Math.ceil(dim / block) : dim);
  if (block === 0 ? scale.shape.length > 1 || size !== wanted[0] : `${scale.shape}` !== `${wanted}`) {
    throw new RangeError(
      block === 0
        ? `"scale" must hold one number, or one for each index of axis ${axis} of [${x.shape}]: ` +
          `its shape is [${scale.shape}]`
        : `"scale" must be of shape [${wanted}] for blocks of ${block}: its shape is [${scale.shape}]`,
    );
  }
  if (zero && sizeOf(zero.shape) !== size) {
    throw new RangeError(`"zero_point" must be of the shape [${scale.shape}] of "scale": it is [${zero.shape}]`);
  }
}

/** For each element, the number of its scale. */
function scaleIndex(shape: readonly number[], scales: number, { axis, block }: Scales): (element: number) => number {
  if (scales === 1) return () => 0;
  const { length, inner } = linesOf(shape, normalizeAxis(axis, shape.length));
  if (block === 0) return (element) => Math.floor(element / inner) % scales;
  const blocks = Math.ceil(length / block);
  return (element) => {
    const [outer, place] = [Math.floor(element / inner / length), Math.floor(element / inner) % length];
    return (outer * blocks + Math.floor(place / block)) * inner + element % inner;
  };
}

/** `clamp(round(f32(x / scale)) + zero)`: f32 to 8 or 16 bits, of the zero point's type (u8 where it is left out). */
export const quantizeLinear: OpFactory = (attributes): Op => {
  const own = scalesOf(attributes);
  const wanted = numberOf(attributes, "output_dtype", 0);
  const otherwise = wanted === 0 ? "u8" : TYPES.get(wanted);
  if (!otherwise) {
    throw new TypeError(
      `QuantizeLinear: "output_dtype" must be 2 (u8), 3 (i8), 4 (u16) or 5 (i16): current value is ${wanted}`,
    );
  }
  const typeOf = (zero: TensorType | null | undefined): Quantized => {
    if (!zero) return otherwise;
    requireType('QuantizeLinear: "zero_point"', zero, [...TYPES.values()]);
    return zero.dtype as Quantized;
  };
  return {
    infer: ([input, scale, zero]) => {
      const x = required(input, "x");
      requireType("QuantizeLinear", x, ["f32"]);
      checkParameters(x, required(scale, "y_scale"), zero ?? null, own);
      return [{ dtype: typeOf(zero), shape: x.shape }];
    },
    reference: ([input, scales, zeros]) => {
      const { shape, data } = required(input, "x");
      const scale = required(scales, "y_scale").data;
      const dtype = typeOf(zeros);
      const at = scaleIndex(shape, scale.length, own);
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
  const own = scalesOf(attributes);
  const INTEGERS: readonly DType[] = ["i8", "u8", "i16", "u16", "i32"];
  return {
    infer: ([input, scale, zero]) => {
      const x = required(input, "x");
      requireType("DequantizeLinear", x, INTEGERS);
      checkParameters(x, required(scale, "x_scale"), zero ?? null, own);
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
      const at = scaleIndex(shape, scale.length, own);
      const y = Float32Array.from(data, (x, i) => dequantize(x, scale[at(i)]!, zeros?.data[at(i)] ?? 0));
      return [tensor("f32", shape, y)];
    },
    pointwise: ([x, scale, zero]) => {
      if (x?.dtype !== "i8" || !scale || own.block !== 0) return null;
      const [p, q] = [single(scale), zero ? single(zero) : 0];
      if (p !== null && q !== null) return onFirst(chain({ code: "dequantize", p, q }));
      const last = x.shape.length - 1;
      if (last < 0 || sizeOf(scale.shape) === 1 || normalizeAxis(own.axis, x.shape.length) !== last) return null;
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
