/** Products of quantized tensors whose parameters are inputs: the operators of files in the QOperator format. @module */
import type { Attributes } from "../graph/graph.ts";
import { rangeOf, roundHalfToEven } from "../tensor/quantization.ts";
import {
  allocate,
  broadcastShapes,
  type DType,
  type KnownType,
  sizeOf,
  type Tensor,
  tensor,
  type TensorType,
} from "../tensor/tensor.ts";
import { convolutionOf, sumsOf } from "./_convolution.ts";
import { requireType } from "./_pointwise.ts";
import { type Op, type OpFactory, required } from "./op.ts";

const BYTES: readonly DType[] = ["i8", "u8"];

/** The element of a parameter for a row, column or channel: parameters are one number, or one for each. */
function parameter(values: Tensor | null | undefined, i: number): number {
  return values ? values.data[values.data.length === 1 ? 0 : i]! : 0;
}

/** Sums to 8 bits, by f32 arithmetic. */
function requantize(
  sums: ArrayLike<number>,
  shape: readonly number[],
  dtype: "i8" | "u8",
  scale: (i: number) => number,
  zero: number,
): Tensor {
  const [low, high] = rangeOf(dtype);
  const data = allocate(dtype, sums.length);
  for (let i = 0; i < data.length; i++) {
    data[i] = Math.min(Math.max(roundHalfToEven(Math.fround(sums[i]! * scale(i))) + zero, low), high);
  }
  return { dtype, shape, data };
}

function byteType(name: string, zero: TensorType | null | undefined): "i8" | "u8" {
  const dtype = zero?.dtype ?? "u8";
  if (dtype !== "i8" && dtype !== "u8") throw new TypeError(`${name} gives i8 or u8: its zero point is ${dtype}`);
  return dtype;
}

/** ConvInteger: sums in i32. */
export const convInteger: OpFactory = (attributes): Op => ({
  infer: ([x, w]) => [{ dtype: "i32", shape: planned("ConvInteger", attributes, x, w).y }],
  reference: ([x, w, xZero, wZero]) => {
    const own = planned("ConvInteger", attributes, x, w);
    const sums = convolved(own, [required(x, "x"), required(w, "w")], xZero ?? null, wZero ?? null);
    return [tensor("i32", own.y, Int32Array.from(sums))];
  },
});

/** QLinearConv: 8 bits in, 8 bits out. */
export const qLinearConv: OpFactory = (attributes): Op => ({
  infer: ([x, , , w, , , , zero]) => [{
    dtype: byteType("QLinearConv", zero),
    shape: planned("QLinearConv", attributes, x, w).y,
  }],
  reference: ([x, xScale, xZero, w, wScale, wZero, yScale, yZero, bias]) => {
    const own = planned("QLinearConv", attributes, x, w);
    const sums = convolved(own, [required(x, "x"), required(w, "w")], xZero ?? null, wZero ?? null);
    const plane = sizeOf(own.y.slice(2));
    const channel = (i: number): number => Math.floor(i / plane) % own.y[1]!;
    const biased = sums.map((sum, i) => sum + (bias ? bias.data[channel(i)]! : 0));
    const scale = (i: number): number => scaleOf([xScale, wScale, yScale], channel(i));
    return [requantize(biased, own.y, byteType("QLinearConv", yZero), scale, parameter(yZero, 0))];
  },
});

function planned(
  name: string,
  attributes: Attributes,
  x: KnownType | null | undefined,
  w: KnownType | null | undefined,
) {
  const [image, weights] = [required(x, "x"), required(w, "w")];
  requireType(name, image, BYTES);
  requireType(name, weights, BYTES);
  return convolutionOf(name, attributes, image.shape, weights.shape);
}

function convolved(
  own: ReturnType<typeof convolutionOf>,
  [x, w]: readonly [Tensor, Tensor],
  xZero: Tensor | null,
  wZero: Tensor | null,
): Float64Array {
  const zero = parameter(xZero, 0);
  return sumsOf(own, (i) => x.data[i]! - zero, (i, output) => w.data[i]! - parameter(wZero, output));
}

/** `a * b / y` in f32. */
function scaleOf([a, b, y]: readonly (Tensor | null | undefined)[], i: number): number {
  return Math.fround(Math.fround(parameter(a, i) * parameter(b, i)) / parameter(y, i));
}

