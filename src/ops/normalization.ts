/** Normalizations by groups, instances, neighbours and norms. @module */
import type { Attributes } from "../graph/graph.ts";
import { broadcastShapes, type KnownType, normalizeAxis, sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";
import { eachLine, linesOf } from "./_nd.ts";
import { mapBroadcast, requireType } from "./_pointwise.ts";
import { numberOf, numbersOf, type Op, type OpFactory, required } from "./op.ts";

/** An operator on f32 whose output has the type of its first input. */
function alike(
  name: string,
  check: (x: KnownType, inputs: readonly (KnownType | null)[]) => void,
  compute: (inputs: readonly Tensor[], x: Tensor) => Float32Array,
): Op {
  return {
    infer: (inputs) => {
      const x = required(inputs[0], "X");
      requireType(name, x, ["f32"]);
      check(x, inputs);
      return [{ dtype: "f32", shape: x.shape }];
    },
    reference: (inputs) => {
      const x = required(inputs[0], "X");
      return [{ dtype: "f32", shape: x.shape, data: compute(inputs as readonly Tensor[], x) }];
    },
  };
}

/** Runs of elements with mean 0 and variance 1. */
function standardized(data: Tensor["data"], length: number, epsilon: number): Float64Array {
  const out = new Float64Array(data.length);
  for (let first = 0; first < data.length; first += length) {
    const run = Array.from(data.subarray(first, first + length));
    const mean = run.reduce((a, b) => a + b, 0) / length;
    const variance = run.reduce((sum, x) => sum + (x - mean) ** 2, 0) / length;
    run.forEach((x, i) => out[first + i] = (x - mean) / Math.sqrt(variance + epsilon));
  }
  return out;
}

/** InstanceNormalization: each channel of each image for itself. */
export const instanceNormalization: OpFactory = (attributes): Op =>
  alike("InstanceNormalization", (x, inputs) => {
    atLeastThreeAxes(x);
    requireScales("InstanceNormalization", inputs, x.shape[1]!);
  }, ([, scale, bias], { shape, data }) => {
    const inner = sizeOf(shape.slice(2));
    const channel = (i: number): number => Math.floor(i / inner) % shape[1]!;
    return Float32Array.from(
      standardized(data, inner, numberOf(attributes, "epsilon", 1e-5)),
      (x, i) => x * scale!.data[channel(i)]! + bias!.data[channel(i)]!,
    );
  });

/** Requires a scale and a bias of so many elements. */
function requireScales(name: string, [, scale, bias]: readonly (KnownType | null)[], count: number): void {
  for (const [what, own] of [["scale", scale], ["B", bias]] as const) {
    if (`${required(own, what).shape}` === `${count}`) continue;
    throw new RangeError(`${name}: "${what}" must have shape [${count}]: current shape is [${own!.shape}]`);
  }
}

function atLeastThreeAxes({ shape }: KnownType): void {
  if (shape.length < 3) throw new RangeError(`It needs images: the input has shape [${shape}]`);
}

/** GroupNormalization: groups of channels; scales for each group before operator set 21, for each channel since. */
export const groupNormalization: OpFactory = (attributes, opset): Op => {
  const groups = numberOf(attributes, "num_groups", 1);
  const check = ({ shape }: KnownType, inputs: readonly (KnownType | null)[]): void => {
    if (shape[1]! % groups !== 0) {
      throw new RangeError(
        `GroupNormalization "num_groups" must divide ${shape[1]} channels: current value is ${groups}`,
      );
    }
    requireScales("GroupNormalization", inputs, opset < 21 ? groups : shape[1]!);
  };
  return alike("GroupNormalization", check, ([, scale, bias], { shape, data }) => {
    const [channels, inner] = [shape[1]!, sizeOf(shape.slice(2))];
    const run = inner * channels / groups;
    const own = (i: number): number => opset < 21 ? Math.floor(i / run) % groups : Math.floor(i / inner) % channels;
    return Float32Array.from(
      standardized(data, run, numberOf(attributes, "epsilon", 1e-5)),
      (x, i) => x * scale!.data[own(i)]! + bias!.data[own(i)]!,
    );
  });
};

/** RMSNormalization: over the axes from one on, divided by the root of the mean of squares. */
export const rmsNormalization: OpFactory = (attributes): Op => {
  const axisOf = ({ shape }: KnownType): number => normalizeAxis(numberOf(attributes, "axis", -1), shape.length);
  const check = (x: KnownType, [, scale]: readonly (KnownType | null)[]): void => {
    axisOf(x);
    const { shape } = required(scale, "scale");
    if (`${broadcastShapes(x.shape, shape)}` !== `${x.shape}`) {
      throw new RangeError(`RMSNormalization: "scale" must broadcast to [${x.shape}]: its shape is [${shape}]`);
    }
  };
  return alike("RMSNormalization", check, ([, scale], x) => {
    const length = sizeOf(x.shape.slice(axisOf(x)));
    const out = new Float32Array(x.data.length);
    for (let first = 0; first < out.length; first += length) {
      const run = Array.from(x.data.subarray(first, first + length));
      const mean = run.reduce((sum, value) => sum + value * value, 0) / length;
      run.forEach((value, i) => out[first + i] = value / Math.sqrt(mean + numberOf(attributes, "epsilon", 1e-5)));
    }
    const normalized = tensor("f32", x.shape, out);
    return mapBroadcast([normalized, scale!], "f32", ([a, b]) => a! * b!).data as Float32Array;
  });
};

/** LRN: divided by a power of the sum of squares of neighbouring channels. */
export const lrn: OpFactory = (attributes): Op => {
  const size = numberOf(attributes, "size", 1);
  const [alpha, beta, bias] = [
    numberOf(attributes, "alpha", 1e-4),
    numberOf(attributes, "beta", 0.75),
    numberOf(attributes, "bias", 1),
  ];
  return alike("LRN", atLeastThreeAxes, (_, { shape, data }) => {
    const out = new Float32Array(data.length);
    const lines = linesOf(shape, 1);
    eachLine(lines, (at) => {
      for (let c = 0; c < lines.length; c++) {
        let sum = 0;
        const first = Math.max(0, c - Math.floor((size - 1) / 2));
        for (let i = first; i <= Math.min(lines.length - 1, c + Math.ceil((size - 1) / 2)); i++) {
          sum += data[at(i)]! ** 2;
        }
        out[at(c)] = data[at(c)]! / (bias + alpha / size * sum) ** beta;
      }
    });
    return out;
  });
};

/** MeanVarianceNormalization: mean 0 and variance 1 over some axes. */
export const meanVarianceNormalization: OpFactory = (attributes): Op =>
  alike("MeanVarianceNormalization", () => {}, (_, { shape, data }) => {
    const axes = (numbersOf(attributes, "axes") ?? [0, 2, 3]).map((axis) => normalizeAxis(axis, shape.length));
    const kept = (i: number): string => {
      let [rest, key] = [i, ""];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        if (!axes.includes(axis)) key += `${rest % shape[axis]!} `;
        rest = Math.floor(rest / shape[axis]!);
      }
      return key;
    };
    const out = new Float32Array(data.length);
    for (const indices of Map.groupBy(Array.from(data.keys()), kept).values()) {
      const mean = indices.reduce((sum, i) => sum + data[i]!, 0) / indices.length;
      const variance = indices.reduce((sum, i) => sum + (data[i]! - mean) ** 2, 0) / indices.length;
      for (const i of indices) out[i] = (data[i]! - mean) / (Math.sqrt(variance) + 1e-9);
    }
    return out;
  });

/** LpNormalization: divided by the 1-norm or 2-norm along an axis; what is all zero stays so. */
export const lpNormalization: OpFactory = (attributes): Op => {
  const p = numberOf(attributes, "p", 2);
  if (p !== 1 && p !== 2) throw new TypeError(`LpNormalization "p" must be 1 or 2: current value is ${p}`);
  return alike("LpNormalization", () => {}, (_, { shape, data }) => {
    const lines = linesOf(shape, normalizeAxis(numberOf(attributes as Attributes, "axis", -1), shape.length));
    const out = new Float32Array(data.length);
    eachLine(lines, (at) => {
      let sum = 0;
      for (let i = 0; i < lines.length; i++) sum += Math.abs(data[at(i)]!) ** p;
      const norm = sum ** (1 / p);
      for (let i = 0; i < lines.length; i++) out[at(i)] = norm === 0 ? 0 : data[at(i)]! / norm;
    });
    return out;
  });
};
