/** From quantizers and a plan to a graph with explicit QuantizeLinear and DequantizeLinear nodes. @module */
import { type QuantizationParameters, rangeOf, roundHalfToEven } from "../tensor/quantization.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { biasOf } from "./biases.ts";
import { type Graph, type Node, usesOf } from "./graph.ts";
import {
  biasScale,
  clampOf,
  isActive,
  type Plan,
  quantizeBias,
  type QuantizedGraph,
  type Quantizer,
  quantizeTensor,
  type Site,
} from "./quantizers.ts";
import { Rewriter } from "./rewriter.ts";

/** Integer forms of constants, made once: plans of one search share them, and so do the devices that hold them. */
const integerForms = new WeakMap<QuantizationParameters, Tensor>();

function integerForm(weights: Tensor, parameters: QuantizationParameters): Tensor {
  let form = integerForms.get(parameters);
  if (!form) integerForms.set(parameters, form = quantizeTensor(weights, parameters));
  return form;
}

/** What readers of QDQ graphs want written in different ways. */
export interface QdqForm {
  /** Whether biases of integer nodes are int32 behind a DequantizeLinear, or floats. Default `"i32"`. */
  readonly biases?: "i32" | "f32";
  /** Whether float nodes are guarded from onnxruntime, which quantizes the weights of some by itself. Default true. */
  readonly guardsFloat?: boolean;
}

/**
 * The graph of a plan, with explicit QuantizeLinear and DequantizeLinear nodes: what is run, and what is written to a file.
 *
 * Biases of integer Conv and Gemm nodes become int32 at scale `x * weights`, as integer kernels add them, or stay floats where
 * `form` says so. Where the model has a corrected bias it is taken as long as the weights are in 8 bits. A Relu or Clip whose
 * only reader is a quantizer that saturates at the same bounds is dropped: the result is the same.
 */
export function applyPlan({ graph, quantizers, biases }: QuantizedGraph, plan: Plan, form: QdqForm = {}): Graph {
  const { biases: biasForm = "i32", guardsFloat = true } = form;
  const active = quantizers.filter((quantizer) => isActive(quantizer, plan));
  if (active.length === 0) return graph;
  const rewriter = new Rewriter(graph);
  const inputs = new Map<string, string>();
  const found = new Map<string, QuantizationParameters>();
  for (const quantizer of active) {
    for (const site of quantizer.sites) {
      const dequantized = quantizer.kind === "weight"
        ? insertWeight(rewriter, graph, quantizer, site)
        : insertActivation(rewriter, quantizer, site);
      for (const { node, input } of site.readers) {
        inputs.set(`${node} ${input}`, dequantized);
        found.set(`${node} ${input}`, quantizer.parameters);
      }
    }
  }
  const corrected = correctedBiases(graph, biases ?? new Map(), (name) => found.has(`${name} 1`));
  const nodes = rewriter.nodes;
  rewriter.nodes = [];
  const rewired = nodes.map((node) => {
    const own = node.inputs.map((name, i) => inputs.get(`${node.name} ${i}`) ?? name);
    const [x, w] = [found.get(`${node.name} 0`), found.get(`${node.name} 1`)];
    const correction = corrected.get(node.name);
    if (correction) own[correction.input] = rewriter.constant(`${node.name}.bias`, correction.bias);
    const hasBias = node.op === "Conv" || node.op === "Gemm";
    if (hasBias && x && w) {
      const bias = correction?.bias ?? graph.constants.get(node.inputs[2] ?? "");
      const integers = bias && biasForm === "i32" ? insertBias(rewriter, node, bias, x, w) : null;
      if (integers) own[2] = integers;
    } else if (hasBias && x && guardsFloat) {
      own[0] = boundedName(rewriter, own[0]!, x);
    }
    return own.some((name, i) => name !== node.inputs[i]) ? { ...node, inputs: own } : node;
  });
  rewriter.nodes.push(...rewired);
  return dropSaturated(rewriter.finish());
}

/** The corrected biases of nodes for which `isQuantized` holds, by the name of the node that adds them. */
function correctedBiases(
  graph: Graph,
  biases: ReadonlyMap<string, Tensor>,
  isQuantized: (node: string) => boolean,
): Map<string, { readonly input: number; readonly bias: Tensor }> {
  const corrected = new Map<string, { readonly input: number; readonly bias: Tensor }>();
  if (biases.size === 0) return corrected;
  const uses = usesOf(graph);
  for (const node of graph.nodes) {
    const bias = biases.get(node.name);
    if (!bias || !isQuantized(node.name)) continue;
    const reader = node.op === "MatMul" ? biasOf(graph, uses, node)?.reader : { node: node.name, input: 2 };
    if (reader) corrected.set(reader.node, { input: reader.input, bias });
  }
  return corrected;
}

function parameterNames(rewriter: Rewriter, name: string, p: QuantizationParameters): [string, string] {
  const shape = p.axis === null ? [] : [p.scale.length];
  return [
    rewriter.constant(`${name}_scale`, tensor("f32", shape, p.scale)),
    rewriter.constant(`${name}_zero_point`, tensor(p.dtype, shape, Array.from(p.zeroPoint))),
  ];
}

function axisOf({ axis }: QuantizationParameters): Record<string, number> {
  return axis === null ? {} : { axis };
}

