/**
 * The arithmetic of 8-bit quantization, in the steps that every GPU rounds alike.
 *
 * @module
 */

/** Scale and zero point of a quantized tensor. */
export interface QuantizationParameters {
  /** One scale, or one for each index of `axis`. */
  readonly scale: Float32Array;
  /** Zero points, as many as scales. */
  readonly zeroPoint: Int32Array;
  /** The axis that the scales run along; `null` with one scale for the whole tensor. */
  readonly axis: number | null;
  /** The integer type. */
  readonly dtype: "i8" | "u8";
}

/** The least and the greatest value of a type of 8 or 16 bits. */
export function rangeOf(dtype: "i8" | "u8" | "i16" | "u16"): readonly [number, number] {
  switch (dtype) {
    case "i8":
      return [-128, 127];
    case "u8":
      return [0, 255];
    case "i16":
      return [-32768, 32767];
    case "u16":
      return [0, 65535];
  }
  return dtype satisfies never;
}

/** Rounds to the nearest whole number, halves to even: `round` of WGSL and `nearbyint` of C. */
export function roundHalfToEven(x: number): number {
  const down = Math.floor(x);
  const part = x - down;
  if (part !== 0.5) return part < 0.5 ? down : down + 1;
  return down % 2 === 0 ? down : down + 1;
}

/** `clamp(round(f32(x / scale)) + zeroPoint)`, as QuantizeLinear of ONNX has it. */
export function quantize(
  x: number,
  scale: number,
  zeroPoint: number,
  [low, high]: readonly [number, number],
): number {
  const q = roundHalfToEven(Math.fround(x / scale)) + zeroPoint;
  return Math.min(Math.max(q, low), high);
}

/** `(q - zeroPoint) * scale` in f32. */
export function dequantize(q: number, scale: number, zeroPoint: number): number {
  return Math.fround((q - zeroPoint) * scale);
}

/** `clamp(round(f32(acc) * f32(multiplier)) + zeroPoint)`: an i32 accumulator to 8 bits. */
export function requantize(
  acc: number,
  multiplier: number,
  zeroPoint: number,
  [low, high]: readonly [number, number],
): number {
  const q = roundHalfToEven(Math.fround(Math.fround(acc) * multiplier)) + zeroPoint;
  return Math.min(Math.max(q, low), high);
}
