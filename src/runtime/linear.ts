/** Recognising Conv, MatMul and Gemm with what is fused into them. @module */
import { type Graph, type Node, producersOf, type Use, usesOf } from "../graph/graph.ts";
import { biasScale, clampOf, dequantizeTensor, LINEAR_OPERATORS, quantizeBias } from "../graph/quantizers.ts";
import type { Epilogue, IntegerEpilogue } from "../ops/op.ts";
import { numberOf } from "../ops/op.ts";
import { roundHalfToEven } from "../tensor/quantization.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";
import { isComputedProduct, isSwapOfHeads, scaledOperand, scaleOf } from "./product.ts";
import type { TypedGraph } from "./specialize.ts";

/** A linear operator with its bias, activation and requantization. */
export interface Linear {
  /** The node itself. */
  readonly node: Node;
  /** The nodes after it that become part of it. */
  readonly absorbed: readonly Node[];
  /** Names of its inputs: data, weights, bias. */
  readonly inputs: readonly (string | null)[];
  /** Constants that the fusion makes, by the names in `inputs`. */
  readonly constants: ReadonlyMap<string, Tensor>;
  /** The name of its result. */
  readonly output: string;
  /** What happens to the sums. */
  readonly epilogue: Epilogue;
}

/** What the fusion asks of a graph, prepared once. */
export interface Surroundings {
  /** The graph and its types. */
  readonly typed: TypedGraph;
  /** The node that computes each value. */
  readonly producers: ReadonlyMap<string, Node>;
  /** The readers of each value. */
  readonly uses: ReadonlyMap<string, readonly Use[]>;
  /** Names of the graph's outputs. */
  readonly outputs: ReadonlySet<string>;
}

/** Prepares a graph for {@linkcode linearOf}. */
export function surroundingsOf(typed: TypedGraph): Surroundings {
  return {
    typed,
    producers: producersOf(typed.graph),
    uses: usesOf(typed.graph),
    outputs: new Set(typed.graph.outputs.map((output) => output.name)),
  };
}

/** A quantized value or constant, as its DequantizeLinear tells. */
export interface Dequantized {
  readonly integers: string;
  readonly scale: Float32Array;
  readonly zero: ArrayLike<number>;
  readonly axis: number;
}

/**
 * The linear operator that starts at a node, or `null` where the node is another.
 *
 * @param taken The nodes that are part of other operators.
 */
export function linearOf(node: Node, around: Surroundings, taken: ReadonlySet<Node>): Linear | null {
  if (!LINEAR_OPERATORS.has(node.op)) return null;
  const absorbed: Node[] = [];
  let output = node.outputs[0]!;
  const only = (): Node | null => {
    const uses = around.uses.get(output) ?? [];
    return uses.length === 1 && !around.outputs.has(output) ? uses[0]!.node : null;
  };
  const take = (next: Node): void => {
    absorbed.push(next);
    output = next.outputs[0]!;
  };

  let bias = node.inputs[2] || null;
  const computed = isComputedProduct(node, around);
  let scale = 1;
  for (let after = only(); computed && after; after = only()) {
    const by = scaleOf(after, output, around);
    if (by === null) break;
    scale *= by;
    take(after);
  }
  const next = only();
  if (node.op === "MatMul" && scale === 1 && next?.op === "Add") {
    const added = next.inputs.find((name) => name !== output);
    if (added && isBias(added, node, around)) {
      bias = added;
      take(next);
    }
  }
  let clamp: readonly [number, number] = [-Infinity, Infinity];
  for (let after = only(); after; after = only()) {
    const bounds = clampOf(after, around.typed.graph.constants);
    if (!bounds) break;
    clamp = [Math.max(clamp[0], bounds[0]), Math.min(Math.max(clamp[1], bounds[0]), bounds[1])];
    take(after);
  }

  const integer = integerOf(node, bias, around);
  const joinsHeads = (): Pick<Epilogue, "joinsHeads"> => {
    const next = only();
    if (!computed || !next || !isSwapOfHeads(next)) return {};
    take(next);
    return { joinsHeads: true };
  };
  if (!integer) {
    const { inputs, constants } = floatInputs(node, bias, around);
    const operands = inputs.map((name, i) => {
      const [factor, from] = computed && i < 2 ? scaledOperand(name!, around, taken) : [1, name];
      scale *= factor;
      return from;
    });
    const heads = joinsHeads();
    return { node, absorbed, inputs: operands, constants, output, epilogue: { clamp, scale, ...heads } };
  }
  const constants = new Map<string, Tensor>();
  const biasName = integer.bias ? `${node.name}.bias_i32` : null;
  if (biasName) constants.set(biasName, integer.bias!);
  const inputs = [integer.x.integers, integer.w.integers, biasName];
  const quantizer = only();
  const target = quantizer?.op === "QuantizeLinear" ? targetOf(quantizer, node, clamp, around.typed.graph) : null;
  const common = { xZero: integer.x.zero[0]!, wZero: integer.w.zero[0]! };
  if (!target) {
    const multiplier = shared(scale === 1 ? integer.scale : integer.scale.map((own) => own * scale), integer.w);
    const heads = joinsHeads();
    const epilogue: IntegerEpilogue = { ...common, multiplier, out: null };
    return { node, absorbed, inputs, constants, output, epilogue: { clamp, integer: epilogue, ...heads } };
  }
  take(quantizer!);
  const [from, to] = [integer.scale, target.scale];
  const multiplier = to.length === 1
    ? from.map((own) => own * scale / to[0]!)
    : to.map((own, c) => from[from.length === 1 ? 0 : c]! * scale / own);
  const epilogue: IntegerEpilogue = {
    ...common,
    multiplier: shared(multiplier, integer.w),
    out: target.out,
  };
  const heads = joinsHeads();
  return { node, absorbed, inputs, constants, output, epilogue: { integer: epilogue, ...heads } };
}