function insertActivation(rewriter: Rewriter, { parameters }: Quantizer, site: Site): string {
  const [scale, zero] = parameterNames(rewriter, site.value, parameters);
  let source = site.value;
  if (site.output) {
    source = rewriter.unique(`${site.value}_float`);
    rewriter.nodes = rewriter.nodes.map((node) =>
      node.outputs.includes(site.value)
        ? { ...node, outputs: node.outputs.map((name) => name === site.value ? source : name) }
        : node
    );
    rewriter.redirect(site.value, source);
  }
  if (site.rectified) source = rewriter.node("Relu", [source], {}, rewriter.unique(`${site.value}_rectified`));
  const integers = rewriter.node(
    "QuantizeLinear",
    [source, scale, zero],
    axisOf(parameters),
    rewriter.unique(`${site.value}_quantized`),
  );
  const output = site.output ? site.value : rewriter.unique(`${site.value}_dequantized`);
  return rewriter.node("DequantizeLinear", [integers, scale, zero], axisOf(parameters), output);
}

/** The bounds of Clip are attributes before this version. */
const CLIP_INPUTS_OPSET = 11;

/**
 * Dequantized values behind a Clip to the range that they have anyway.
 *
 * A float Conv or Gemm between a DequantizeLinear and a QuantizeLinear would get its weights quantized by onnxruntime
 * (WeightBiasQuantization, seen in 1.32): the layer that the plan keeps in float would run in 8 bits.
 */
function boundedName(rewriter: Rewriter, value: string, { scale, zeroPoint, dtype }: QuantizationParameters): string {
  const [low, high] = rangeOf(dtype);
  const at = (q: number): number[] => Array.from(scale, (s, c) => (q - zeroPoint[c]!) * s);
  const [min, max] = [Math.min(...at(low)), Math.max(...at(high))];
  const output = rewriter.unique(`${value}_float`);
  if (rewriter.opset < CLIP_INPUTS_OPSET) return rewriter.node("Clip", [value], { min, max }, output);
  const bound = (name: string, x: number): string => rewriter.constant(`${value}_${name}`, tensor("f32", [], [x]));
  return rewriter.node("Clip", [value, bound("min", min), bound("max", max)], {}, output);
}

function insertWeight(rewriter: Rewriter, graph: Graph, { parameters }: Quantizer, site: Site): string {
  const [scale, zero] = parameterNames(rewriter, site.value, parameters);
  const weights = integerForm(graph.constants.get(site.value)!, parameters);
  const integers = rewriter.constant(`${site.value}_quantized`, weights);
  return rewriter.node(
    "DequantizeLinear",
    [integers, scale, zero],
    axisOf(parameters),
    rewriter.unique(`${site.value}_dequantized`),
  );
}

/** Biases in integers, by the parameters of the weights that they belong to: layers may share a bias. */
const biasForms = new WeakMap<
  QuantizationParameters,
  { x: QuantizationParameters; bias: Tensor; form: Tensor | null }
>();

/**
 * Adds the bias as int32 behind a DequantizeLinear, or returns `null` where it does not fit.
 *
 * It has no zero point: that of int32 is 0 by the definition of DequantizeLinear, and some readers refuse one that is
 * given. One scale is written where all are equal, which needs no axis and therefore no operator set 13.
 */
function insertBias(
  rewriter: Rewriter,
  node: Node,
  bias: Tensor,
  x: QuantizationParameters,
  w: QuantizationParameters,
): string | null {
  if (bias.shape.length !== 1) return null;
  const scale = biasScale(x, w, bias.data.length);
  let known = biasForms.get(w);
  if (known?.x !== x || known.bias !== bias) biasForms.set(w, known = { x, bias, form: quantizeBias(bias, scale) });
  const integers = known.form;
  if (!integers) return null;
  const name = `${node.name}.bias`;
  const one = x.scale.length === 1 && w.scale.length === 1;
  const scales = one ? tensor("f32", [], scale.slice(0, 1)) : tensor("f32", [scale.length], scale);
  return rewriter.node(
    "DequantizeLinear",
    [rewriter.constant(`${name}_quantized`, integers), rewriter.constant(`${name}_scale`, scales)],
    one ? {} : { axis: 0 },
    rewriter.unique(`${name}_dequantized`),
  );
}

function dropSaturated(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  const uses = usesOf(graph);
  const outputs = new Set(graph.outputs.map((output) => output.name));
  for (const node of graph.nodes) {
    const bounds = clampOf(node, graph.constants);
    const after = uses.get(node.outputs[0]!) ?? [];
    if (!bounds || after.length === 0 || outputs.has(node.outputs[0]!)) continue;
    if (after.every((use) => saturates(use.node, bounds, graph.constants))) {
      rewriter.redirect(node.outputs[0]!, node.inputs[0]!);
    }
  }
  return rewriter.finish();
}

function saturates(
  reader: Node,
  [low, high]: readonly [number, number],
  constants: ReadonlyMap<string, Tensor>,
): boolean {
  if (reader.op !== "QuantizeLinear") return false;
  const scale = constants.get(reader.inputs[1]!);
  const zero = constants.get(reader.inputs[2] ?? "");
  if (!scale || scale.data.length !== 1 || !zero || (zero.dtype !== "i8" && zero.dtype !== "u8")) return false;
  const [least, greatest] = rangeOf(zero.dtype);
  const q = (x: number): number => roundHalfToEven(Math.fround(x / scale.data[0]!)) + zero.data[0]!;
  return q(low) <= least && q(high) >= greatest;
}
