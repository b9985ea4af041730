/**
 * From ranges to scales and zero points, in the steps and the f32 arithmetic of NNCF (`fake_quantize.py`), so that the
 * same ranges give the same integers.
 *
 * @module
 */
import { type QuantizationParameters, rangeOf, roundHalfToEven } from "../tensor/quantization.ts";

/** How a quantizer is made. */
export interface QuantizerForm {
  /** Weights are i8 and signed, activations i8 where they are negative anywhere, else u8. */
  readonly kind: "activation" | "weight";
  /** Whether zero lies in the middle of the range. */
  readonly mode: "symmetric" | "asymmetric";
  /** Whether the lowest integer is left out. */
  readonly narrowRange: boolean;
  /** For symmetric ones: signed or unsigned whatever the range says. Default: as the range says, for weights signed. */
  readonly signed?: boolean;
  /** For symmetric weights: whether only half of the integers are used, so that sums of two products fit 16 bits. Default false. */
  readonly halfRange?: boolean;
}

/** The least and the greatest number of each channel, or of the whole tensor. For symmetric forms `max` is a magnitude. */
export interface Ranges {
  /** The least numbers. */
  readonly min: Float32Array;
  /** The greatest numbers, as many. */
  readonly max: Float32Array;
}

/** What the lowest and the highest integer stand for. */
export interface Levels {
  /** For the lowest, by channel. */
  readonly low: Float32Array;
  /** For the highest, by channel. */
  readonly high: Float32Array;
  /** How many integers there are: 256, or 255 where the range is narrow. */
  readonly count: 255 | 256;
}

const { fround } = Math;

/** Symmetric ranges are at least this wide, and at least this share of the widest channel. */
const LEAST_MAGNITUDE = fround(8e-5);
const LEAST_SHARE = fround(0.01);

/** Asymmetric ranges not wider than this are widened by it at both ends. */
const LEAST_WIDTH = fround(8e-4);

/** The least scale: the distance of 1 to the next f32. */
export const LEAST_SCALE: number = 2 ** -23;

/** What the lowest and the highest integer of a quantizer stand for, given the ranges. */
export function levelsOf(ranges: Ranges, form: QuantizerForm): Levels {
  if (form.mode === "asymmetric") return asymmetricLevels(ranges, form.narrowRange);
  const count = form.narrowRange ? 255 : 256;
  if (!form.halfRange) return { ...symmetricLevels(ranges, form, count), count };
  // Seven bits, stretched over the integers of eight.
  const { low, high } = symmetricLevels(ranges, form, 128);
  const stretch = fround((count - 1) / 127);
  return { low: low.map((x) => x * stretch), high: high.map((x) => x * stretch), count };
}

function symmetricLevels(
  { min, max }: Ranges,
  { kind, signed, narrowRange }: QuantizerForm,
  count: number,
): { low: Float32Array; high: Float32Array } {
  const widest = max.reduce((a, b) => Math.max(a, b), 0);
  const least = Math.max(fround(widest * LEAST_SHARE), LEAST_MAGNITUDE);
  const high = max.map((x) => Math.max(x, least));
  if (!(signed ?? (kind === "weight" || min.some((x) => x < 0)))) return { low: high.map(() => 0), high };
  const below = narrowRange ? 1 : fround(count / (count - 2));
  return { low: high.map((x) => -x * below), high };
}

function asymmetricLevels({ min, max }: Ranges, narrowRange: boolean): Levels {
  const low = new Float32Array(min.length);
  const high = new Float32Array(min.length);
  min.forEach((least, c) => {
    const greatest = max[c]!;
    const wider = fround(greatest - least) > LEAST_WIDTH ? 0 : LEAST_WIDTH;
    const ends = withExactZero(Math.min(0, fround(least - wider)), Math.max(0, fround(greatest + wider)));
    [low[c], high[c]] = ends;
  });
  return { low, high, count: narrowRange ? 255 : 256 };
}

/** Moves one end outwards so that zero is a whole number of steps from the low end. */
function withExactZero(low: number, high: number): readonly [low: number, high: number] {
  const zero = roundHalfToEven(fround(-low * fround(255 / fround(high - low))));
  const lower = zero < 255 ? fround(fround(zero / (zero - 255)) * high) : low;
  const higher = zero > 0 ? fround(fround((zero - 255) / zero) * low) : high;
  return fround(high - lower) > fround(higher - low) ? [lower, high] : [low, higher];
}

/**
 * Scale and zero point of a quantizer.
 *
 * @param axis The axis of the channels that the ranges are of; `null` where there is one range for the tensor.
 * @throws {RangeError} Where half of the integers of anything but symmetric weights is to be used.
 */
export function parametersOf(ranges: Ranges, form: QuantizerForm, axis: number | null): QuantizationParameters {
  const { kind, mode, narrowRange, halfRange = false } = form;
  if (halfRange && (kind !== "weight" || mode !== "symmetric")) {
    throw new RangeError(`Only symmetric weights can use half of the integers: the quantizer is of ${mode} ${kind}s`);
  }
  const { low, high, count } = levelsOf(ranges, form);
  const dtype = kind === "weight" || low.some((x) => x < 0) ? "i8" : "u8";
  const [lowest, highest] = rangeOf(dtype);
  const first = narrowRange ? lowest + 1 : lowest;
  const scale = low.map((x, c) => Math.max(fround(high[c]! - x) / (count - 1), LEAST_SCALE));
  const zeroPoint = Int32Array.from(low, (x, c) => {
    const zero = first - roundHalfToEven(fround(x / scale[c]!));
    return Math.min(highest, Math.max(lowest, zero));
  });
  return { dtype, axis, scale, zeroPoint };
}
