/** How a convolution slides over its input. @module */
import type { Attributes } from "../graph/graph.ts";
import { numberOf, numbersOf, stringOf } from "./op.ts";

/** A pair of sizes: vertical, horizontal. */
export type Pair = readonly [y: number, x: number];

/** The shapes of one convolution, as a 2-D one: a 1-D convolution has height 1. */
export interface Window {
  /** Images. */
  readonly batch: number;
  /** Channels of the input. */
  readonly channels: number;
  /** Channels of the output. */
  readonly outputs: number;
  /** Parts that the channels fall into; each output channel reads those of its part. */
  readonly groups: number;
  /** Size of the input. */
  readonly input: Pair;
  /** Size of the output. */
  readonly output: Pair;
  /** Size of the kernel. */
  readonly kernel: Pair;
  /** Steps between output positions. */
  readonly stride: Pair;
  /** Padding before the first row and column. */
  readonly pad: Pair;
  /** Steps between taps. */
  readonly dilation: Pair;
}

/** The window of a plain matrix product: each row is a pixel. */
export function rowsWindow(rows: number, inputs: number, outputs: number): Window {
  const one: Pair = [1, 1];
  return {
    batch: 1,
    channels: inputs,
    outputs,
    groups: 1,
    input: [1, rows],
    output: [1, rows],
    kernel: one,
    stride: one,
    pad: [0, 0],
    dilation: one,
  };
}

/**
 * The window of a Conv node.
 *
 * @throws {TypeError} Where the rank or `auto_pad` is not supported.
 * @throws {RangeError} Where shapes and attributes do not fit together.
 */
export function windowOf(attributes: Attributes, x: readonly number[], w: readonly number[]): Window {
  const axes = x.length - 2;
  if (axes !== 1 && axes !== 2) throw new TypeError(`Conv takes 1-D and 2-D images: the input has shape [${x}]`);
  if (w.length !== x.length) {
    throw new RangeError(`Conv needs weights of the rank of its input [${x}]: current shape is [${w}]`);
  }
  const groups = numberOf(attributes, "group", 1);
  const [channels, outputs] = [x[1]!, w[0]!];
  if (groups < 1 || channels % groups !== 0 || outputs % groups !== 0) {
    throw new RangeError(
      `Conv "group" must divide ${channels} input and ${outputs} output channels: current value is ${groups}`,
    );
  }
  if (w[1] !== channels / groups) {
    throw new RangeError(
      `Conv weights [${w}] must have ${
        channels / groups
      } channels an output: the input has ${channels} in ${groups} groups`,
    );
  }
  const given = numbersOf(attributes, "kernel_shape");
  if (given && given.some((size, axis) => size !== w[axis + 2])) {
    throw new RangeError(`Conv "kernel_shape" must be that of the weights [${w}]: current value is [${given}]`);
  }
  const pairOf = (values: readonly number[], missing: number): Pair => {
    if (values.length !== axes) throw new RangeError(`Conv needs ${axes} values for its image axes, got [${values}]`);
    return axes === 2 ? [values[0]!, values[1]!] : [missing, values[0]!];
  };
  const attribute = (name: string): Pair => {
    const values = numbersOf(attributes, name) ?? new Array<number>(axes).fill(1);
    if (values.some((value) => value < 1)) {
      throw new RangeError(`Conv "${name}" must be positive: current value is [${values}]`);
    }
    return pairOf(values, 1);
  };
  const kernel = pairOf(w.slice(2), 1);
  const input = pairOf(x.slice(2), 1);
  const stride = attribute("strides");
  const dilation = attribute("dilations");
  const mode = stringOf(attributes, "auto_pad", "NOTSET");
  const pads = numbersOf(attributes, "pads") ?? new Array<number>(2 * axes).fill(0);
  if (pads.length !== 2 * axes) {
    throw new RangeError(`Conv "pads" must have ${2 * axes} values: current value is [${pads}]`);
  }
  const before = pairOf(pads.slice(0, axes), 0);
  const after = pairOf(pads.slice(axes), 0);
  const [y, x2] = ([0, 1] as const).map((axis) =>
    slide(mode, input[axis], (kernel[axis] - 1) * dilation[axis] + 1, stride[axis], before[axis], after[axis])
  );
  return {
    batch: x[0]!,
    channels,
    outputs,
    groups,
    input,
    output: [y!.size, x2!.size],
    kernel,
    stride,
    pad: [y!.pad, x2!.pad],
    dilation,
  };
}

/** Output size and leading padding along one axis, for a kernel that spans `span` positions. */
function slide(
  mode: string,
  size: number,
  span: number,
  stride: number,
  before: number,
  after: number,
): { size: number; pad: number } {
  switch (mode) {
    case "NOTSET":
    case "VALID": {
      const pad = mode === "VALID" ? 0 : before;
      const padded = size + pad + (mode === "VALID" ? 0 : after);
      if (padded < span) {
        throw new RangeError(`Conv kernel spans ${span} positions: the padded input has only ${padded}`);
      }
      return { size: Math.floor((padded - span) / stride) + 1, pad };
    }
    case "SAME_UPPER":
    case "SAME_LOWER": {
      const out = Math.ceil(size / stride);
      const total = Math.max(0, (out - 1) * stride + span - size);
      return { size: out, pad: mode === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2) };
    }
    default:
      throw new TypeError(
        `Conv "auto_pad" must be NOTSET, VALID, SAME_UPPER or SAME_LOWER: current value is "${mode}"`,
      );
  }
}