/** MatMulInteger: sums in i32. */
export const matMulInteger: OpFactory = (): Op => ({
  infer: ([a, b]) => [{ dtype: "i32", shape: productShape("MatMulInteger", a, b) }],
  reference: ([a, b, aZero, bZero]) => {
    const shape = productShape("MatMulInteger", a, b);
    return [tensor("i32", shape, Int32Array.from(multiplied(shape, required(a, "A"), required(b, "B"), aZero, bZero)))];
  },
});

/** QLinearMatMul: 8 bits in, 8 bits out. */
export const qLinearMatMul: OpFactory = (): Op => ({
  infer: ([a, , , b, , , , zero]) => [{
    dtype: byteType("QLinearMatMul", zero),
    shape: productShape("QLinearMatMul", a, b),
  }],
  reference: ([a, aScale, aZero, b, bScale, bZero, yScale, yZero]) => {
    const shape = productShape("QLinearMatMul", a, b);
    const sums = multiplied(shape, required(a, "a"), required(b, "b"), aZero, bZero);
    const columns = shape.at(-1) ?? 1;
    const scale = (i: number): number => scaleOf([aScale, bScale, yScale], i % columns);
    return [requantize(sums, shape, byteType("QLinearMatMul", yZero), scale, parameter(yZero, 0))];
  },
});

function productShape(name: string, left: KnownType | null | undefined, right: KnownType | null | undefined): number[] {
  const [a, b] = [required(left, "A"), required(right, "B")];
  requireType(name, a, BYTES);
  requireType(name, b, BYTES);
  if (a.shape.length < 2 || b.shape.length < 2 || a.shape.at(-1) !== b.shape.at(-2)) {
    throw new RangeError(`${name} cannot multiply [${a.shape}] by [${b.shape}]`);
  }
  return [...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)), a.shape.at(-2)!, b.shape.at(-1)!];
}

function multiplied(
  shape: readonly number[],
  a: Tensor,
  b: Tensor,
  aZero: Tensor | null | undefined,
  bZero: Tensor | null | undefined,
): Float64Array {
  const [rows, columns, inner] = [shape.at(-2)!, shape.at(-1)!, a.shape.at(-1)!];
  const batch = shape.slice(0, -2);
  const matrixOf = (own: readonly number[], index: number): number => {
    let [rest, at, step] = [index, 0, 1];
    for (let back = 1; back <= batch.length; back++) {
      const [dim, size] = [batch.at(-back)!, own.at(-back - 2) ?? 1];
      if (size !== 1) at += rest % dim * step;
      step *= size;
      rest = Math.floor(rest / dim);
    }
    return at;
  };
  return Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    const [matrix, row, column] = [Math.floor(i / rows / columns), Math.floor(i / columns) % rows, i % columns];
    const left = (matrixOf(a.shape, matrix) * rows + row) * inner;
    const right = matrixOf(b.shape, matrix) * inner * columns + column;
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      sum += (a.data[left + k]! - parameter(aZero, row)) * (b.data[right + k * columns]! - parameter(bZero, column));
    }
    return sum;
  });
}

/** DynamicQuantizeLinear: to u8, by the range of the data; with the scale and the zero point. */
export const dynamicQuantizeLinear: OpFactory = (): Op => ({
  infer: ([input]) => {
    const x = required(input, "x");
    requireType("DynamicQuantizeLinear", x, ["f32"]);
    return [{ dtype: "u8", shape: x.shape }, { dtype: "f32", shape: [] }, { dtype: "u8", shape: [] }];
  },
  reference: ([input]) => {
    const x = required(input, "x");
    let [low, high] = [0, 0];
    for (const value of x.data) [low, high] = [Math.min(low, value), Math.max(high, value)];
    const scale = Math.fround(Math.fround(high - low) / 255);
    const zero = scale === 0 ? 0 : roundHalfToEven(Math.min(Math.max(Math.fround(-low / scale), 0), 255));
    const y = Uint8Array.from(x.data, (value) => {
      return scale === 0 ? zero : Math.min(Math.max(roundHalfToEven(Math.fround(value / scale)) + zero, 0), 255);
    });
    return [tensor("u8", x.shape, y), tensor("f32", [], [scale]), tensor("u8", [], [zero])];
  },
});
