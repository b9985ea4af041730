/** What Conv, MatMul and Gemm share: types, and the way from sums to results. @module */
import { roundUp } from "../gpu/layout.ts";
import { requantize } from "../tensor/quantization.ts";
import type { DType, KnownType, TensorData, TensorType } from "../tensor/tensor.ts";
import type { Epilogue } from "./op.ts";

/** One field list of a uniform. */
export type Field = readonly ["u32" | "i32" | "f32", ...number[]];

/** The element type of results, before any continuation. */
export function resultType(epilogue: Epilogue): "i8" | "f32" {
  return epilogue.integer?.out ? "i8" : "f32";
}

/** The element type of what kernels store. */
export function storedType(epilogue: Epilogue): "i8" | "f32" {
  return epilogue.then?.dtype ?? resultType(epilogue);
}

/**
 * Sees to it that a linear operator has the inputs that its mode wants.
 *
 * @throws {TypeError} Where a type is another.
 * @throws {RangeError} Where there are not as many multipliers as output channels.
 */
export function checkTypes(
  op: string,
  inputs: readonly [x: TensorType, w: TensorType, bias: TensorType | null],
  channels: number,
  { integer }: Epilogue,
): void {
  const wanted: readonly DType[] = integer ? ["i8", "u8"] : ["f32"];
  const [x, w, bias] = inputs;
  for (const { dtype } of [x, w]) {
    if (!wanted.includes(dtype)) throw new TypeError(`${op} needs ${wanted.join(" or ")} operands, got ${dtype}`);
  }
  const wantedBias = integer ? "i32" : "f32";
  if (bias && bias.dtype !== wantedBias) throw new TypeError(`${op} needs a bias of ${wantedBias}, got ${bias.dtype}`);
  const count = integer?.multiplier.length ?? 1;
  if (count !== 1 && count !== channels) {
    throw new RangeError(`${op} needs 1 or ${channels} multipliers: there are ${count}`);
  }
}

/** What an operator's definition does with the sum for output channel `n`. */
export function finisher({ clamp = [-Infinity, Infinity], integer }: Epilogue): (sum: number, n: number) => number {
  const bound = (value: number): number => Math.min(Math.max(value, clamp[0]), clamp[1]);
  if (!integer) return bound;
  const { multiplier, out } = integer;
  const scaleOf = (n: number): number => multiplier[multiplier.length === 1 ? 0 : n]!;
  // `| 0` wraps as 32-bit sums do.
  if (out) return (sum, n) => requantize(sum | 0, scaleOf(n), out.zero, [out.low, out.high]);
  return (sum, n) => bound(Math.fround(Math.fround(sum | 0) * scaleOf(n)));
}

/**
 * A constant input in the form that the kernels pack.
 *
 * @throws {TypeError} Where the input is not constant.
 */
export function constantOf(op: string, what: string, input: KnownType): TensorData {
  if (input.data) return input.data;
  throw new TypeError(`${op} runs on a GPU only with constant ${what}: it is computed from the model's inputs`);
}

/** Fields that end the uniform of every linear kernel: `low`, `high` and, for integers, `zero` and `x_zero`. */
export function epilogueFields({ clamp, integer }: Epilogue): Field[] {
  const [low, high] = integer?.out ? [integer.out.low, integer.out.high] : clamp ?? [-Infinity, Infinity];
  const bounds: Field = ["f32", low, high];
  return integer ? [bounds, ["f32", integer.out?.zero ?? 0], ["u32", packedByte(integer.xZero)]] : [bounds];
}

/** A byte four times over. */
export function packedByte(value: number): number {
  return Math.imul(value & 0xff, 0x01010101) >>> 0;
}

/** Constants of integer kernels: 1 where what they store is f32. */
export function outputConstants(epilogue: Epilogue): Record<string, number> {
  return epilogue.integer ? { FLOAT_OUT: storedType(epilogue) === "i8" ? 0 : 1 } : {};
}

/** 16-byte blocks of an innermost axis. */
export function blocksOf(size: number, integer: boolean): number {
  return Math.ceil(size / (integer ? 16 : 4));
}

/** Blocks of four channels in a padded output row. */
export function outputBlocks(channels: number, epilogue: Epilogue): number {
  return roundUp(channels, storedType(epilogue) === "i8" ? 16 : 4) / 4;
}

/**
 * Sees to it that constant weights are symmetric: their kernels know no zero point.
 *
 * @throws {TypeError} Where they are not.
 */
export function refuseWeightZero(op: string, { integer }: Epilogue): void {
  if (integer && integer.wZero !== 0) {
    throw new TypeError(
      `${op} runs on a GPU with constant weights of zero point 0 only: current value is ${integer.wZero}`,
    );
  }
}