const multipliers = new WeakMap<Float32Array, Float32Array[]>();

/** One array for all equal multipliers of the same weights: plans share what is on the device by its identity. */
function shared(multiplier: Float32Array, { scale }: Dequantized): Float32Array {
  const known = multipliers.get(scale) ?? [];
  const found = known.find((own) => own.length === multiplier.length && own.every((m, c) => m === multiplier[c]));
  if (!found) multipliers.set(scale, [...known, multiplier]);
  return found ?? multiplier;
}

/** Whether the kernel of a MatMul can add a constant: one number for each column, and no more axes than the product. */
function isBias(name: string, product: Node, { typed }: Surroundings): boolean {
  const constant = typed.graph.constants.get(name);
  const right = typed.types.get(product.inputs[1]!)!.shape;
  const columns = right.length > 1 ? right.at(-1) : undefined;
  return constant?.dtype === "f32" && constant.shape.at(-1) === columns && sizeOf(constant.shape) === columns &&
    constant.shape.length <= typed.types.get(product.outputs[0]!)!.shape.length;
}

/** What a value is dequantized from, or `null` where it is not. */
export function dequantizedOf(name: string | null, { producers, typed }: Surroundings): Dequantized | null {
  const node = name ? producers.get(name) : undefined;
  if (node?.op !== "DequantizeLinear" || numberOf(node.attributes, "block_size", 0) !== 0) return null;
  const [integers, scaleName, zeroName] = node.inputs;
  const { constants } = typed.graph;
  const scale = constants.get(scaleName!)?.data;
  if (!(scale instanceof Float32Array)) return null;
  const zero = zeroName ? constants.get(zeroName)?.data : new Int8Array(scale.length);
  const axis = numberOf(node.attributes, "axis", 1);
  const rank = typed.types.get(integers!)!.shape.length;
  return zero ? { integers: integers!, scale, zero, axis: axis < 0 ? axis + rank : axis } : null;
}

/**
 * What the result of a node is quantized to, where its kernel can do that: with one scale, or behind a convolution one for
 * each channel where the bounds of its activation come to the same integers in all.
 */
function targetOf(
  { inputs, attributes }: Node,
  node: Node,
  clamp: readonly [number, number],
  { constants }: Graph,
): { scale: Float32Array; out: NonNullable<IntegerEpilogue["out"]> } | null {
  const [scale, zeros] = inputs.slice(1).map((name) => constants.get(name)?.data);
  if (!(scale instanceof Float32Array) || !zeros || zeros.some((zero: number) => zero !== zeros[0])) return null;
  if (scale.length > 1 && (node.op !== "Conv" || numberOf(attributes, "axis", 1) !== 1)) return null;
  const bounds = clamp.map((x) =>
    scale.map((own) => Math.min(Math.max(roundHalfToEven(Math.fround(x / own)) + zeros[0]!, -128), 127))
  );
  const [low = null, high = null] = bounds.map((own) => own.every((bound) => bound === own[0]) ? own[0]! : null);
  return low === null || high === null ? null : { scale, out: { zero: zeros[0]!, low, high } };
}

