/**
 * Cross-layer equalization: scales are moved between consecutive layers until the channels between them have weights of like
 * ranges on both sides (Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", 4.1).
 *
 * @module
 */
import { biasOf } from "../graph/biases.ts";
import { type Graph, type Node, type Use, usesOf } from "../graph/graph.ts";
import { clampOf } from "../graph/quantizers.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { numberOf } from "../ops/op.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { ConstantEdits } from "./edits.ts";
import { forEachWeight, ownsWeights, scaledWeights, type Weighted, weightedLayers, weightedOf } from "./weighted.ts";

/** How far equalization goes. */
export interface EqualizationOptions {
  /**
   * Whether scales move through a Clip from 0 to a bound. It becomes a Relu and a Min with a bound for each channel, which is
   * the same function, but stands between the layer and the quantizer, where integer kernels cannot fuse it. Default true.
   */
  readonly throughClips?: boolean;
}

/** Two layers that scales can move between: the first's output channels are the second's input channels. */
interface Pair {
  readonly first: Weighted;
  readonly second: Weighted;
  readonly clips: readonly Node[];
}

/** Operators that commute with a positive factor for each channel, wherever the channels are, and those that need them at axis 1. */
const HOMOGENEOUS = new Set(["Relu", "LeakyRelu"]);
const POOLS = new Set(["MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"]);

/** Sweeps over all pairs at most, and the change of a scale in one sweep below which the scales stand. */
const SWEEPS = 50;
const CONVERGED = 0.01;

/** Scales stay between the inverse of this and this, so that biases of layers with hardly any weights do not grow without bound. */
const LARGEST_SCALE = 1024;

/**
 * An equivalent float graph in which the weights of consecutive layers are equalized; the graph itself where there are none.
 *
 * Weights that several nodes read and values that other nodes read too are left alone.
 */
export function equalizeLayers(graph: Graph, { throughClips = true }: EqualizationOptions = {}): Graph {
  const uses = usesOf(graph);
  const pairs = weightedLayers(graph).flatMap((layer) => pairFrom(graph, uses, layer, throughClips) ?? []);
  if (pairs.length === 0) return graph;
  const scales = converge(pairs);
  const edits = new ConstantEdits();
  const layers = new Map(pairs.flatMap(({ first, second }) => [first, second]).map((own) => [own.node.name, own]));
  const [after, before] = [new Map<string, Float64Array>(), new Map<string, Float64Array>()];
  for (const [{ first, second }, scale] of scales) {
    after.set(first.node.name, scale);
    before.set(second.node.name, scale);
  }
  for (const [name, layer] of layers) {
    const [out, own] = [after.get(name), before.get(name)];
    edits.set(name, 1, scaledWeights(layer, (o, i) => (own?.[i] ?? 1) / (out?.[o] ?? 1)));
    const bias = out && biasOf(graph, uses, layer.node);
    if (bias) edits.set(bias.reader.node, bias.reader.input, divided(bias.value, out));
  }
  return boundChannels(edits.apply(graph), scales);
}

/** The pair that a layer is the first of, or `null`. */
function pairFrom(
  graph: Graph,
  uses: ReadonlyMap<string, readonly Use[]>,
  first: Weighted,
  throughClips: boolean,
): Pair | null {
  const bias = biasOf(graph, uses, first.node);
  const hasBias = first.node.inputs[2] || bias;
  if (!ownsWeights(first, uses) || (hasBias && bias?.value.shape.at(-1) !== first.outputs)) return null;
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const clips: Node[] = [];
  let axis = first.axis;
  let node = bias ? graph.nodes.find(({ name }) => name === bias.reader.node)! : first.node;
  for (;;) {
    const value = node.outputs[0]!;
    const [use, ...others] = uses.get(value) ?? [];
    if (!use || use.input !== 0 || others.length > 0 || outputs.has(value) || node.outputs.length > 1) return null;
    node = use.node;
    const second = weightedOf(graph, node);
    if (second) {
      const fits = second.axis === axis && second.inputs === first.outputs && ownsWeights(second, uses);
      return fits ? { first, second, clips } : null;
    }
    const clamp = clampOf(node, graph.constants);
    if (node.op === "Clip" && clamp?.[0] === 0 && clamp[1] > 0) {
      const bounded = Number.isFinite(clamp[1]);
      if (bounded && (!throughClips || axis !== first.axis)) return null;
      if (bounded) clips.push(node);
    } else if (node.op === "Flatten" && axis === 1 && numberOf(node.attributes, "axis", 1) === 1) {
      // The second layer has as many inputs as there are channels: what is flattened is one pixel.
      axis = -1;
    } else if (!HOMOGENEOUS.has(node.op) && !(POOLS.has(node.op) && axis === 1)) {
      return null;
    }
  }
}

