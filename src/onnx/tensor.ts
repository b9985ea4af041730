/** ONNX tensors to tensors and back. @module */
import onnxProto, { type onnx as Onnx } from "onnx-proto";
import { allocate, type DType, isReal, sizeOf, type Tensor, type TensorData } from "../tensor/tensor.ts";

/** The ONNX schema. */
export const schema: typeof Onnx = onnxProto.onnx;

const { DataType } = schema.TensorProto;

const CODES: readonly (readonly [dtype: DType, code: number])[] = [
  ["f32", DataType.FLOAT],
  ["f16", DataType.FLOAT16],
  ["bf16", DataType.BFLOAT16],
  ["f64", DataType.DOUBLE],
  ["u8", DataType.UINT8],
  ["i8", DataType.INT8],
  ["u16", DataType.UINT16],
  ["i16", DataType.INT16],
  ["u32", DataType.UINT32],
  ["i32", DataType.INT32],
  ["u64", DataType.UINT64],
  ["i64", DataType.INT64],
  ["bool", DataType.BOOL],
];

// The schema of onnx-proto ends at ONNX 1.10.
const NEWER_TYPES = new Map([
  [17, "FLOAT8E4M3FN"],
  [18, "FLOAT8E4M3FNUZ"],
  [19, "FLOAT8E5M2"],
  [20, "FLOAT8E5M2FNUZ"],
  [21, "UINT4"],
  [22, "INT4"],
  [23, "FLOAT4E2M1"],
]);

/** The name of an ONNX element type. */
export function elementTypeName(code: number): string {
  return DataType[code] ?? NEWER_TYPES.get(code) ?? `element type ${code}`;
}

/** The type that an ONNX element type is held in, or `null` where there is none. */
export function dtypeOf(code: number | null | undefined): DType | null {
  return CODES.find((pair) => pair[1] === code)?.[0] ?? null;
}

/** A tensor of real numbers in single precision, in which all are computed; others as they are. */
export function inSingle(value: Tensor): Tensor {
  const { dtype, shape, data } = value;
  return dtype !== "f32" && isReal(dtype) ? { dtype: "f32", shape, data: Float32Array.from(data) } : value;
}

/** The ONNX element type of a type. */
export function codeOf(dtype: DType): number {
  return CODES.find((pair) => pair[0] === dtype)?.[1] ?? DataType.UNDEFINED;
}

/** Why a tensor cannot be read, or `null` where it can. */
export function unsupportedTensor(proto: Onnx.ITensorProto): string | null {
  const type = proto.dataType ?? 0;
  if (dtypeOf(type) === null) return `its elements are ${elementTypeName(type)}`;
  if (proto.dataLocation === schema.TensorProto.DataLocation.EXTERNAL) {
    const location = proto.externalData?.find(({ key }) => key === "location")?.value ?? "";
    return `its elements are in another file, "${location}"`;
  }
  return proto.segment ? "it is stored in segments" : null;
}

/**
 * A tensor from its ONNX form.
 *
 * @throws {SyntaxError} Where the dimensions or the number of elements are not valid.
 */
export function readTensor(proto: Onnx.ITensorProto): Tensor {
  const dtype = dtypeOf(proto.dataType);
  const problem = unsupportedTensor(proto);
  if (dtype === null || problem) throw new TypeError(`Cannot read tensor "${proto.name ?? ""}": ${problem}`);
  const shape = (proto.dims ?? []).map(Number);
  const size = sizeOf(shape);
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || !Number.isSafeInteger(size)) {
    throw new SyntaxError(`Tensor "${proto.name ?? ""}" has no valid shape: [${shape}]`);
  }
  const { rawData: raw } = proto;
  const stored = raw && raw.length > 0 ? fromRaw(raw, proto.dataType ?? 0) : fromFields(proto);
  const { found } = stored;
  if (found !== size) {
    throw new SyntaxError(`Tensor "${proto.name ?? ""}" of shape [${shape}] needs ${size} elements, has ${found}`);
  }
  const values = dtype === "bf16" ? fromUpperHalves(stored.values) : stored.values;
  return { dtype, shape, data: convert(values, allocate(dtype, size)) };
}

/** Singles from their upper 16 bits: the form of bfloat16. */
function fromUpperHalves(values: Values): Float32Array {
  return new Float32Array(Uint32Array.from({ length: values.length }, (_, i) => Number(values[i]) << 16).buffer);
}

type Values = { readonly [index: number]: number | bigint | object; readonly length: number };

function convert(values: Values, data: TensorData): TensorData {
  if (values.constructor === data.constructor) return values as TensorData;
  for (let i = 0; i < data.length; i++) data[i] = Number(values[i]);
  return data;
}

type ElementsConstructor = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): Values;
};

function elementsOf(code: number): ElementsConstructor {
  switch (code) {
    case DataType.FLOAT:
      return Float32Array;
    case DataType.DOUBLE:
      return Float64Array;
    case DataType.FLOAT16:
      return Float16Array;
    case DataType.INT8:
      return Int8Array;
    case DataType.INT16:
      return Int16Array;
    case DataType.UINT16:
    case DataType.BFLOAT16:
      return Uint16Array;
    case DataType.INT32:
      return Int32Array;
    case DataType.UINT32:
      return Uint32Array;
    case DataType.INT64:
      return BigInt64Array;
    case DataType.UINT64:
      return BigUint64Array;
    default:
      return Uint8Array;
  }
}

function fromRaw(raw: Uint8Array, type: number): { values: Values; found: number } {
  const Elements = elementsOf(type);
  const found = raw.byteLength / Elements.BYTES_PER_ELEMENT;
  // A copy, since the bytes are a view of the file that need not be aligned.
  return { values: Number.isInteger(found) ? new Elements(Uint8Array.from(raw).buffer) : [], found };
}

function fromFields(proto: Onnx.ITensorProto): { values: Values; found: number } {
  const values = fieldOf(proto) ?? [];
  const bits = proto.dataType === DataType.FLOAT16;
  return {
    values: bits ? new Float16Array(Uint16Array.from(values as number[]).buffer) : values,
    found: values.length,
  };
}

function fieldOf(proto: Onnx.ITensorProto): Values | null | undefined {
  switch (proto.dataType) {
    case DataType.FLOAT:
      return proto.floatData;
    case DataType.DOUBLE:
      return proto.doubleData;
    case DataType.INT64:
      return proto.int64Data;
    case DataType.UINT32:
    case DataType.UINT64:
      return proto.uint64Data;
    default:
      return proto.int32Data;
  }
}

/** A tensor in its ONNX form, with the elements as raw data. */
export function writeTensor({ dtype, shape, data }: Tensor, name = ""): Onnx.ITensorProto {
  const elements = storedForm(dtype, data);
  const rawData = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  return { name, dataType: codeOf(dtype), dims: [...shape], rawData };
}

function storedForm(dtype: DType, data: TensorData): TensorData | BigInt64Array | BigUint64Array {
  if (dtype === "i64") return BigInt64Array.from(data, toInt64);
  if (dtype === "u64") return BigUint64Array.from(data, toUint64);
  if (dtype !== "bf16") return data;
  return Uint16Array.from(new Uint32Array(Float32Array.from(data).buffer), (bits) => bits >>> 16);
}

function toUint64(value: number): bigint {
  return value >= 2 ** 64 ? 2n ** 64n - 1n : BigInt(value);
}

// The greatest 64-bit integer, which files use for "to the end", is read as 2^63.
function toInt64(value: number): bigint {
  return value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value);
}
