/**
 * The language of quantization: quantizers, groups and plans over a graph.
 *
 * @module
 */
import type { QuantizationParameters } from "../tensor/quantization.ts";
import { dequantize, rangeOf, roundHalfToEven } from "../tensor/quantization.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import type { Graph, Node } from "./graph.ts";

/** One use of a value: input number `input` of the node of that name. */
export interface Reader {
  /** Name of the node. */
  readonly node: string;
  /** Which of its inputs. */
  readonly input: number;
}

/** A value that a quantizer acts on, and those who see it quantized. */
export interface Site {
  /** The name of the value. */
  readonly value: string;
  /** The nodes that read it quantized. */
  readonly readers: readonly Reader[];
  /** Whether it is an output of the graph that is quantized. */
  readonly output?: true;
  /** Whether negative values become 0 first: signed integers that stand for unsigned ones. */
  readonly rectified?: true;
}

/** Scale and zero point, and where they apply. */
export interface Quantizer {
  /** Unique; the name of its first value. */
  readonly id: string;
  /** Whether it acts on computed values or on a constant. */
  readonly kind: "activation" | "weight";
  /** The numbers. */
  readonly parameters: QuantizationParameters;
  /** Where it acts: several values where an operator between them only moves data. */
  readonly sites: readonly Site[];
  /** Ids of the groups that need it: it is on as long as one of them is in INT8. */
  readonly groups: readonly string[];
}

/** Operations that change precision together because they read through the same quantizers. */
export interface Group {
  /** Unique; the name of its first node. */
  readonly id: string;
  /** Names of its nodes, in graph order. */
  readonly nodes: readonly string[];
}

/** A precision plan: the ids of the groups that are kept in FP32. */
export type Plan = ReadonlySet<string>;

/** A float graph with its quantizers: with a {@linkcode Plan} it says what runs in which precision. */
export interface QuantizedGraph {
  /** The graph in float. */
  readonly graph: Graph;
  /** All quantizers. */
  readonly quantizers: readonly Quantizer[];
  /** All groups, in graph order of their first nodes. */
  readonly groups: readonly Group[];
  /**
   * The corrected biases of Conv, Gemm and MatMul nodes, by node name: they hold while the node's weights are in 8 bits. That
   * of a MatMul takes the place of the constant that an Add behind it adds.
   */
  readonly biases?: ReadonlyMap<string, Tensor>;
  /** What the user should know of how it was quantized. */
  readonly warnings: readonly string[];
}

/** Operators that multiply by weights: they have integer kernels. */
export const LINEAR_OPERATORS: ReadonlySet<string> = new Set(["Conv", "MatMul", "Gemm"]);

/** Operators whose result holds elements of input 0 (Concat: of all inputs), unchanged; Pad and Resize in some modes only. */
export const MOVING_OPERATORS: ReadonlySet<string> = new Set([
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Identity",
  "Transpose",
  "Slice",
  "Split",
  "Gather",
  "MaxPool",
  "Concat",
  "Pad",
  "Resize",
]);

/** Whether a quantizer is on under a plan. */
export function isActive(quantizer: Quantizer, plan: Plan): boolean {
  return quantizer.groups.some((group) => !plan.has(group));
}

/** A constant in integers, by its quantizer's parameters: `clamp(round(x / scale) + zeroPoint)`. */
export function quantizeTensor(
  { shape, data }: Tensor,
  { scale, zeroPoint, axis, dtype }: QuantizationParameters,
): Tensor {
  const [low, high] = rangeOf(dtype);
  const inner = axis === null ? 0 : shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const out = dtype === "i8" ? new Int8Array(data.length) : new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const c = axis === null ? 0 : Math.floor(i / inner) % shape[axis]!;
    const q = roundHalfToEven(data[i]! / scale[c]!) + zeroPoint[c]!;
    out[i] = Math.min(Math.max(q, low), high);
  }
  return { dtype, shape, data: out };
}

/** The smallest scale used: quotients by it stay finite in f32. */
const LEAST_SCALE = 1e-30;

/** Symmetric i8 parameters that reach as far as a constant does, in each channel or, with `axis` null, as a whole. */
export function symmetricParameters({ shape, data }: Tensor, axis: number | null): QuantizationParameters {
  const channels = axis === null ? 1 : shape[axis]!;
  const inner = axis === null ? data.length : shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const farthest = new Float32Array(channels);
  for (let i = 0; i < data.length; i++) {
    const c = Math.floor(i / inner) % channels;
    farthest[c] = Math.max(farthest[c]!, Math.abs(data[i]!));
  }
  const all = Math.max(...farthest) || 127;
  const scale = farthest.map((own) => Math.max((own || all) / 127, LEAST_SCALE));
  return { dtype: "i8", axis, scale, zeroPoint: new Int32Array(channels) };
}

/** A quantized constant in float: `(q - zeroPoint) * scale`. */
export function dequantizeTensor(
  { shape, data }: Tensor,
  { scale, zeroPoint, axis }: {
    readonly scale: Float32Array;
    readonly zeroPoint: ArrayLike<number>;
    readonly axis: number | null;
  },
): Tensor {
  const inner = axis === null ? 1 : shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const c = axis === null ? 0 : Math.floor(i / inner) % shape[axis]!;
    out[i] = dequantize(data[i]!, scale[c]!, zeroPoint[c]!);
  }
  return { dtype: "f32", shape, data: out };
}

/** A bias in 32 bits stays below this. The sum of products needs room beside it: quantization chooses scales that leave it. */
const BIAS_LIMIT = 2 ** 31 - 2 ** 17;

/** A bias in int32, or `null` where a value does not fit. */
export function quantizeBias(bias: Tensor, scale: Float32Array): Tensor | null {
  const values = Array.from(bias.data, (b, c) => roundHalfToEven(b / scale[c]!));
  return values.every((q) => Math.abs(q) < BIAS_LIMIT) ? tensor("i32", bias.shape, values) : null;
}

/** The scale of an int32 bias: the product of the scales of input and weights, for each output channel. */
export function biasScale(
  x: Pick<QuantizationParameters, "scale">,
  w: Pick<QuantizationParameters, "scale">,
  channels: number,
): Float32Array {
  return Float32Array.from(
    { length: channels },
    (_, c) => x.scale[x.scale.length === 1 ? 0 : c]! * w.scale[w.scale.length === 1 ? 0 : c]!,
  );
}

/** The bounds of a Relu or Clip with known bounds, or `null`. */
export function clampOf(
  node: Node,
  constants: ReadonlyMap<string, Tensor>,
): readonly [low: number, high: number] | null {
  if (node.op === "Relu") return [0, Infinity];
  if (node.op !== "Clip") return null;
  const bound = (i: number, name: string, otherwise: number): number | undefined => {
    const attribute = node.attributes.get(name);
    if (typeof attribute === "number") return attribute;
    return node.inputs[i] ? constants.get(node.inputs[i]!)?.data[0] : otherwise;
  };
  const [low, high] = [bound(1, "min", -Infinity), bound(2, "max", Infinity)];
  return low === undefined || high === undefined ? null : [low, high];
}