/** The factors that each pair's second layer takes over from its first. */
function converge(pairs: readonly Pair[]): Map<Pair, Float64Array> {
  const scales = new Map(pairs.map((pair) => [pair, new Float64Array(pair.first.outputs).fill(1)]));
  const [after, before] = [new Map<string, Float64Array>(), new Map<string, Float64Array>()];
  for (const [{ first, second }, scale] of scales) {
    after.set(first.node.name, scale);
    before.set(second.node.name, scale);
  }
  const maxima = (layer: Weighted, side: "inputs" | "outputs"): Float64Array => {
    const [out, own] = [after.get(layer.node.name), before.get(layer.node.name)];
    const result = new Float64Array(layer[side]);
    const { data } = layer.weights;
    forEachWeight(layer, (index, o, i) => {
      const channel = side === "inputs" ? i : o;
      const weight = Math.abs(data[index]!) * (own ? own[i]! : 1) / (out ? out[o]! : 1);
      if (weight > result[channel]!) result[channel] = weight;
    });
    return result;
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let change = 0;
    for (const [{ first, second }, scale] of scales) {
      const [a, b] = [maxima(first, "outputs"), maxima(second, "inputs")];
      for (let c = 0; c < scale.length; c++) {
        if (!(a[c]! > 0 && b[c]! > 0)) continue;
        const wanted = scale[c]! * Math.sqrt(a[c]! / b[c]!);
        const next = Math.min(Math.max(wanted, 1 / LARGEST_SCALE), LARGEST_SCALE);
        change = Math.max(change, Math.abs(Math.log(next / scale[c]!)));
        scale[c] = next;
      }
    }
    if (change < CONVERGED) break;
  }
  return scales;
}

/** A bias divided by a factor for each index of its last axis. */
function divided({ shape, data }: Tensor, scale: Float64Array): Tensor {
  return tensor("f32", shape, Float32Array.from(data, (b, i) => b / scale[i % scale.length]!));
}

/** Every Clip that scales went through, as a Relu and a Min with a bound for each channel. */
function boundChannels(graph: Graph, scales: ReadonlyMap<Pair, Float64Array>): Graph {
  const bounded = new Map(
    [...scales].flatMap(([pair, scale]) => pair.clips.map((clip) => [clip.name, { pair, scale }])),
  );
  if (bounded.size === 0) return graph;
  const rewriter = new Rewriter(graph);
  rewriter.nodes = [];
  for (const node of graph.nodes) {
    const own = bounded.get(node.name);
    if (!own) {
      rewriter.nodes.push(node);
      continue;
    }
    const high = clampOf(node, graph.constants)![1];
    const { node: layer, weights, axis } = own.pair.first;
    const inner = axis === 1 ? new Array<number>(weights.shape.length - 2).fill(1) : [];
    const bounds = tensor("f32", [own.scale.length, ...inner], Float32Array.from(own.scale, (s) => high / s));
    const positive = rewriter.unique(`${node.outputs[0]}_positive`);
    rewriter.nodes.push({ ...node, op: "Relu", inputs: [node.inputs[0]!], outputs: [positive], attributes: new Map() });
    rewriter.node("Min", [positive, rewriter.constant(`${layer.name}_bounds`, bounds)], {}, node.outputs[0]!);
  }
  return rewriter.finish();
}
