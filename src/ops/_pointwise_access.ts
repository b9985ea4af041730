/** How shaders/pointwise.wgsl walks its output and finds the elements of its inputs. @module */
import type { Operand } from "../gpu/launch.ts";
import { blockOf, type Layout, physicalOf } from "../gpu/layout.ts";
import type { TensorType } from "../tensor/tensor.ts";

/** How an input is read; the order is the numbering of the shader. */
export const ACCESSES = ["same", "scalar", "vector", "rows", "splat", "gather"] as const;

/** Where the elements of one input lie, seen from the rows and columns of the output. */
export interface Access {
  /** How it is read. */
  readonly mode: typeof ACCESSES[number];
  /** Its row is (row of the output / divisor) % modulus. */
  readonly divisor: number;
  /** See `divisor`. */
  readonly modulus: number;
  /** From row to row: in elements for "splat", else in 16 bytes. */
  readonly step: number;
  /** From column to column, in elements. */
  readonly inner: number;
  /** Along the outer axes, the innermost first, in elements. */
  readonly strides: readonly number[];
}

/** The output as rows and columns, and its inputs in these terms. */
export interface Walk {
  /** Number of rows, and of columns that hold elements. */
  readonly rows: number;
  /** See `rows`. */
  readonly columns: number;
  /** From row to row of the output, in 16 bytes. */
  readonly step: number;
  /** Sizes of the outer axes, the innermost first. */
  readonly sizes: readonly number[];
  /** Whether rows do not start at a block of 16 bytes, so that the output must be taken as one flat row. */
  readonly flat: boolean;
  /** The inputs. */
  readonly accesses: readonly Access[];
}

/** One axis of the walk: its size, and the step of the output and of each input along it. */
interface Axis {
  readonly size: number;
  readonly steps: readonly number[];
}

/** Plans the walk over an output. */
export function walkOf(inputs: readonly Operand[], output: Operand): Walk {
  const [outer, inner] = axesOf(inputs, output);
  const step = outer.length === 0 ? 0 : outer[0]!.steps[0]!;
  const flat = step % blockOf(output.dtype) !== 0;
  return {
    rows: outer.reduce((product, axis) => product * axis.size, 1),
    columns: inner.size,
    step: step / blockOf(output.dtype),
    sizes: outer.map((axis) => axis.size),
    flat,
    accesses: inputs.map((input, i) => accessOf(input, i + 1, outer, inner, flat)),
  };
}

/** The axes of the output, innermost first, with those joined that every tensor runs through in one stride. */
function axesOf(inputs: readonly Operand[], output: Operand): [outer: Axis[], inner: Axis] {
  const { order } = physicalOf(output, output.layout);
  const rank = output.shape.length;
  const strides = [output, ...inputs].map((tensor) => {
    const own = physicalOf(tensor, tensor.layout).strides;
    const missing = rank - tensor.shape.length;
    return output.shape.map((_, axis) => (tensor.shape[axis - missing] ?? 1) === 1 ? 0 : own[axis - missing]!);
  });
  const axes = order.toReversed().map((axis): Axis => ({
    size: output.shape[axis]!,
    steps: strides.map((own) => own[axis]!),
  }));
  let inner: Axis = axes.shift() ?? { size: 1, steps: strides.map(() => 0) };
  const outer: Axis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const last = outer.at(-1) ?? inner;
    let joined: Axis | null = null;
    if (axis.steps.every((step, i) => step === last.steps[i]! * last.size)) {
      joined = { size: axis.size * last.size, steps: last.steps };
    } else if (last.size === 1 && axis.steps[0] === 1) joined = axis;
    if (!joined) outer.push(axis);
    else if (outer.length > 0) outer[outer.length - 1] = joined;
    else inner = joined;
  }
  return [outer, inner];
}

function accessOf(input: Operand, i: number, outer: readonly Axis[], inner: Axis, flat: boolean): Access {
  const strides = outer.map((axis) => axis.steps[i]!);
  const column = inner.steps[i]!;
  const none = { divisor: 1, modulus: 1, step: 0, inner: column, strides };
  if (column === 0 && strides.every((stride) => stride === 0)) return { ...none, mode: "scalar" };
  const follows = [...outer, inner].every((axis) => axis.steps[i] === axis.steps[0]);
  if (flat) return { ...none, mode: follows ? "same" : "gather" };
  const first = strides.findIndex((stride) => stride !== 0);
  if (first < 0 && column === 1) return { ...none, mode: outer.length === 0 ? "same" : "vector" };
  if (first < 0) return { ...none, mode: "gather" };
  const end = strides.findLastIndex((stride) => stride !== 0) + 1;
  const run = outer.slice(first, end);
  const regular = run.every((axis, k) => k === 0 || axis.steps[i] === run[k - 1]!.steps[i]! * run[k - 1]!.size);
  const block = blockOf(input.dtype);
  const step = strides[first]!;
  if (!regular || !(column === 0 || (column === 1 && step % block === 0))) return { ...none, mode: "gather" };
  const whole = first === 0 && end === outer.length;
  return {
    ...none,
    mode: column === 0 ? "splat" : whole ? "same" : "rows",
    divisor: product(outer.slice(0, first)),
    modulus: product(run),
    step: column === 0 ? step : step / block,
  };
}

function product(axes: readonly Axis[]): number {
  return axes.reduce((size, axis) => size * axis.size, 1);
}

/**
 * Layouts for inputs that are broadcast together, and for the output: the output and the inputs of its shape take the
 * layout of the largest of these that is not plain; a smaller input keeps its own where it is read at speed.
 */
export function layoutsOf(inputs: readonly Operand[], output: TensorType): { inputs: Layout[]; output: Layout } {
  const whole = inputs.map((input) => sameShape(input, output));
  const packed = inputs.filter((input, i) => whole[i] && input.layout !== "plain")
    .sort((a, b) => blockOf(a.dtype) - blockOf(b.dtype));
  const layout = packed[0]?.layout ?? "plain";
  const result = { ...output, layout };
  return {
    output: layout,
    inputs: inputs.map((input, i) => {
      if (whole[i]) return layout;
      const choices: readonly Layout[] = [input.layout, "plain", layout, "rows"];
      return choices.find((choice) => {
        const [access] = walkOf([{ ...input, layout: choice }], result).accesses;
        return access!.mode !== "gather";
      }) ?? input.layout;
    }),
  };
}

function sameShape(a: TensorType, b: TensorType): boolean {
  return a.shape.length === b.shape.length && a.shape.every((size, axis) => size === b.shape[axis]);
}
