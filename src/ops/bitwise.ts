/** Operators on the bits of integers, and the remainder of a division. @module */
import type { Attributes } from "../graph/graph.ts";
import { allocate, broadcastShapes, type DType, type KnownType, type TensorType } from "../tensor/tensor.ts";
import { dtypeNamed } from "./cast.ts";
import { INTEGERS, mapBroadcast, NUMBERS, requireType } from "./_pointwise.ts";
import { numberOf, type Op, type OpFactory, required, stringOf } from "./op.ts";

/** Bits of an element. */
const BITS: Readonly<Partial<Record<DType, number>>> = {
  i8: 8,
  u8: 8,
  i16: 16,
  u16: 16,
  i32: 32,
  u32: 32,
  i64: 64,
  u64: 64,
};

function binary(name: string, types: readonly DType[], apply: (a: number, b: number, dtype: DType) => number): Op {
  const typeOf = (a: KnownType, b: KnownType): TensorType => {
    requireType(name, a, types);
    if (a.dtype !== b.dtype) {
      throw new TypeError(`${name} takes inputs of one type: current types are ${a.dtype} and ${b.dtype}`);
    }
    return { dtype: a.dtype, shape: broadcastShapes(a.shape, b.shape) };
  };
  return {
    infer: ([a, b]) => [typeOf(required(a, "A"), required(b, "B"))],
    reference: ([first, second]) => {
      const [a, b] = [required(first, "A"), required(second, "B")];
      return [mapBroadcast([a, b], a.dtype, ([x, y]) => apply(x!, y!, a.dtype))];
    },
  };
}

/** A whole number as its type holds it: the lowest bits, with a sign where it has one. */
function fit(value: bigint, dtype: DType): number {
  const bits = BITS[dtype] ?? 64;
  return Number(dtype.startsWith("u") ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value));
}

function onBits(name: string, apply: (a: bigint, b: bigint) => bigint): OpFactory {
  return (): Op => binary(name, INTEGERS, (a, b, dtype) => fit(apply(BigInt(a), BigInt(b)), dtype));
}

/** The bits that both have. */
export const bitwiseAnd: OpFactory = onBits("BitwiseAnd", (a, b) => a & b);
/** The bits that at least one has. */
export const bitwiseOr: OpFactory = onBits("BitwiseOr", (a, b) => a | b);
/** The bits that just one has. */
export const bitwiseXor: OpFactory = onBits("BitwiseXor", (a, b) => a ^ b);

/** The bits that it has not. */
export const bitwiseNot: OpFactory = (): Op => ({
  infer: ([x]) => {
    const { dtype, shape } = required(x, "X");
    requireType("BitwiseNot", { dtype, shape }, INTEGERS);
    return [{ dtype, shape }];
  },
  reference: ([x]) => {
    const { dtype, shape, data } = required(x, "X");
    const y = allocate(dtype, data.length);
    for (let i = 0; i < y.length; i++) y[i] = fit(~BigInt(data[i]!), dtype);
    return [{ dtype, shape, data: y }];
  },
});

/** The bits of a moved by b places, to the left or to the right. */
export const bitShift: OpFactory = (attributes): Op => {
  const direction = stringOf(attributes, "direction", "");
  if (direction !== "LEFT" && direction !== "RIGHT") {
    throw new TypeError(`BitShift "direction" must be LEFT or RIGHT: current value is "${direction}"`);
  }
  const left = direction === "LEFT";
  return binary("BitShift", INTEGERS, (a, b, dtype) => {
    return fit(left ? BigInt(a) << BigInt(b) : BigInt(a) >> BigInt(b), dtype);
  });
};

/** The remainder of a / b: with the sign of b, or with that of a where `fmod` is set. */
export const mod: OpFactory = (attributes: Attributes): Op => {
  const fmod = numberOf(attributes, "fmod", 0) !== 0;
  return binary("Mod", NUMBERS, (a, b) => {
    const remainder = a % b;
    return fmod || remainder === 0 || (remainder < 0) === (b < 0) ? remainder : remainder + b;
  });
};

/** The same bits as another type of the same size. */
export const bitCast: OpFactory = (attributes): Op => {
  const to = dtypeNamed("BitCast", "to", attributes.get("to"));
  const bitsOf = (dtype: DType): number => BITS[dtype] ?? (dtype === "f32" ? 32 : dtype === "bool" ? 8 : 64);
  return {
    infer: ([x]) => {
      const { dtype, shape } = required(x, "input");
      if (bitsOf(dtype) !== bitsOf(to)) {
        throw new TypeError(`BitCast cannot make ${to} of ${dtype}: their sizes differ`);
      }
      return [{ dtype: to, shape }];
    },
    reference: ([x]) => {
      const { dtype, shape, data } = required(x, "input");
      const own = stored(dtype, data);
      const bytes = new Uint8Array(own.buffer, own.byteOffset, own.byteLength).slice().buffer;
      const y = allocate(to, data.length);
      const values = to === "i64" ? new BigInt64Array(bytes) : to === "u64" ? new BigUint64Array(bytes) : null;
      if (values) { for (let i = 0; i < y.length; i++) y[i] = Number(values[i]); }
      else y.set(new (y.constructor as typeof Float32Array)(bytes));
      return [{ dtype: to, shape, data: y }];
    },
  };
};

function stored(dtype: DType, data: ArrayLike<number>): ArrayBufferView {
  const big = (): bigint[] => Array.from(data, BigInt);
  if (dtype === "i64") return BigInt64Array.from(big());
  return dtype === "u64" ? BigUint64Array.from(big()) : data as unknown as ArrayBufferView;
}
