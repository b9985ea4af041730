/**
 * How tensors lie in GPU buffers.
 *
 * Kernels read 16 bytes at a time along the innermost axis: four f32 or sixteen i8. The padded layouts round that axis
 * up to whole blocks. The padding of f32 tensors is zero, every kernel sees to it; that of i8 tensors is unspecified, so
 * kernels multiply it by weights that are zero, or mask it.
 *
 * On the GPU 8-bit tensors are always signed: an unsigned tensor with zero point z is stored as the signed one with z - 128.
 *
 * @module
 */
import { allocate, type DType, stridesOf, type Tensor, type TensorData, type TensorType } from "../tensor/tensor.ts";

/**
 * The order of the axes in memory.
 *
 * - `plain`: row-major, unpadded;
 * - `rows`: row-major, the last axis padded;
 * - `cols`: the last two axes swapped, the one that is then last padded (the right operand of a matrix product);
 * - `nhwc`: axis 1 (channels) moved to the end and padded.
 */
export type Layout = "plain" | "rows" | "cols" | "nhwc";

/** A tensor in memory: its order, sizes and strides. */
export interface Physical {
  /** Logical axes, outermost first. */
  readonly order: readonly number[];
  /** Sizes with padding, in the order of `order`. */
  readonly sizes: readonly number[];
  /** For each logical axis, the step in elements. */
  readonly strides: readonly number[];
  /** Elements in all, with padding. */
  readonly length: number;
}

/** Bytes of one element on the GPU, where `bool` and all integers but those of 8 bits are 32-bit integers. */
export function elementSize(dtype: DType): 1 | 4 {
  return dtype === "i8" || dtype === "u8" ? 1 : 4;
}

/** Elements in a block of 16 bytes: the padding unit of the innermost axis. */
export function blockOf(dtype: DType): 4 | 16 {
  return elementSize(dtype) === 1 ? 16 : 4;
}

/** `value` rounded up to a multiple of `unit`. */
export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** Where the elements of a tensor lie. */
export function physicalOf(type: TensorType, layout: Layout): Physical {
  const { shape, dtype } = type;
  const order = orderOf(shape.length, layout);
  const sizes = order.map((axis) => shape[axis]!);
  if (layout !== "plain" && sizes.length > 0) {
    sizes[sizes.length - 1] = roundUp(sizes.at(-1)!, blockOf(dtype));
  }
  const inOrder = stridesOf(sizes);
  const strides = new Array<number>(shape.length);
  order.forEach((axis, i) => strides[axis] = inOrder[i]!);
  return { order, sizes, strides, length: sizes.reduce((a, b) => a * b, 1) };
}

function orderOf(rank: number, layout: Layout): number[] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  if (layout === "nhwc" && rank > 2) return [0, ...axes.slice(2), 1];
  if (layout === "cols" && rank > 1) return [...axes.slice(0, -2), rank - 1, rank - 2];
  return axes;
}

/** Bytes of the buffer that holds a tensor: whole blocks, at least one. */
export function bytesOf(type: TensorType, layout: Layout): number {
  return Math.max(16, roundUp(physicalOf(type, layout).length * elementSize(type.dtype), 16));
}

/** The elements of a tensor in the order of a layout, as the GPU wants them; zero in the padding. */
export function arrange(
  tensor: Tensor,
  layout: Layout,
): Float32Array<ArrayBuffer> | Int8Array<ArrayBuffer> | Int32Array<ArrayBuffer> {
  const { length, strides } = physicalOf(tensor, layout);
  const bytes = bytesOf(tensor, layout);
  const out = elementSize(tensor.dtype) === 1
    ? new Int8Array(bytes)
    : tensor.dtype === "f32"
    ? new Float32Array(bytes / 4)
    : new Int32Array(bytes / 4);
  const shift = tensor.dtype === "u8" ? -128 : 0;
  if (layout === "plain" && shift === 0) {
    out.set(tensor.data as Int8Array);
    return out;
  }
  walk(tensor.shape, strides, (logical, physical) => out[physical] = tensor.data[logical]! + shift);
  return length > 0 ? out : out.fill(0);
}

/**
 * Refuses numbers that a GPU cannot hold.
 *
 * @throws {RangeError} Where an integer of 64 bits needs more than 32.
 */
export function checkRange({ dtype, data }: Tensor): void {
  if (dtype !== "i64" && dtype !== "u64") return;
  for (const value of data) {
    if (value < -(2 ** 31) || value >= 2 ** 31) {
      throw new RangeError(`The GPU holds ${dtype} in 32 bits: ${value} does not fit`);
    }
  }
}

/** The inverse of {@linkcode arrange} for the plain layout: elements as read back from the GPU. */
export function fromPlain(type: TensorType, bytes: ArrayBuffer): TensorData {
  const size = type.shape.reduce((a, b) => a * b, 1);
  if (type.dtype === "f32") return new Float32Array(bytes, 0, size);
  if (type.dtype === "i8") return new Int8Array(bytes, 0, size);
  const out = allocate(type.dtype, size);
  if (type.dtype === "u8") return (out as Uint8Array).fill(0).map((_, i) => new Int8Array(bytes)[i]! + 128);
  out.set(type.dtype === "u32" ? new Uint32Array(bytes, 0, size) : new Int32Array(bytes, 0, size));
  return out;
}

/** The bytes of a tensor in the `rows` layout, copied without its padding: the `plain` layout. */
export function withoutPadding({ shape, dtype }: TensorType, bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  const columns = shape.at(-1) ?? 1;
  const [width, step] = [columns, roundUp(columns, blockOf(dtype))].map((count) => count * elementSize(dtype)) as [
    number,
    number,
  ];
  const rows = shape.slice(0, -1).reduce((a, b) => a * b, 1);
  const out = new Uint8Array(rows * width);
  for (let row = 0; row < rows; row++) out.set(bytes.subarray(row * step, row * step + width), row * width);
  return out.buffer;
}

/** Calls `visit` for each element with its row-major index and its index by `strides`. */
function walk(
  shape: readonly number[],
  strides: readonly number[],
  visit: (logical: number, physical: number) => void,
): void {
  const index = new Array<number>(shape.length).fill(0);
  const size = shape.reduce((a, b) => a * b, 1);
  let physical = 0;
  for (let logical = 0; logical < size; logical++) {
    visit(logical, physical);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      physical += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      physical -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}
