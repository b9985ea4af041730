/** Dense tensors. Knows nothing of graphs or devices. @module */

/**
 * Element types.
 *
 * `i64` is held in doubles: whole numbers are exact up to 2^53, which covers every shape and index.
 */
export type DType = "f32" | "i8" | "u8" | "i32" | "i64" | "bool";

/** The elements of a tensor, by its type: `bool` is one byte an element, `i64` one double. */
export type TensorData = Float32Array | Int8Array | Uint8Array | Int32Array | Float64Array;

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
      return new Float32Array(size);
    case "i8":
      return new Int8Array(size);
    case "u8":
    case "bool":
      return new Uint8Array(size);
    case "i32":
      return new Int32Array(size);
    case "i64":
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
