/** GridSample and RoiAlign: images read between their pixels. @module */
import { type KnownType, sizeOf, stridesOf, type TensorType } from "../tensor/tensor.ts";
import { eachPosition, indexOf } from "./_nd.ts";
import { requireType } from "./_pointwise.ts";
import { numberOf, type Op, type OpFactory, required, stringOf } from "./op.ts";

/** The cubic that GridSample weights neighbours by, with coefficient -0.75. */
function cubic(distance: number): number {
  const [x, a] = [Math.abs(distance), -0.75];
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/** A position mirrored at the ends of a range until it lies inside. */
function reflected(x: number, low: number, high: number): number {
  const range = high - low;
  if (range <= 0) return low;
  const along = ((x - low) % (2 * range) + 2 * range) % (2 * range);
  return low + (along > range ? 2 * range - along : along);
}

/** Halves to even, as `rint`. */
function nearestTo(x: number): number {
  const down = Math.floor(x);
  return x - down < 0.5 || (x - down === 0.5 && down % 2 === 0) ? down : down + 1;
}

const MODES: Readonly<Record<string, "linear" | "nearest" | "cubic">> = {
  linear: "linear",
  bilinear: "linear",
  nearest: "nearest",
  cubic: "cubic",
  bicubic: "cubic",
};

/** GridSample: an image at the points of a grid, which go from -1 to 1. */
export const gridSample: OpFactory = (attributes): Op => {
  const mode = MODES[stringOf(attributes, "mode", "linear")];
  const padding = stringOf(attributes, "padding_mode", "zeros");
  const aligned = numberOf(attributes, "align_corners", 0) !== 0;
  if (!mode || !["zeros", "border", "reflection"].includes(padding)) {
    throw new TypeError(
      `GridSample takes "mode" ${
        Object.keys(MODES)
      } and "padding_mode" zeros, border or reflection: current values are ` +
        `"${attributes.get("mode")}" and "${padding}"`,
    );
  }
  const bounds = (size: number): [number, number] => aligned ? [0, size - 1] : [-0.5, size - 0.5];
  /** The index of a neighbour, or -1 where it counts as zero. */
  const indexIn = (i: number, size: number): number => {
    if (i >= 0 && i < size) return i;
    if (padding === "zeros") return -1;
    const inside = padding === "reflection" ? reflected(i, ...bounds(size)) : i;
    return Math.min(Math.max(Math.round(inside), 0), size - 1);
  };
  const neighbours = (place: number, size: number): [index: number, weight: number][] => {
    const x = aligned ? (place + 1) / 2 * (size - 1) : ((place + 1) * size - 1) / 2;
    const moved = padding === "border"
      ? Math.min(Math.max(x, 0), size - 1)
      : padding === "reflection"
      ? reflected(x, ...bounds(size))
      : x;
    const at = mode === "cubic" ? x : moved;
    if (mode === "nearest") return [[indexIn(nearestTo(at), size), 1]];
    const [first, count] = mode === "linear" ? [Math.floor(at), 2] : [Math.floor(at) - 1, 4];
    return Array.from({ length: count }, (_, i) => {
      const distance = first + i - at;
      return [indexIn(first + i, size), mode === "linear" ? 1 - Math.abs(distance) : cubic(distance)];
    });
  };
  const shapeOf = (x: KnownType, grid: KnownType): number[] => [x.shape[0]!, x.shape[1]!, ...grid.shape.slice(1, -1)];
  return {
    infer: ([input, points]): TensorType[] => {
      const [x, grid] = [required(input, "X"), required(points, "grid")];
      requireType("GridSample", x, ["f32"]);
      if (x.shape.length !== grid.shape.length || grid.shape.at(-1) !== x.shape.length - 2) {
        throw new RangeError(`GridSample cannot read [${x.shape}] at a grid of [${grid.shape}]`);
      }
      return [{ dtype: "f32", shape: shapeOf(x, grid) }];
    },
    reference: ([input, points]) => {
      const [x, grid] = [required(input, "X"), required(points, "grid")];
      const shape = shapeOf(x, grid);
      const sizes = x.shape.slice(2);
      const [strides, axes] = [stridesOf(x.shape), sizes.length];
      const perImage = sizeOf(shape.slice(2));
      const out = new Float32Array(sizeOf(shape));
      eachPosition(shape, (position, i) => {
        const point = (position[0]! * perImage + i % perImage) * axes;
        // The last coordinate of a point is along the first image axis.
        const all = sizes.map((size, axis) => neighbours(grid.data[point + axes - 1 - axis]!, size));
        let sum = 0;
        eachPosition(all.map((own) => own.length), (choice) => {
          const picked = choice.map((c, axis) => all[axis]![c]!);
          if (picked.some(([index]) => index < 0)) return;
          const at = indexOf([position[0]!, position[1]!, ...picked.map(([index]) => index)], strides);
          sum += picked.reduce((weight, own) => weight * own[1], 1) * x.data[at]!;
        });
        out[i] = sum;
      });
      return [{ dtype: "f32", shape, data: out }];
    },
  };
};

/** RoiAlign: parts of images, resized by the mean or the maximum of points read between pixels. */
export const roiAlign: OpFactory = (attributes, opset): Op => {
  const [height, width] = [numberOf(attributes, "output_height", 1), numberOf(attributes, "output_width", 1)];
  const ratio = numberOf(attributes, "sampling_ratio", 0);
  const scale = numberOf(attributes, "spatial_scale", 1);
  const mode = stringOf(attributes, "mode", "avg");
  const half = stringOf(attributes, "coordinate_transformation_mode", opset < 16 ? "output_half_pixel" : "half_pixel");
  const shift = half === "half_pixel" ? 0.5 : 0;
  return {
    infer: ([input, rois]) => {
      const x = required(input, "X");
      requireType("RoiAlign", x, ["f32"]);
      return [{ dtype: "f32", shape: [required(rois, "rois").shape[0]!, x.shape[1]!, height, width] }];
    },
    reference: ([input, given, batches]) => {
      const [x, rois] = [required(input, "X"), required(given, "rois")];
      const [, channels, rows, columns] = x.shape as [number, number, number, number];
      const shape = [rois.shape[0]!, channels, height, width];
      const out = new Float32Array(sizeOf(shape));
      eachPosition(shape, ([roi, channel, oy, ox], i) => {
        const [left, top, right, bottom] = Array.from(
          { length: 4 },
          (_, k) => rois.data[roi! * 4 + k]! * scale - shift,
        ) as [number, number, number, number];
        const least = shift === 0 ? 1 : 0;
        const cell = [Math.max(bottom - top, least) / height, Math.max(right - left, least) / width] as const;
        const counts = cell.map((size) => ratio > 0 ? ratio : Math.ceil(size)) as [number, number];
        const plane = (required(batches, "batch_indices").data[roi!]! * channels + channel!) * rows * columns;
        const values: number[][] = [];
        eachPosition(counts, ([sy, sx]) => {
          const y = top + (oy! + (sy! + 0.5) / counts[0]) * cell[0];
          const px = left + (ox! + (sx! + 0.5) / counts[1]) * cell[1];
          values.push(corners(y, px, rows, columns).map(([at, weight]) => weight * x.data[plane + at]!));
        });
        const sum = values.flat().reduce((a, b) => a + b, 0);
        out[i] = mode === "max" ? Math.max(...values.flat()) : sum / Math.max(values.length, 1);
      });
      return [{ dtype: "f32", shape, data: out }];
    },
  };
};

/** The four pixels around a point, with their weights; none where it lies outside of the image. */
function corners(y: number, x: number, rows: number, columns: number): (readonly [index: number, weight: number])[] {
  if (y < -1 || y > rows || x < -1 || x > columns) return [[0, 0]];
  const [py, px] = [Math.min(Math.max(y, 0), rows - 1), Math.min(Math.max(x, 0), columns - 1)];
  const [top, left] = [Math.floor(py), Math.floor(px)];
  const [bottom, right] = [Math.min(top + 1, rows - 1), Math.min(left + 1, columns - 1)];
  const [down, along] = [py - top, px - left];
  return [
    [top * columns + left, (1 - down) * (1 - along)],
    [top * columns + right, (1 - down) * along],
    [bottom * columns + left, down * (1 - along)],
    [bottom * columns + right, down * along],
  ];
}
