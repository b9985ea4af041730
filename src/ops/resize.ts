/** Resize and Upsample. @module */
import type { Attributes } from "../graph/graph.ts";
import type { Launch, Operand } from "../gpu/launch.ts";
import { type Layout, physicalOf } from "../gpu/layout.ts";
import {
  allocate,
  type KnownType,
  normalizeAxis,
  sizeOf,
  stridesOf,
  type Tensor,
  type TensorType,
} from "../tensor/tensor.ts";
import { interpolate, type Interpolation } from "./_interpolation.ts";
import { indexedLaunch } from "./_indexed.ts";
import { COORDINATES, NEAREST, nearestIndices, type Resampling } from "./_resampling.ts";
import { knownNumbers, numberOf, numbersOf, type Op, type OpFactory, required, stringOf } from "./op.ts";

/** What identifies index tables on the device: they follow from their key alone. */
const TABLES = {};

const MODES = ["nearest", "linear", "cubic"] as const;

/** Upsample, the former Resize: scales from the attribute in operator set 7, from an input since. */
export const upsample: OpFactory = (attributes): Op => {
  const mode = choice(attributes, "mode", MODES, "nearest");
  return resampling(mode, { ...PLAIN, mode: mode === "nearest" ? "linear" : mode }, (x, [, scales]) => {
    const given = numbersOf(attributes, "scales") ?? knownNumbers(scales, "scales");
    return resamplings(x, { scales: given, sizes: null, coordinates: "asymmetric", nearest: "floor" });
  });
};

const PLAIN: Interpolation = {
  mode: "linear",
  a: -0.75,
  antialias: false,
  excludeOutside: false,
  extrapolation: 0,
};

/** Resize. Only to the nearest element it has a kernel. */
export const resize: OpFactory = (attributes, opset): Op => {
  const mode = choice(attributes, "mode", MODES, "nearest");
  const policy = choice(attributes, "keep_aspect_ratio_policy", POLICIES, "stretch");
  const old = opset < 11;
  const coordinates = choice(
    attributes,
    "coordinate_transformation_mode",
    COORDINATES,
    old ? "asymmetric" : "half_pixel",
  );
  if (mode === "nearest" && coordinates === "tf_crop_and_resize") {
    throw new TypeError('Resize "mode" must be linear or cubic for tf_crop_and_resize: current value is "nearest"');
  }
  const nearest = choice(attributes, "nearest_mode", NEAREST, old ? "floor" : "round_prefer_floor");
  const how: Interpolation = {
    mode: mode === "nearest" ? "linear" : mode,
    a: numberOf(attributes, "cubic_coeff_a", PLAIN.a),
    antialias: numberOf(attributes, "antialias", 0) !== 0,
    excludeOutside: numberOf(attributes, "exclude_outside", 0) !== 0,
    extrapolation: numberOf(attributes, "extrapolation_value", 0),
  };
  return resampling(mode, how, (x, inputs) => {
    const [scales, sizes] = (old ? [inputs[1], null] : [inputs[2], inputs[3]]).map((input) =>
      input && sizeOf(input.shape) > 0 ? input : null
    );
    const axes = numbersOf(attributes, "axes")?.map((axis) => normalizeAxis(axis, x.shape.length)) ??
      x.shape.map((_, axis) => axis);
    const whole = (values: readonly number[], otherwise: readonly number[]): number[] =>
      otherwise.map((value, axis) => values[axes.indexOf(axis)] ?? value);
    const all = resamplings(x, {
      scales: sizes ? null : whole(knownNumbers(scales, "scales"), x.shape.map(() => 1)),
      sizes: sizes ? whole(keepAspect(policy, knownNumbers(sizes, "sizes"), axes, x), x.shape) : null,
      coordinates,
      nearest,
    });
    if (coordinates !== "tf_crop_and_resize") return all;
    const roi = knownNumbers(inputs[1], "roi");
    return all.map((own, axis): Resampling => {
      const i = axes.indexOf(axis);
      return { ...own, region: i < 0 ? [0, 1] : [roi[i]!, roi[i + axes.length]!] };
    });
  });
};

const POLICIES = ["stretch", "not_larger", "not_smaller"] as const;

/** Sizes at which all axes have the scale of the one that grows least, or most. */
function keepAspect(
  policy: typeof POLICIES[number],
  sizes: readonly number[],
  axes: readonly number[],
  { shape }: TensorType,
): readonly number[] {
  if (policy === "stretch") return sizes;
  const scales = sizes.map((size, i) => size / shape[axes[i]!]!);
  const scale = policy === "not_larger" ? Math.min(...scales) : Math.max(...scales);
  return sizes.map((_, i) => Math.round(scale * shape[axes[i]!]!));
}

