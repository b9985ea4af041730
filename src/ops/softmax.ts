/** Softmax and its relatives. @module */
import type { Attributes } from "../graph/graph.ts";
import { foldGrid, type Launch, type Operand, uniform } from "../gpu/launch.ts";
import { type Layout, physicalOf } from "../gpu/layout.ts";
import { normalizeAxis, sizeOf, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { shareOf } from "./_axes.ts";
import { numberOf, type Op, type OpFactory, type Quantization, required } from "./op.ts";
import { quantizedTensor } from "./quantize_linear.ts";

/** Softmax: along an axis, or, before operator set 13, over all axes from one on. */
export const softmax: OpFactory = (attributes, opset): Op => operator(attributes, opset, null);

/** The operator; with a quantization its output is in 8 bits. */
function operator(attributes: Attributes, opset: number, then: Quantization | null): Op {
  const op = normalization("Softmax", normalize, attributes, opset);
  const viewOf = viewBy(attributes, opset);
  return {
    infer: (inputs) => op.infer(inputs).map(({ dtype, shape }) => ({ dtype: then ? "i8" : dtype, shape })),
    reference: (inputs) => {
      const [y] = op.reference(inputs);
      return [then ? quantizedTensor(y!, then) : y!];
    },
    quantized: ([x], quantization) => {
      const { shape } = required(x, "input");
      const last = shape.length > 0 && viewOf(required(x, "input")).axis === shape.length - 1;
      return last ? { op: operator(attributes, opset, quantization), keeps: false } : null;
    },
    layouts: ([x]) => {
      const layout = then ? "rows" : layoutOf(required(x, "input"), viewOf(required(x, "input")));
      return { inputs: [layout], outputs: [layout] };
    },
    lower: ([x], _, { lanes }) => [launch(required(x, "input"), viewOf(required(x, "input")), lanes, then)],
  };
}

/** LogSoftmax: the logarithm of what Softmax gives. */
export const logSoftmax: OpFactory = (attributes, opset): Op =>
  normalization("LogSoftmax", logarithms, attributes, opset);

/** Hardmax: 1 at the first of the greatest elements, 0 elsewhere. */
export const hardmax: OpFactory = (attributes, opset): Op => normalization("Hardmax", firstGreatest, attributes, opset);

function viewBy(attributes: Attributes, opset: number): (type: TensorType) => Rows {
  return ({ shape }) => {
    const axis = normalizeAxis(numberOf(attributes, "axis", opset < 13 ? 1 : -1), shape.length);
    return rowsOf(shape, axis, opset < 13 ? shape.length : axis + 1);
  };
}

function normalization(
  name: string,
  apply: (row: Float64Array) => ArrayLike<number>,
  attributes: Attributes,
  opset: number,
): Op {
  const viewOf = viewBy(attributes, opset);
  return {
    infer: ([x]) => {
      const { dtype, shape } = required(x, "input");
      if (dtype !== "f32") throw new TypeError(`${name} takes f32: current type is ${dtype}`);
      viewOf({ dtype, shape });
      return [{ dtype, shape }];
    },
    reference: ([x]) => [byRows(required(x, "input"), viewOf(required(x, "input")), apply)],
  };
}

/** A tensor as [outer, length, inner], normalized along `length`. */
interface Rows {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  /** The axis that is `length`, if it is a single one. */
  readonly axis: number | null;
}

function rowsOf(shape: readonly number[], begin: number, end: number): Rows {
  const part = (from: number, to?: number): number => sizeOf(shape.slice(from, to));
  return {
    outer: part(0, begin),
    length: part(begin, end),
    inner: part(end),
    axis: end <= begin + 1 ? begin : null,
  };
}

function byRows(
  { dtype, shape, data }: Tensor,
  { outer, length, inner }: Rows,
  apply: (row: Float64Array) => ArrayLike<number>,
): Tensor {
  const out = new Float32Array(data.length);
  for (let row = 0; row < outer * inner; row++) {
    const at = (i: number): number => (Math.floor(row / inner) * length + i) * inner + row % inner;
    const results = apply(Float64Array.from({ length }, (_, i) => data[at(i)]!));
    for (let i = 0; i < length; i++) out[at(i)] = results[i]!;
  }
  return { dtype, shape, data: out };
}

function greatestOf(row: Float64Array): number {
  return row.reduce((a, b) => Math.max(a, b), -Infinity);
}

function normalize(row: Float64Array): Float64Array {
  const greatest = greatestOf(row);
  const powers = row.map((x) => Math.exp(x - greatest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function logarithms(row: Float64Array): Float64Array {
  const greatest = greatestOf(row);
  const sum = row.reduce((total, x) => total + Math.exp(x - greatest), 0);
  return row.map((x) => x - greatest - Math.log(sum));
}

function firstGreatest(row: Float64Array): Float64Array {
  const first = row.indexOf(greatestOf(row));
  return row.map((_, i) => Number(i === first));
}

/** The present layout where rows lie in whole blocks in it, else plain. */
function layoutOf({ shape, layout }: Operand, { axis }: Rows): Layout {
  if (layout === "rows" && axis === shape.length - 1) return "rows";
  if (layout === "nhwc" && axis === 1 && shape.length > 2) return "nhwc";
  return "plain";
}

function launch(x: Operand, { outer, length, inner }: Rows, lanes: number, then: Quantization | null): Launch {
  const padded = x.layout === "plain" ? length : physicalOf(x, x.layout).sizes.at(-1) ?? 1;
  const count = outer * inner;
  const blocks = (inner === 1 || x.layout !== "plain") && padded % 4 === 0;
  const share = shareOf(count, blocks ? padded / 4 : length, lanes);
  return {
    shader: then ? "softmax_i8" : blocks ? "softmax_f32x4" : "softmax_f32",
    constants: { SHARE: share, ROWS: 64 / share },
    bindings: [{ input: 0 }, { output: 0 }],
    params: blocks
      ? uniform(["u32", count, length, padded / 4], ["f32", ...(then ? [then.scale, then.zero] : [])])
      : uniform(["u32", count, length, inner, length * inner, inner]),
    workgroups: foldGrid(Math.ceil(count / (64 / share))),
  };
}
