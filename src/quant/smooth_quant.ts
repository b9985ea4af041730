/**
 * SmoothQuant: part of the range of activations moves into the weights that multiply them, channel by channel (Xiao et al.
 * 2022, "SmoothQuant"), with the scales that NNCF takes.
 *
 * @module
 */
import { type Graph, type Node, producersOf, usesOf } from "../graph/graph.ts";
import { MOVING_OPERATORS } from "../graph/quantizers.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { tensor } from "../tensor/tensor.ts";
import { quantileOf } from "./aggregator.ts";
import { ConstantEdits } from "./edits.ts";
import { foldQuotient } from "./quotients.ts";
import { channelAxes, ownsWeights, scaledWeights, type Weighted, weightedLayers, weightMaxima } from "./weighted.ts";

/** The exponents of the activations' maxima, from 0 to 1; negative: the layers are left alone. */
export interface Alphas {
  /** For convolutions. */
  readonly convolution: number;
  /** For MatMul and Gemm. */
  readonly matmul: number;
}

/** Maxima below this count as this; scales stay below the limit and above this quantile of all of them. */
const LEAST_MAXIMUM = 1e-5;
const LARGEST_SCALE = 100;
const LOWEST_QUANTILE = 0.1;
const EPSILON = 2 ** -23;

/** The values whose absolute maxima are needed, with the axis along which each channel has its own. */
export function absoluteMaximaNeeded(
  graph: Graph,
  alphas: Alphas,
  ignored: (node: Node) => boolean = () => false,
): Map<string, 1 | -1> {
  return channelAxes([...layersBySource(graph, alphas, ignored).values()].flat());
}

/**
 * An equivalent float graph in which the inputs of layers are divided by a scale for each channel, and the weights multiplied.
 *
 * Layers that read one value share the scales. The division becomes part of the LayerNormalization, or of the constants of
 * multiplications and additions, that give the value, where nothing else reads it; else a Mul stands before the layers.
 *
 * @param maxima The absolute maximum of each channel of the values of {@linkcode absoluteMaximaNeeded}; those without stay.
 * @param ignored Layers that take no part.
 */
export function smoothActivations(
  graph: Graph,
  maxima: ReadonlyMap<string, ArrayLike<number>>,
  alphas: Alphas,
  ignored: (node: Node) => boolean = () => false,
): Graph {
  const uses = usesOf(graph);
  const producers = producersOf(graph);
  const edits = new ConstantEdits();
  const divided: { value: string; layers: readonly Weighted[]; scale: Float64Array }[] = [];
  for (const [value, layers] of layersBySource(graph, alphas, ignored)) {
    const own = maxima.get(value);
    if (!own || own.length !== layers[0]!.inputs) continue;
    const scale = scaleOf(layers, own, alphas);
    if (!scale || scale.every((s) => s === scale[0])) continue;
    for (const layer of layers) edits.set(layer.node.name, 1, scaledWeights(layer, (_, input) => scale[input]!));
    const readers = new Set(layers.map(({ node }) => node.name));
    const axis = layers[0]!.axis;
    if (!foldQuotient({ graph, uses, producers, value, readers, axis, scale, edits })) {
      divided.push({ value, layers, scale });
    }
  }
  const edited = edits.apply(graph);
  if (divided.length === 0) return edited;
  const rewriter = new Rewriter(edited);
  for (const { value, layers, scale } of divided) {
    const { axis, weights } = layers[0]!;
    const inner = axis === 1 ? new Array<number>(weights.shape.length - 2).fill(1) : [];
    const factors = tensor("f32", [scale.length, ...inner], Float32Array.from(scale, (s) => 1 / s));
    const names = new Set(layers.map(({ node }) => node.name));
    const output = rewriter.unique(`${value}_smoothed`);
    rewriter.nodes = rewriter.nodes.map((node) =>
      names.has(node.name) ? { ...node, inputs: [output, ...node.inputs.slice(1)] } : node
    );
    rewriter.node("Mul", [value, rewriter.constant(`${value}_smoothing`, factors)], {}, output);
  }
  return rewriter.finish();
}

/** The layers to smooth, by the value that they read. */
function layersBySource(graph: Graph, alphas: Alphas, ignored: (node: Node) => boolean): Map<string, Weighted[]> {
  const uses = usesOf(graph);
  const producers = producersOf(graph);
  const groups = new Map<string, Weighted[]>();
  for (const layer of weightedLayers(graph)) {
    const { node, axis } = layer;
    const value = node.inputs[0]!;
    if (alphaOf(layer, alphas) < 0 || ignored(node) || !isComputed(graph, value) || !ownsWeights(layer, uses)) continue;
    // A convolution behind an operator that only moves data takes its quantizer from before that operator.
    if (node.op === "Conv" && MOVING_OPERATORS.has(producers.get(value)?.op ?? "")) continue;
    const group = groups.get(value);
    if (!group) groups.set(value, [layer]);
    else if (group[0]!.axis === axis && group[0]!.inputs === layer.inputs) group.push(layer);
  }
  return groups;
}

function isComputed(graph: Graph, value: string): boolean {
  return !graph.constants.has(value);
}

function alphaOf({ node }: Weighted, { convolution, matmul }: Alphas): number {
  return node.op === "Conv" ? convolution : matmul;
}

/** Of the scales that each layer asks for, those that differ the least among themselves. */
function scaleOf(layers: readonly Weighted[], maxima: ArrayLike<number>, alphas: Alphas): Float64Array | null {
  let [best, bestRatio]: [Float64Array | null, number] = [null, 0];
  for (const layer of layers) {
    const alpha = alphaOf(layer, alphas);
    const raw = weightMaxima(layer, "inputs").map((weight, c) =>
      Math.max(maxima[c]!, LEAST_MAXIMUM) ** alpha / (Math.max(weight, LEAST_MAXIMUM) ** (1 - alpha) + EPSILON)
    );
    const least = quantileOf(raw.toSorted(), LOWEST_QUANTILE);
    const scale = raw.map((s) => Math.min(Math.max(s, least), LARGEST_SCALE));
    const ratio = Math.min(...scale) / (Math.max(...scale) + EPSILON);
    if (ratio > bestRatio) [best, bestRatio] = [scale, ratio];
  }
  return best;
}