function choice<T extends string>(attributes: Attributes, name: string, known: readonly T[], otherwise: T): T {
  const value = stringOf(attributes, name, otherwise);
  const found = known.find((one) => one === value);
  if (!found) throw new TypeError(`Resize "${name}" must be one of ${known.join(", ")}: current value is "${value}"`);
  return found;
}

function resamplings(
  { shape }: TensorType,
  { scales, sizes, coordinates, nearest }: Pick<Resampling, "coordinates" | "nearest"> & {
    readonly scales: readonly number[] | null;
    readonly sizes: readonly number[] | null;
  },
): Resampling[] {
  return shape.map((input, axis): Resampling => {
    const output = sizes ? sizes[axis]! : Math.floor(Math.fround(input * scales![axis]!));
    return { input, output, scale: sizes ? output / input : scales![axis]!, coordinates, nearest };
  });
}

function resampling(
  mode: typeof MODES[number],
  how: Interpolation,
  plan: (x: KnownType, inputs: readonly (KnownType | null)[]) => Resampling[],
): Op {
  const axesOf = (inputs: readonly (KnownType | null)[]): Resampling[] => plan(required(inputs[0], "X"), inputs);
  const type = (inputs: readonly (KnownType | null)[]): TensorType[] => {
    const { dtype } = required(inputs[0], "X");
    if (mode !== "nearest" && dtype !== "f32") {
      throw new TypeError(`Resize (${mode}) takes f32: current type is ${dtype}`);
    }
    return [{ dtype, shape: axesOf(inputs).map(({ output }) => output) }];
  };
  if (mode !== "nearest") {
    return { infer: type, reference: (inputs) => [interpolate(required(inputs[0], "X"), axesOf(inputs), how)] };
  }
  return {
    infer: type,
    reference: (inputs) => [take(required(inputs[0], "X"), axesOf(inputs))],
    layouts: (inputs) => {
      const { layout, shape } = required(inputs[0], "X");
      const own: Layout = layout === "nhwc" && shape.length > 2 ? "nhwc" : "plain";
      return { inputs: [own, ...inputs.slice(1).map((): Layout => "plain")], outputs: [own] };
    },
    lower: (inputs) => [launch(required(inputs[0], "X"), axesOf(inputs))],
  };
}

function take({ dtype, shape, data }: Tensor, axes: readonly Resampling[]): Tensor {
  const tables = axes.map(nearestIndices);
  const steps = stridesOf(shape);
  const out = axes.map(({ output }) => output);
  const result = allocate(dtype, sizeOf(out));
  for (let i = 0; i < result.length; i++) {
    let [rest, at] = [i, 0];
    for (let axis = out.length - 1; axis >= 0; axis--) {
      at += tables[axis]![rest % out[axis]!]! * steps[axis]!;
      rest = Math.floor(rest / out[axis]!);
    }
    result[i] = data[at]!;
  }
  return { dtype, shape: out, data: result };
}

/** Neighbouring axes that are resized are the rows and columns of the copy; at most two can be. */
function launch(x: Operand, axes: readonly Resampling[]): Launch {
  const { order, sizes } = physicalOf(x, x.layout);
  const resized = order.flatMap((axis, place) => isSame(axes[axis]!) ? [] : [place]);
  const first = resized[0] ?? Math.max(0, order.length - 1);
  const last = resized.at(-1) ?? first;
  if (last - first > 1) {
    throw new TypeError(`Resize takes up to two neighbouring axes on a GPU: current axes are ${resized.length}`);
  }
  const [rows, columns] = [axes[order[first]!]!, last > first ? axes[order[last]!]! : null];
  return indexedLaunch({
    dtype: x.dtype,
    outer: sizeOf(sizes.slice(0, first)),
    rows: [rows.input, rows.output],
    columns: columns && [columns.input, columns.output],
    inner: sizeOf(sizes.slice(last + 1)),
    table: {
      packed: {
        source: TABLES,
        key: JSON.stringify([rows, columns]),
        pack: () => Int32Array.of(...nearestIndices(rows), ...(columns ? nearestIndices(columns) : [])),
      },
    },
  });
}

/** Whether every position takes the element at the same position. */
function isSame(axis: Resampling): boolean {
  return axis.input === axis.output && nearestIndices(axis).every((index, i) => index === i);
}
