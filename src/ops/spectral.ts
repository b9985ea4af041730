/** DFT, STFT and MelWeightMatrix, and the determinant of matrices. @module */
import { type KnownType, normalizeAxis, sizeOf, type Tensor, tensor, type TensorType } from "../tensor/tensor.ts";
import { eachLine, linesOf } from "./_nd.ts";
import { requireType } from "./_pointwise.ts";
import { fromKnown } from "./selection.ts";
import { knownNumbers, numberOf, type Op, type OpFactory, required } from "./op.ts";

/** `sum over n of x[n] * e^(sign * 2 pi i k n / length)`, for one k. */
function frequency(
  re: (n: number) => number,
  im: (n: number) => number,
  length: number,
  k: number,
  sign: number,
): [number, number] {
  let [a, b] = [0, 0];
  for (let n = 0; n < length; n++) {
    const angle = sign * 2 * Math.PI * ((k * n) % length) / length;
    a += re(n) * Math.cos(angle) - im(n) * Math.sin(angle);
    b += re(n) * Math.sin(angle) + im(n) * Math.cos(angle);
  }
  return [a, b];
}

/** DFT along an axis of a tensor whose last axis holds real numbers, or real and imaginary parts. */
export const dft: OpFactory = (attributes, opset): Op => {
  const inverse = numberOf(attributes, "inverse", 0) !== 0;
  const oneSided = numberOf(attributes, "onesided", 0) !== 0;
  const plan = (inputs: readonly (KnownType | null)[]) => {
    const x = required(inputs[0], "input");
    requireType("DFT", x, ["f32"]);
    const given = opset < 20 ? numberOf(attributes, "axis", 1) : inputs[2] ? knownNumbers(inputs[2], "axis")[0]! : -2;
    const axis = normalizeAxis(given, x.shape.length);
    const spread = inverse && oneSided;
    const half = x.shape[axis]!;
    const length = inputs[1] ? knownNumbers(inputs[1], "dft_length")[0]! : spread ? 2 * (half - 1) : half;
    const size = oneSided && !inverse ? Math.floor(length / 2) + 1 : length;
    const shape = x.shape.with(axis, size).with(-1, spread ? 1 : 2);
    return { axis, length, shape, spread };
  };
  return {
    infer: (inputs) => [{ dtype: "f32", shape: plan(inputs).shape }],
    reference: (inputs) => {
      const x = required(inputs[0], "input");
      const { axis, length, shape, spread } = plan(inputs);
      const [parts, out] = [x.shape.at(-1)!, shape.at(-1)!];
      const [from, to] = [linesOf(x.shape.slice(0, -1), axis), linesOf(shape.slice(0, -1), axis)];
      const data = new Float32Array(sizeOf(shape));
      const starts: ((i: number) => number)[] = [];
      eachLine(from, (at) => starts.push(at));
      eachLine(to, (at, line) => {
        const part = (which: number) => (n: number): number => {
          const mirrored = spread && n >= from.length ? length - n : n;
          if (mirrored >= from.length || which >= parts) return 0;
          const value = x.data[starts[line]!(mirrored) * parts + which]!;
          return mirrored !== n && which === 1 ? -value : value;
        };
        for (let k = 0; k < to.length; k++) {
          const [re, im] = frequency(part(0), part(1), length, k, inverse ? 1 : -1);
          const scale = inverse ? 1 / length : 1;
          data[at(k) * out] = re * scale;
          if (out > 1) data[at(k) * out + 1] = im * scale;
        }
      });
      return [{ dtype: "f32", shape, data }];
    },
  };
};

