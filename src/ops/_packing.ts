/** Constants of linear operators in the forms that their kernels read. @module */
import type { Packed } from "../gpu/launch.ts";
import type { TensorData } from "../tensor/tensor.ts";
import type { IntegerEpilogue } from "./op.ts";

/** Constant weights, as outputs x inputs x taps over the elements of a tensor. */
export interface Weights {
  /** The elements. */
  readonly data: TensorData;
  /** Output channels. */
  readonly outputs: number;
  /** Input channels that each output channel reads. */
  readonly inputs: number;
  /** Kernel positions. */
  readonly taps: number;
  /** Steps in `data` of outputs, inputs and taps. */
  readonly strides: readonly [output: number, input: number, tap: number];
  /** What every weight is multiplied by: 1 where the weights are integers. */
  readonly scale: number;
}

/** A constant bias: one number, or one for each output channel. */
export interface Bias {
  /** The elements. */
  readonly data: TensorData;
  /** What every element is multiplied by. */
  readonly scale: number;
}

/** Weights as blocks of 4 input channels: number `(tap * blocks + block) * padded + output`. */
export function packDense(weights: Weights, padded: number): Packed {
  const blocks = Math.ceil(weights.inputs / 4);
  return {
    source: weights.data,
    key: `dense ${padded} ${keyOf(weights)}`,
    pack: () =>
      spread(weights, new Float32Array(weights.taps * blocks * padded * 4), (tap, c, n) => {
        return ((tap * blocks + (c >> 2)) * padded + n) * 4 + (c & 3);
      }),
  };
}

/**
 * Integer weights as blocks of 16 input channels, numbered as by {@linkcode packDense}.
 *
 * @param transposed Whether the four blocks of four outputs are transposed: block q of them holds input channels 4 q to
 * 4 q + 3, each as four outputs.
 */
export function packDense8(weights: Weights, padded: number, transposed: boolean): Packed {
  const blocks = Math.ceil(weights.inputs / 16);
  return {
    source: weights.data,
    key: `dense8 ${transposed} ${padded} ${keyOf(weights)}`,
    pack: () =>
      spread(weights, new Int8Array(weights.taps * blocks * padded * 16), (tap, c, n) => {
        const first = (tap * blocks + (c >> 4)) * padded;
        if (!transposed) return (first + n) * 16 + (c & 15);
        return (first + (n & ~3) + ((c & 15) >> 2)) * 16 + (c & 3) * 4 + (n & 3);
      }),
  };
}

/** Weights of one channel a group as texels of 4 f32 or 16 i8 channels: number `tap * blocks + block`. */
export function packDepthwise(weights: Weights, padded: number, integer: boolean): Packed {
  const block = integer ? 16 : 4;
  const texels = weights.taps * padded / block;
  return {
    source: weights.data,
    key: `depthwise ${block} ${padded} ${keyOf(weights)}`,
    pack: () =>
      spread(
        weights,
        integer ? new Int8Array(texels * block) : new Float32Array(texels * block),
        (tap, _, n) => tap * padded + n,
      ),
  };
}

/** Weights in a buffer: element `(tap * inputs + input) * padded + output`. */
export function packDirect(weights: Weights, padded: number, integer: boolean): Packed {
  const size = weights.taps * weights.inputs * padded;
  return {
    source: weights.data,
    key: `direct ${integer} ${padded} ${keyOf(weights)}`,
    pack: () =>
      spread(
        weights,
        integer ? new Int8Array(size) : new Float32Array(size),
        (tap, c, n) => (tap * weights.inputs + c) * padded + n,
      ),
  };
}

/** Puts each weight where `indexOf` says. */
function spread<T extends Int8Array | Float32Array>(
  { data, outputs, inputs, taps, strides, scale }: Weights,
  out: T,
  indexOf: (tap: number, input: number, output: number) => number,
): T {
  for (let tap = 0; tap < taps; tap++) {
    for (let c = 0; c < inputs; c++) {
      for (let n = 0; n < outputs; n++) {
        out[indexOf(tap, c, n)] = data[n * strides[0] + c * strides[1] + tap * strides[2]]! * scale;
      }
    }
  }
  return out;
}

function keyOf({ outputs, inputs, taps, strides, scale }: Weights): string {
  return `${outputs}x${inputs}x${taps} [${strides}] ${scale}`;
}

/** The bias of each output channel, zero where there is none, with `-xZero * (sum of weights)` for integer kernels. */
export function packBias(weights: Weights, bias: Bias | null, padded: number, integer?: IntegerEpilogue): Packed {
  const { data, outputs, inputs, taps, strides } = weights;
  const own = bias ? `${identity(bias.data)}*${bias.scale}` : "none";
  return {
    source: data,
    key: `bias ${own} ${padded} ${integer ? `x=${integer.xZero}` : ""} ${keyOf(weights)}`,
    pack: () => {
      const out = integer ? new Int32Array(padded) : new Float32Array(padded);
      for (let n = 0; n < outputs; n++) {
        let sum = 0;
        if (integer && integer.xZero !== 0) {
          for (let c = 0; c < inputs; c++) {
            for (let tap = 0; tap < taps; tap++) {
              sum += data[n * strides[0] + c * strides[1] + tap * strides[2]]!;
            }
          }
        }
        out[n] = biasAt(bias, n) - (integer?.xZero ?? 0) * sum;
      }
      return out;
    },
  };
}

/** A bias as it is, zero where there is none. */
export function packVector(bias: Bias | null, padded: number, integer: boolean): Packed {
  return {
    source: bias?.data ?? NO_BIAS,
    key: `vector ${padded} ${integer} ${bias?.data.length ?? 0} ${bias?.scale ?? 0}`,
    pack: () => {
      const out = integer ? new Int32Array(padded) : new Float32Array(padded);
      return out.map((_, n) => bias && bias.data.length > 1 && n >= bias.data.length ? 0 : biasAt(bias, n));
    },
  };
}

const NO_BIAS = {};

/** The bias of one output channel. */
function biasAt(bias: Bias | null, n: number): number {
  return bias ? bias.data[bias.data.length === 1 ? 0 : n]! * bias.scale : 0;
}

/** The multiplier of each output channel. */
export function packMultiplier({ multiplier }: IntegerEpilogue, channels: number, padded: number): Packed {
  return {
    source: multiplier,
    key: `multiplier ${channels} ${padded}`,
    pack: () =>
      Float32Array.from(
        { length: padded },
        (_, n) => n < channels ? multiplier[multiplier.length === 1 ? 0 : n]! : 0,
      ),
  };
}

const identities = new WeakMap<object, number>();
let lastIdentity = 0;

/** A number that tells objects apart: keys are strings, and a packed bias depends on two objects. */
function identity(object: object): number {
  let id = identities.get(object);
  if (id === undefined) identities.set(object, id = ++lastIdentity);
  return id;
}
