/** Resize and Upsample to the nearest element. @module */
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
import { indexedLaunch } from "./_indexed.ts";
import { COORDINATES, NEAREST, nearestIndices, type Resampling } from "./_resampling.ts";
import { knownNumbers, numbersOf, type Op, type OpFactory, required, stringOf } from "./op.ts";

/** What identifies index tables on the device: they follow from their key alone. */
const TABLES = {};

/** Upsample, the former Resize: scales from the attribute in operator set 7, from an input since. */
export const upsample: OpFactory = (attributes): Op => {
  checkMode("Upsample", attributes);
  return resampling((x, [, scales]) => {
    const given = numbersOf(attributes, "scales") ?? knownNumbers(scales, "scales");
    return resamplings(x, { scales: given, sizes: null, coordinates: "asymmetric", nearest: "floor" });
  });
};

/** Resize, where `mode` is nearest. */
export const resize: OpFactory = (attributes, opset): Op => {
  checkMode("Resize", attributes);
  const policy = stringOf(attributes, "keep_aspect_ratio_policy", "stretch");
  if (policy !== "stretch") {
    throw new TypeError(`Resize "keep_aspect_ratio_policy" must be stretch: current value is "${policy}"`);
  }
  const old = opset < 11;
  const coordinates = choice(
    attributes,
    "coordinate_transformation_mode",
    COORDINATES,
    old ? "asymmetric" : "half_pixel",
  );
  const nearest = choice(attributes, "nearest_mode", NEAREST, old ? "floor" : "round_prefer_floor");
  return resampling((x, inputs) => {
    const [scales, sizes] = (old ? [inputs[1], null] : [inputs[2], inputs[3]]).map((input) =>
      input && sizeOf(input.shape) > 0 ? input : null
    );
    const axes = numbersOf(attributes, "axes")?.map((axis) => normalizeAxis(axis, x.shape.length));
    const whole = (values: readonly number[], otherwise: readonly number[]): number[] =>
      x.shape.map((_, axis) => (axes ? values[axes.indexOf(axis)] : values[axis]) ?? otherwise[axis]!);
    return resamplings(x, {
      scales: sizes ? null : whole(knownNumbers(scales, "scales"), x.shape.map(() => 1)),
      sizes: sizes ? whole(knownNumbers(sizes, "sizes"), x.shape) : null,
      coordinates,
      nearest,
    });
  });
};

function checkMode(op: string, attributes: Attributes): void {
  const mode = stringOf(attributes, "mode", "nearest");
  if (mode !== "nearest") throw new TypeError(`${op} "mode" must be nearest: current value is "${mode}"`);
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

function resampling(plan: (x: KnownType, inputs: readonly (KnownType | null)[]) => Resampling[]): Op {
  const axesOf = (inputs: readonly (KnownType | null)[]): Resampling[] => plan(required(inputs[0], "X"), inputs);
  return {
    infer: (inputs) => [{ dtype: required(inputs[0], "X").dtype, shape: axesOf(inputs).map(({ output }) => output) }],
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
