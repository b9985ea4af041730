/** How a pooling window slides over its input. @module */
import type { Attributes } from "../graph/graph.ts";
import { numberOf, numbersOf, stringOf } from "./op.ts";

/** One image axis of a pooling. */
export interface Slide {
  /** Size of the input. */
  readonly input: number;
  /** Size of the output. */
  readonly output: number;
  /** Size of the window, in taps. */
  readonly kernel: number;
  /** Steps between windows. */
  readonly stride: number;
  /** Steps between taps. */
  readonly dilation: number;
  /** Padding before. */
  readonly pad: number;
  /** The first position after the padding at the end. */
  readonly padded: number;
}

/**
 * The slides of a pooling node, one for each image axis.
 *
 * @throws {TypeError} Where the rank or `auto_pad` is not supported.
 * @throws {RangeError} Where shapes and attributes do not fit together.
 */
export function slidesOf(attributes: Attributes, shape: readonly number[]): Slide[] {
  const axes = shape.length - 2;
  if (axes < 1) throw new TypeError(`Pooling takes images: the input has shape [${shape}]`);
  const list = (name: string, length: number, otherwise: number): readonly number[] => {
    const values = numbersOf(attributes, name) ?? new Array<number>(length).fill(otherwise);
    if (values.length !== length) {
      throw new RangeError(`Pooling of [${shape}] needs ${length} "${name}": current value is [${values}]`);
    }
    return values;
  };
  if (!numbersOf(attributes, "kernel_shape")) throw new TypeError('Pooling needs the attribute "kernel_shape"');
  const kernel = list("kernel_shape", axes, 1);
  const strides = list("strides", axes, 1);
  const dilations = list("dilations", axes, 1);
  const pads = list("pads", 2 * axes, 0);
  const mode = stringOf(attributes, "auto_pad", "NOTSET");
  const ceil = numberOf(attributes, "ceil_mode", 0) !== 0;
  return shape.slice(2).map((input, axis): Slide => {
    const [stride, dilation] = [strides[axis]!, dilations[axis]!];
    const span = (kernel[axis]! - 1) * dilation + 1;
    const [output, before, after] = extent(mode, ceil, input, span, stride, pads[axis]!, pads[axis + axes]!);
    if (output < 1) {
      throw new RangeError(`A pooling window that spans ${span} positions does not fit the image axes of [${shape}]`);
    }
    return { input, output, kernel: kernel[axis]!, stride, dilation, pad: before, padded: input + after };
  });
}

/** Output size, padding before and padding after. */
function extent(
  mode: string,
  ceil: boolean,
  input: number,
  span: number,
  stride: number,
  before: number,
  after: number,
): readonly [output: number, before: number, after: number] {
  switch (mode) {
    case "VALID":
      return [Math.floor((input - span) / stride) + 1, 0, 0];
    case "SAME_UPPER":
    case "SAME_LOWER": {
      const output = Math.ceil(input / stride);
      const total = Math.max(0, (output - 1) * stride + span - input);
      const less = Math.floor(total / 2);
      return mode === "SAME_UPPER" ? [output, less, total - less] : [output, total - less, less];
    }
    case "NOTSET": {
      const steps = (input + before + after - span) / stride;
      const output = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
      // A window must not start in the padding at the end.
      return [ceil && (output - 1) * stride >= input + before ? output - 1 : output, before, after];
    }
    default:
      throw new TypeError(
        `Pooling "auto_pad" must be NOTSET, VALID, SAME_UPPER or SAME_LOWER: current value is "${mode}"`,
      );
  }
}