/** The node on integers, where its inputs are quantized in a way that the kernels can use. */
function integerOf(
  node: Node,
  biasName: string | null,
  around: Surroundings,
): { x: Dequantized; w: Dequantized; bias: Tensor | null; scale: Float32Array } | null {
  const { graph, types } = around.typed;
  const x = dequantizedOf(node.inputs[0]!, around);
  const w = dequantizedOf(node.inputs[1]!, around);
  if (!x || !w || types.get(x.integers)?.dtype !== "i8" || types.get(w.integers)?.dtype !== "i8") return null;
  const uniform = ({ zero }: Dequantized): boolean => Array.from(zero).every((z) => z === zero[0]);
  const weights = graph.constants.get(w.integers);
  if (!uniform(x) || !uniform(w) || (weights ? w.zero[0] !== 0 : node.op !== "MatMul" || w.scale.length > 1)) {
    return null;
  }
  const channelAxis = node.op === "Conv" || numberOf(node.attributes, "transB", 0) === 1 ? 0 : 1;
  if (w.scale.length > 1 && (w.axis !== channelAxis || weights!.shape.length !== (node.op === "Conv" ? 4 : 2))) {
    return null;
  }
  const depthwise = node.op === "Conv" && weights?.shape[1] === 1 &&
    weights.shape[0] === numberOf(node.attributes, "group", 1);
  if (x.scale.length > 1 && !(depthwise && x.axis === 1)) return null;
  if (
    node.op === "Gemm" && (!weights || numberOf(node.attributes, "alpha", 1) !== 1 ||
      numberOf(node.attributes, "beta", 1) !== 1 || numberOf(node.attributes, "transA", 0) === 1)
  ) return null;
  const scale = biasScale(x, w, Math.max(x.scale.length, w.scale.length));
  if (!biasName) return { x, w, bias: null, scale };
  const bias = integerBias(biasName, scale, around);
  return bias && { x, w, bias, scale };
}

const quantizedBiases = new WeakMap<Tensor, { readonly scale: Float32Array; readonly form: Tensor | null }>();

/** A bias as int32 at the given scale: as the file has it, or rounded to it. */
function integerBias(name: string, scale: Float32Array, around: Surroundings): Tensor | null {
  const { graph } = around.typed;
  const own = dequantizedOf(name, around);
  const integers = own && graph.constants.get(own.integers);
  const at = (c: number): number => scale[scale.length === 1 ? 0 : c]!;
  if (own && integers?.dtype === "i32" && integers.shape.length === 1) {
    const fits = (scale.length === 1 || scale.length === integers.data.length) && integers.data.every((_, c) => {
      const wanted = at(c);
      return Math.abs(own.scale[own.scale.length === 1 ? 0 : c]! - wanted) <= 1e-6 * wanted;
    });
    if (fits) return integers;
  }
  const bias = own && integers ? dequantizeConstant(integers, own) : graph.constants.get(name);
  if (bias?.dtype !== "f32") return null;
  const channels = sizeOf(bias.shape);
  if (channels !== bias.shape.at(-1) || (scale.length > 1 && scale.length !== channels)) return null;
  const known = quantizedBiases.get(bias);
  if (known && known.scale.length === scale.length && known.scale.every((s, c) => s === scale[c])) return known.form;
  const scales = Float32Array.from({ length: channels }, (_, c) => at(c));
  const form = quantizeBias({ ...bias, shape: [channels] }, scales);
  quantizedBiases.set(bias, { scale, form });
  return form;
}

const floatForms = new WeakMap<Tensor, { readonly by: Dequantized; readonly form: Tensor }>();

/** A quantized constant in float, made once. */
export function dequantizeConstant(integers: Tensor, by: Dequantized): Tensor {
  const { scale, zero, axis } = by;
  const known = floatForms.get(integers);
  const alike = known?.by.axis === axis && known.by.scale.length === scale.length &&
    scale.every((s, c) => s === known.by.scale[c] && zero[c] === known.by.zero[c]);
  if (known && alike) return known.form;
  const form = dequantizeTensor(integers, { scale, zeroPoint: zero, axis: scale.length === 1 ? null : axis });
  floatForms.set(integers, { by, form });
  return form;
}

/** The inputs in float, with quantized constants turned back. */
function floatInputs(
  node: Node,
  bias: string | null,
  around: Surroundings,
): { inputs: (string | null)[]; constants: Map<string, Tensor> } {
  const constants = new Map<string, Tensor>();
  const inputs = [...node.inputs.slice(0, 2), bias].map((name) => {
    const own = dequantizedOf(name, around);
    const integers = own && around.typed.graph.constants.get(own.integers);
    if (!own || !integers) {
      const constant = name === bias ? around.typed.graph.constants.get(name ?? "") : undefined;
      if (!constant || node.op === "Gemm" || constant.shape.length === 1) return name;
      constants.set(`${name}_vector`, asVector(constant));
      return `${name}_vector`;
    }
    const float = `${name}_constant`;
    constants.set(float, dequantizeConstant(integers, own));
    return float;
  });
  return { inputs, constants };
}

const vectors = new WeakMap<Tensor, Tensor>();

function asVector(constant: Tensor): Tensor {
  let vector = vectors.get(constant);
  if (!vector) vectors.set(constant, vector = { ...constant, shape: [constant.data.length] });
  return vector;
}
