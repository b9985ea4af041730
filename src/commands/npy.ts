/** NumPy files to tensors and back. @module */
import { type DType as NpyType, dump, type NpyArray, parse } from "npyjs";
import { allocate, type DType, sizeOf, type Tensor } from "../tensor/tensor.ts";

// How elements are held; doubles become single precision.
const DTYPES: ReadonlyMap<NpyType, DType> = new Map([
  ["f4", "f32"],
  ["f8", "f32"],
  ["i1", "i8"],
  ["u1", "u8"],
  ["i4", "i32"],
  ["i8", "i64"],
  ["b1", "bool"],
]);

/**
 * The tensor in a .npy file of little-endian f4, f8, i1, u1, i4, i8 or b1 elements.
 *
 * @param file The name of the file, for messages.
 * @throws {SyntaxError} Where the bytes are no .npy file, or cut short.
 * @throws {TypeError} Where elements of its type, or in Fortran order, are not supported.
 */
export function readNpy(bytes: Uint8Array, file: string): Tensor {
  const { data, dtype: type, shape, fortranOrder } = parseNpy(bytes, file);
  const dtype = DTYPES.get(type);
  if (dtype === undefined) {
    throw new TypeError(`Cannot read "${file}": elements must be of type ${[...DTYPES.keys()]}: they are ${type}`);
  }
  if (fortranOrder) throw new TypeError(`Cannot read "${file}": it must be in C order, not in Fortran order`);
  const values = data as unknown as ArrayLike<number | bigint | boolean>;
  const size = sizeOf(shape);
  if (values.length !== size) {
    throw new SyntaxError(`Cannot read "${file}": shape [${shape}] needs ${size} elements, it holds ${values.length}`);
  }
  const elements = allocate(dtype, size);
  for (let i = 0; i < size; i++) elements[i] = Number(values[i]);
  return { dtype, shape, data: elements };
}

function parseNpy(bytes: Uint8Array, file: string): NpyArray {
  try {
    return parse(Uint8Array.from(bytes).buffer);
  } catch (error) {
    const reason = error instanceof Error ? error.message : `${error}`;
    if (reason.startsWith("Unsupported dtype")) throw new TypeError(`Cannot read "${file}": ${reason}`);
    throw new SyntaxError(`Cannot read "${file}": it is no .npy file, or it is cut short`, { cause: error });
  }
}

/** The tensor as a .npy file; real numbers of half precision are widened to single. */
export function writeNpy({ dtype, shape, data }: Tensor): Uint8Array {
  const elements = dtype === "i64"
    ? BigInt64Array.from(data, BigInt)
    : dtype === "u64"
    ? BigUint64Array.from(data, BigInt)
    : dtype === "f16" || dtype === "bf16"
    ? Float32Array.from(data)
    : data as Exclude<typeof data, Float16Array>;
  return new Uint8Array(dump(elements, [...shape], dtype === "bool" ? { dtype: "b1" } : {}));
}
