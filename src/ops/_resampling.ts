/** Which input position each output position of a Resize takes. @module */

/** How output positions map to input positions: ONNX `coordinate_transformation_mode`. */
export const COORDINATES = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_half_pixel_for_nn",
  "tf_crop_and_resize",
] as const;

/** How positions between elements are rounded: ONNX `nearest_mode`. */
export const NEAREST = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const;

/** One resized axis. */
export interface Resampling {
  /** Elements of the input. */
  readonly input: number;
  /** Elements of the output. */
  readonly output: number;
  /** Output over input, as the node gives it. */
  readonly scale: number;
  /** How output positions map to input positions. */
  readonly coordinates: typeof COORDINATES[number];
  /** The part of the input that tf_crop_and_resize takes, as shares of it. */
  readonly region?: readonly [start: number, end: number];
  /** How they are rounded. */
  readonly nearest: typeof NEAREST[number];
}

/** The input index for each output index. Positions are computed in f32, as other runtimes do, so that ties agree. */
export function nearestIndices(axis: Resampling): Int32Array {
  return Int32Array.from({ length: axis.output }, (_, x) => {
    const index = rounded(positionOf(axis, x), axis.nearest);
    return Math.min(Math.max(index, 0), axis.input - 1);
  });
}

/** The position in the input for an output position. */
export function positionOf({ input, output, scale, coordinates, region = [0, 1] }: Resampling, x: number): number {
  const f = Math.fround;
  const s = f(scale);
  const half = f(f(f(x + 0.5) / s) - 0.5);
  switch (coordinates) {
    case "half_pixel":
      return half;
    case "half_pixel_symmetric": {
      const adjustment = f(output / f(s * input));
      return f(f((input / 2) * f(1 - adjustment)) + half);
    }
    case "pytorch_half_pixel":
      return output > 1 ? half : 0;
    case "align_corners":
      return output > 1 ? f(f(x * (input - 1)) / (output - 1)) : 0;
    case "asymmetric":
      return f(x / s);
    case "tf_half_pixel_for_nn":
      return f(f(x + 0.5) / s);
    case "tf_crop_and_resize": {
      const [start, end] = [f(region[0]), f(region[1])];
      const middle = f(f(0.5 * f(start + end)) * (input - 1));
      if (output === 1) return middle;
      return f(f(start * (input - 1)) + f(f(x * f(end - start)) * f((input - 1) / (output - 1))));
    }
  }
  return coordinates satisfies never;
}

function rounded(position: number, nearest: Resampling["nearest"]): number {
  switch (nearest) {
    case "round_prefer_floor":
      return Math.ceil(position - 0.5);
    case "round_prefer_ceil":
      return Math.floor(position + 0.5);
    case "floor":
      return Math.floor(position);
    case "ceil":
      return Math.ceil(position);
  }
  return nearest satisfies never;
}
