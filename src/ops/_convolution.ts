/** Convolutions of any rank, one product at a time. @module */
import type { Attributes } from "../graph/graph.ts";
import { sizeOf, type TensorData } from "../tensor/tensor.ts";
import { eachPosition, indexOf } from "./_nd.ts";
import { numberOf, numbersOf, stringOf } from "./op.ts";
import { type Slide, slidesOf } from "./_pooling.ts";
import { stridesOf } from "../tensor/tensor.ts";

/** The shapes of a convolution. */
export interface Convolution {
  /** Of the input: batch, channels, image axes. */
  readonly x: readonly number[];
  /** Of the weights: outputs, channels of a group, taps. */
  readonly w: readonly number[];
  /** Of the output. */
  readonly y: readonly number[];
  /** Parts that the channels fall into. */
  readonly groups: number;
  /** How the window slides along each image axis. */
  readonly slides: readonly Slide[];
}

/**
 * The shapes of a node that slides weights over an image.
 *
 * @throws {RangeError} Where they do not fit together.
 */
export function convolutionOf(
  op: string,
  attributes: Attributes,
  x: readonly number[],
  w: readonly number[],
): Convolution {
  const groups = numberOf(attributes, "group", 1);
  if (x.length < 3 || w.length !== x.length || w[1]! * groups !== x[1] || w[0]! % groups !== 0) {
    throw new RangeError(`${op} cannot slide weights [${w}] in ${groups} groups over [${x}]`);
  }
  const slides = slidesOf(new Map([...attributes, ["kernel_shape", w.slice(2)]]), x);
  return { x, w, groups, slides, y: [x[0]!, w[0]!, ...slides.map(({ output }) => output)] };
}

/** The sums of a convolution, in the order of its output. */
export function sumsOf(
  { x, w, y, groups, slides }: Convolution,
  image: (index: number) => number,
  weight: (index: number, output: number) => number,
): Float64Array {
  const sums = new Float64Array(sizeOf(y));
  const [inputs, outputs, taps] = [w[1]!, w[0]! / groups, w.slice(2)];
  const [xStrides, tapCount] = [stridesOf(x), sizeOf(taps)];
  eachPosition(y, (position, i) => {
    const output = position[1]!;
    const first = position[0]! * xStrides[0]! + Math.floor(output / outputs) * inputs * xStrides[1]!;
    eachPosition(taps, (tap, t) => {
      let at = first;
      for (let axis = 0; axis < taps.length; axis++) {
        const { stride, pad, dilation, input } = slides[axis]!;
        const place = position[axis + 2]! * stride - pad + tap[axis]! * dilation;
        if (place < 0 || place >= input) return;
        at += place * xStrides[axis + 2]!;
      }
      for (let c = 0; c < inputs; c++) {
        sums[i]! += image(at + c * xStrides[1]!) * weight((output * inputs + c) * tapCount + t, output);
      }
    });
  });
  return sums;
}

/** How a transposed convolution spreads along one image axis. */
export interface Spread {
  /** Size of the output. */
  readonly output: number;
  /** Steps between what neighbouring inputs give. */
  readonly stride: number;
  /** Steps between taps. */
  readonly dilation: number;
  /** What is cut away before the first output. */
  readonly pad: number;
}

/** The spreads of a ConvTranspose node, one for each image axis. */
export function spreadsOf(attributes: Attributes, x: readonly number[], w: readonly number[]): Spread[] {
  const axes = x.length - 2;
  const list = (name: string, length: number, otherwise: number): readonly number[] => {
    const values = numbersOf(attributes, name) ?? new Array<number>(length).fill(otherwise);
    if (values.length !== length) {
      throw new RangeError(`ConvTranspose needs ${length} "${name}": current value is [${values}]`);
    }
    return values;
  };
  const [strides, dilations] = [list("strides", axes, 1), list("dilations", axes, 1)];
  const [pads, more] = [list("pads", 2 * axes, 0), list("output_padding", axes, 0)];
  const wanted = numbersOf(attributes, "output_shape")?.slice(-axes);
  const mode = stringOf(attributes, "auto_pad", "NOTSET");
  return x.slice(2).map((input, axis): Spread => {
    const [stride, dilation] = [strides[axis]!, dilations[axis]!];
    const full = stride * (input - 1) + more[axis]! + (w[axis + 2]! - 1) * dilation + 1;
    const size = wanted?.[axis] ?? (mode.startsWith("SAME") ? input * stride : null);
    if (size === null) {
      const [before, after] = mode === "VALID" ? [0, 0] : [pads[axis]!, pads[axis + axes]!];
      return { output: full - before - after, stride, dilation, pad: before };
    }
    const total = Math.max(0, full - size);
    return {
      output: size,
      stride,
      dilation,
      pad: mode === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2),
    };
  });
}

/** The sums of a transposed convolution, in the order of its output. */
export function spreadSums(
  [x, w, y]: readonly (readonly number[])[],
  groups: number,
  spreads: readonly Spread[],
  image: TensorData,
  weights: TensorData,
): Float64Array {
  const sums = new Float64Array(sizeOf(y!));
  const [xShape, wShape, yStrides] = [x!, w!, stridesOf(y!)];
  const [outputs, taps] = [wShape[1]!, wShape.slice(2)];
  const tapCount = sizeOf(taps);
  eachPosition(xShape, (position, i) => {
    const channel = position[1]!;
    const first = position[0]! * yStrides[0]! + Math.floor(channel / (xShape[1]! / groups)) * outputs * yStrides[1]!;
    eachPosition(taps, (tap, t) => {
      const places = spreads.map(({ stride, dilation, pad }, axis) =>
        position[axis + 2]! * stride + tap[axis]! * dilation - pad
      );
      if (places.some((place, axis) => place < 0 || place >= spreads[axis]!.output)) return;
      const at = first + indexOf(places, yStrides.slice(2));
      for (let n = 0; n < outputs; n++) {
        sums[at + n * yStrides[1]!]! += image[i]! * weights[(channel * outputs + n) * tapCount + t]!;
      }
    });
  });
  return sums;
}
