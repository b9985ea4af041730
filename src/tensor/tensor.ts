/** Dense tensors. Knows nothing of graphs or devices. @module */

/**
 * Element types.
 *
 * All real numbers are computed in `f32`: `f16`, `bf16` and `f64` are types of inputs and outputs, and are converted there.
 * `i64` and `u64` are held in doubles: whole numbers are exact up to 2^53, which covers every shape and index.
 */
export type DType =
  | "f32"
  | "f16"
  | "bf16"
  | "f64"
  | "i8"
  | "u8"
  | "i16"
  | "u16"
  | "i32"
  | "u32"
  | "i64"
  | "u64"
  | "bool";

/** The elements of a tensor, by its type: `bool` is one byte an element, `bf16` one single, `i64` and `u64` one double. */
export type TensorData =
  | Float32Array
  | Float16Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float64Array;

/** Whether a type holds real numbers, not whole ones or truth values. */
export function isReal(dtype: DType): boolean {
  return dtype === "f32" || dtype === "f16" || dtype === "bf16" || dtype === "f64";
}

/** What is known of a tensor before it is computed. */
export interface TensorType {
  /** The type of the elements. */
  readonly dtype: DType;
  /** The size of every dimension. */
  readonly shape: readonly number[];
}

/** A dense, row-major tensor. */
export interface Tensor extends TensorType {
  /** The elements. */
  readonly data: TensorData;
}

/** A tensor type, with its elements where they are known without running the graph. */
export interface KnownType extends TensorType {
  /** The elements of a constant. */
  readonly data?: TensorData;
}

/** Number of elements in a tensor of the given shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/** An array of `size` zero elements of the given type. */
export function allocate(dtype: DType, size: number): TensorData {
  switch (dtype) {
    case "f32":
    case "bf16":
      return new Float32Array(size);
    case "f16":
      return new Float16Array(size);
    case "i8":
      return new Int8Array(size);
    case "u8":
    case "bool":
      return new Uint8Array(size);
    case "i16":
      return new Int16Array(size);
    case "u16":
      return new Uint16Array(size);
    case "i32":
      return new Int32Array(size);
    case "u32":
      return new Uint32Array(size);
    case "f64":
    case "i64":
    case "u64":
      return new Float64Array(size);
  }
  return dtype satisfies never;
}

/**
 * A tensor of the given type, shape and elements.
 *
 * @throws {RangeError} Where the number of elements does not fit the shape.
 */
export function tensor(
  dtype: DType,
  shape: readonly number[],
  data: TensorData | readonly number[],
): Tensor {
  const size = sizeOf(shape);
  if (data.length !== size) {
    throw new RangeError(
      `Cannot make a tensor of shape [${shape}]: it holds ${size} elements, got ${data.length}`,
    );
  }
  if (!Array.isArray(data)) return { dtype, shape, data: data as TensorData };
  const own = allocate(dtype, size);
  own.set(data);
  return { dtype, shape, data: own };
}

/** A scalar or vector of 64-bit integers: the form that ONNX gives shapes, axes and indices. */
export function i64(values: readonly number[] | number): Tensor {
  return typeof values === "number" ? tensor("i64", [], [values]) : tensor("i64", [values.length], values);
}

/** Row-major strides of a shape, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/**
 * The shape that ONNX (numpy) broadcasting gives.
 *
 * @throws {RangeError} Where the shapes cannot be broadcast together.
 */
export function broadcastShapes(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let dim = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own !== 1 && dim !== 1 && own !== dim) {
        throw new RangeError(
          `Cannot broadcast shapes ${shapes.map((s) => `[${s}]`).join(" and ")} together`,
        );
      }
      if (own !== 1) dim = own;
    }
    return dim;
  });
}

/**
 * An axis counted from the front.
 *
 * @throws {RangeError} Where the tensor has no such axis.
 */
export function normalizeAxis(axis: number, rank: number): number {
  const front = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(front) || front < 0 || front >= Math.max(rank, 1)) {
    throw new RangeError(`Axis must lie in [-${rank}, ${rank}): current value is ${axis}`);
  }
  return front;
}
