/** Reductions along axes. @module */
import type { Attributes } from "../graph/graph.ts";
import { foldGrid, type Launch, type Operand, uniform } from "../gpu/launch.ts";
import { physicalOf } from "../gpu/layout.ts";
import { allocate, type KnownType, normalizeAxis, sizeOf, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { type AxisGroup, axisGroups, fiveGroups, shareOf } from "./_axes.ts";
import { knownNumbers, type Layouts, numberOf, numbersOf, type Op, type OpFactory, required } from "./op.ts";

/** What is made of the elements. */
export type Reduction = "sum" | "mean" | "max" | "min" | "prod" | "l1" | "l2" | "sumsquare" | "logsum" | "logsumexp";

/** What is reduced. */
export interface Reduced {
  /** The axes, counted from the front. */
  readonly axes: readonly number[];
  /** Whether the output keeps them, with size 1. */
  readonly keep: boolean;
}

/** ReduceSum. */
export const reduceSum: OpFactory = (attributes): Op => byAttributes("sum", attributes);
/** ReduceMean. */
export const reduceMean: OpFactory = (attributes): Op => byAttributes("mean", attributes);
/** ReduceMax. */
export const reduceMax: OpFactory = (attributes): Op => byAttributes("max", attributes);
/** ReduceMin. */
export const reduceMin: OpFactory = (attributes): Op => byAttributes("min", attributes);
/** ReduceProd. */
export const reduceProd: OpFactory = (attributes): Op => byAttributes("prod", attributes);

/** ReduceL1: the sum of magnitudes. */
export const reduceL1: OpFactory = (attributes): Op => byAttributes("l1", attributes);
/** ReduceL2: the root of the sum of squares. */
export const reduceL2: OpFactory = (attributes): Op => byAttributes("l2", attributes);
/** ReduceSumSquare. */
export const reduceSumSquare: OpFactory = (attributes): Op => byAttributes("sumsquare", attributes);
/** ReduceLogSum. */
export const reduceLogSum: OpFactory = (attributes): Op => byAttributes("logsum", attributes);
/** ReduceLogSumExp. */
export const reduceLogSumExp: OpFactory = (attributes): Op => byAttributes("logsumexp", attributes);

/** A reduction whose axes come from the attribute of old operator sets or from the input of new ones. */
function byAttributes(kind: Reduction, attributes: Attributes): Op {
  const keep = numberOf(attributes, "keepdims", 1) !== 0;
  const noop = numberOf(attributes, "noop_with_empty_axes", 0) !== 0;
  return reduction(kind, ([x, axes]) => {
    const { shape } = required(x, "data");
    const given = numbersOf(attributes, "axes") ?? (axes ? knownNumbers(axes, "axes") : []);
    const all = given.length === 0 && !noop ? shape.map((_, axis) => axis) : given;
    return { axes: all.map((axis) => normalizeAxis(axis, shape.length)), keep };
  });
}

/** A reduction along the axes that `reducedOf` gives for its inputs. */
export function reduction(kind: Reduction, reducedOf: (inputs: readonly (KnownType | null)[]) => Reduced): Op {
  const typeOf = (inputs: readonly (KnownType | null)[]): TensorType => {
    const { dtype, shape } = required(inputs[0], "data");
    const { axes, keep } = reducedOf(inputs);
    const out = keep
      ? shape.map((dim, axis) => axes.includes(axis) ? 1 : dim)
      : shape.filter((_, axis) => !axes.includes(axis));
    return { dtype, shape: out };
  };
  return {
    infer: (inputs) => [typeOf(inputs)],
    reference: (inputs) => [reduce(kind, required(inputs[0], "data"), reducedOf(inputs), typeOf(inputs))],
    layouts: (inputs) => layoutsOf(required(inputs[0], "data"), reducedOf(inputs)),
    lower: (inputs, [y], { lanes }) => [launch(kind, required(inputs[0], "data"), y!, reducedOf(inputs), lanes)],
  };
}

function reduce(kind: Reduction, x: Tensor, { axes }: Reduced, { dtype, shape }: TensorType): Tensor {
  const parts = Array.from({ length: sizeOf(shape) }, (): number[] => []);
  for (let i = 0; i < x.data.length; i++) {
    let [rest, at, step] = [i, 0, 1];
    for (let axis = x.shape.length - 1; axis >= 0; axis--) {
      const dim = x.shape[axis]!;
      if (!axes.includes(axis)) {
        at += (rest % dim) * step;
        step *= dim;
      }
      rest = Math.floor(rest / dim);
    }
    parts[at]!.push(x.data[i]!);
  }
  const data = allocate(dtype, parts.length);
  parts.forEach((values, i) => {
    const value = join(kind, values);
    data[i] = dtype === "f32" ? value : Math.trunc(value);
  });
  return { dtype, shape, data };
}

function join(kind: Reduction, values: readonly number[]): number {
  switch (kind) {
    case "sum":
      return values.reduce((a, b) => a + b, 0);
    case "mean":
      return values.reduce((a, b) => a + b, 0) / values.length;
    case "max":
      return values.reduce((a, b) => Math.max(a, b), -Infinity);
    case "min":
      return values.reduce((a, b) => Math.min(a, b), Infinity);
    case "prod":
      return values.reduce((a, b) => a * b, 1);
    case "l1":
      return values.reduce((a, b) => a + Math.abs(b), 0);
    case "l2":
      return Math.sqrt(values.reduce((a, b) => a + b * b, 0));
    case "sumsquare":
      return values.reduce((a, b) => a + b * b, 0);
    case "logsum":
      return Math.log(values.reduce((a, b) => a + b, 0));
    case "logsumexp": {
      const greatest = values.reduce((a, b) => Math.max(a, b), -Infinity);
      const from = Number.isFinite(greatest) ? greatest : 0;
      return from + Math.log(values.reduce((a, b) => a + Math.exp(b - from), 0));
    }
  }
  return kind satisfies never;
}

/** The input as it is; feature maps stay feature maps, but for channels that are reduced, which leave none to pad. */
function layoutsOf(x: Operand, { axes, keep }: Reduced): Layouts {
  const nhwc = x.layout === "nhwc" && x.shape.length > 2;
  return {
    inputs: [x.layout],
    outputs: [nhwc && keep && !axes.includes(1) ? "nhwc" : "plain"],
  };
}

const MODES: Readonly<Partial<Record<Reduction, readonly [mode: number, start: number]>>> = {
  sum: [0, 0],
  mean: [0, 0],
  max: [1, -Infinity],
  min: [2, Infinity],
  prod: [3, 1],
};

function launch(kind: Reduction, x: Operand, y: Operand, { axes, keep }: Reduced, lanes: number): Launch {
  if (x.dtype !== "f32") throw new TypeError(`Reduction (${kind}) takes f32 on a GPU: current type is ${x.dtype}`);
  const steps = physicalOf(y, y.layout).strides;
  const reduced = new Set(axes);
  let next = 0;
  const stepsOut = x.shape.map((_, axis) => reduced.has(axis) && !keep ? 0 : steps[next++]!);
  const [k0, r0, k1, r1, k2] = fiveGroups(`Reduction (${kind})`, axisGroups(x, reduced, stepsOut, y.layout === "nhwc"));
  const fours = [k0, r0, k1].every(({ stepIn }) => stepIn % 4 === 0);
  const along = fours && r1.stepIn % 4 === 0 && k2.size % 4 === 0 && k2.stepIn === 1 && k2.stepOut === 1;
  const across = fours && k2.size === 1 && r1.size % 4 === 0 && r1.stepIn === 1;
  const unit = along || across ? 4 : 1;
  const step = ({ size, stepIn }: AxisGroup): number => size === 1 ? 0 : stepIn === 1 ? 1 : stepIn / unit;
  const inner = along ? k2.size / 4 : k2.size;
  const last = across ? r1.size / 4 : r1.size;
  const [count, length] = [k0.size * k1.size * inner, r0.size * last];
  const [mode, start] = MODES[kind] ?? [];
  if (mode === undefined || start === undefined) throw new TypeError(`Reduction (${kind}) has no kernel`);
  const share = shareOf(count, length, lanes);
  return {
    shader: unit === 4 ? "reduce_f32x4" : "reduce_f32",
    constants: {
      MODE: mode,
      SHARE: share,
      OUTPUTS: 64 / share,
      NESTED: r0.size > 1 ? 1 : 0,
      ...(unit === 4 ? { ACROSS: across ? 1 : 0 } : {}),
    },
    bindings: [{ input: 0 }, { output: 0 }],
    params: uniform(
      ["u32", count, length, k1.size, inner, last],
      ["u32", step(k0), step(k1), step(k2), step(r0), step(r1)],
      ["u32", k0.stepOut, k1.stepOut, along ? 4 : k2.stepOut],
      ["f32", start, kind === "mean" ? 1 / (r0.size * r1.size) : 1],
    ),
    workgroups: foldGrid(Math.ceil(count / (64 / share))),
  };
}