/** STFT: DFTs of frames of a signal, each under a window. */
export const stft: OpFactory = (attributes): Op => {
  const oneSided = numberOf(attributes, "onesided", 1) !== 0;
  const plan = ([signal, step, window, frame]: readonly (KnownType | null)[]) => {
    const x = required(signal, "signal");
    requireType("STFT", x, ["f32"]);
    const length = frame ? knownNumbers(frame, "frame_length")[0]! : required(window, "window").shape[0]!;
    const hop = knownNumbers(step, "frame_step")[0]!;
    const frames = Math.floor((x.shape[1]! - length) / hop) + 1;
    return { x, length, hop, shape: [x.shape[0]!, frames, oneSided ? Math.floor(length / 2) + 1 : length, 2] };
  };
  return {
    infer: (inputs): TensorType[] => [{ dtype: "f32", shape: plan(inputs).shape }],
    reference: (inputs) => {
      const { length, hop, shape } = plan(inputs);
      const [signal, window] = [required(inputs[0], "signal"), inputs[2]];
      const parts = signal.shape[2] ?? 1;
      const [, frames, bins] = shape as [number, number, number];
      const data = new Float32Array(sizeOf(shape));
      for (let i = 0; i < data.length / 2; i++) {
        const [batch, start] = [Math.floor(i / bins / frames), Math.floor(i / bins) % frames * hop];
        const part = (which: number) => (n: number): number =>
          which < parts
            ? signal.data[(batch * signal.shape[1]! + start + n) * parts + which]! * (window ? window.data[n]! : 1)
            : 0;
        data.set(frequency(part(0), part(1), length, i % bins, -1), 2 * i);
      }
      return [{ dtype: "f32", shape, data }];
    },
  };
};

/** MelWeightMatrix: triangles over the bins of a spectrum, evenly spaced on the mel scale. */
export const melWeightMatrix: OpFactory = (): Op =>
  fromKnown((inputs): Tensor[] => {
    const names = ["num_mel_bins", "dft_length", "sample_rate", "lower_edge_hertz", "upper_edge_hertz"];
    const [bins, length, rate, low, high] = names.map((name, i) => knownNumbers(inputs[i], name)[0]!) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const rows = Math.floor(length / 2) + 1;
    const mel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
    const step = (mel(high) - mel(low)) / (bins + 2);
    const edges = Array.from({ length: bins + 2 }, (_, i) => {
      const hertz = 700 * (10 ** ((i * step + mel(low)) / 2595) - 1);
      return Math.floor((length + 1) * hertz / rate);
    });
    const out = new Float32Array(rows * bins);
    for (let bin = 0; bin < bins; bin++) {
      const [left, middle, right] = edges.slice(bin, bin + 3) as [number, number, number];
      if (middle === left) out[middle * bins + bin] = 1;
      for (let row = left; row <= middle && middle !== left; row++) {
        out[row * bins + bin] = (row - left) / (middle - left);
      }
      for (let row = middle; row < right; row++) out[row * bins + bin] = (right - row) / (right - middle);
    }
    return [tensor("f32", [rows, bins], out)];
  });

/** Det: the determinants of square matrices. */
export const det: OpFactory = (): Op => ({
  infer: ([input]) => {
    const x = required(input, "X");
    requireType("Det", x, ["f32"]);
    if (x.shape.length < 2 || x.shape.at(-1) !== x.shape.at(-2)) {
      throw new RangeError(`Det takes square matrices: the input has shape [${x.shape}]`);
    }
    return [{ dtype: "f32", shape: x.shape.slice(0, -2) }];
  },
  reference: ([input]) => {
    const { shape, data } = required(input, "X");
    const n = shape.at(-1)!;
    const out = Float32Array.from({ length: sizeOf(shape.slice(0, -2)) }, (_, i) => {
      return determinant(Float64Array.from(data.subarray(i * n * n, (i + 1) * n * n)), n);
    });
    return [{ dtype: "f32", shape: shape.slice(0, -2), data: out }];
  },
});

/** By elimination, with the greatest pivot of each column. */
function determinant(m: Float64Array, n: number): number {
  let product = 1;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column; row < n; row++) {
      if (Math.abs(m[row * n + column]!) > Math.abs(m[pivot * n + column]!)) pivot = row;
    }
    const value = m[pivot * n + column]!;
    if (value === 0) return 0;
    product *= pivot === column ? value : -value;
    for (let k = column; k < n; k++) {
      [m[column * n + k], m[pivot * n + k]] = [m[pivot * n + k]!, m[column * n + k]!];
    }
    for (let row = column + 1; row < n; row++) {
      const factor = m[row * n + column]! / value;
      for (let k = column; k < n; k++) m[row * n + k]! -= factor * m[column * n + k]!;
    }
  }
  return product;
}
