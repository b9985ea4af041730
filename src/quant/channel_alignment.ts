/**
 * Channel alignment: the output channels of a layer are centred and brought to like ranges, and the convolution that reads
 * them takes this back, as in NNCF's ChannelAlignment.
 *
 * @module
 */
import { biasOf } from "../graph/biases.ts";
import { type Graph, type Use, usesOf } from "../graph/graph.ts";
import { numbersOf, stringOf } from "../ops/op.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { ConstantEdits } from "./edits.ts";
import { forEachWeight, ownsWeights, scaledWeights, type Weighted, weightedLayers, weightedOf } from "./weighted.ts";

/** Where nearly all values of each channel lie. */
export interface ChannelRanges {
  /** The lower end: the median over items of the quantile 1e-4. */
  readonly low: ArrayLike<number>;
  /** The upper end: the median over items of the quantile 1 - 1e-4. */
  readonly high: ArrayLike<number>;
}

/** A layer and the convolution that alone reads its result. */
interface Pair {
  readonly first: Weighted;
  readonly second: Weighted;
}

/** Ranges up to this count as empty, and scales stay between these bounds. */
const EPSILON = 2 ** -23;
const SCALES = [0.01, 100] as const;

/** The values whose channel ranges are needed, each along axis 1. */
export function channelRangesNeeded(graph: Graph): string[] {
  return pairsOf(graph).map(({ second }) => second.node.inputs[0]!);
}

/**
 * An equivalent float graph in which the channels between a layer and a convolution that directly follows it are aligned.
 *
 * The convolution must have no padding, which would not be moved with its input, and a single group.
 *
 * @param ranges The ranges of the values of {@linkcode channelRangesNeeded}; pairs without are left alone.
 */
export function alignChannels(graph: Graph, ranges: ReadonlyMap<string, ChannelRanges>): Graph {
  let aligned = graph;
  for (const { first, second } of pairsOf(graph)) {
    const own = ranges.get(second.node.inputs[0]!);
    if (own?.low.length !== first.outputs || own.high.length !== first.outputs) continue;
    // A convolution may be the second of one pair and the first of the next: its constants are those of the graph so far.
    const nodes = new Map(aligned.nodes.map((node) => [node.name, node]));
    const [a, b] = [first, second].map((layer) => weightedOf(aligned, nodes.get(layer.node.name)!)!);
    aligned = alignPair(aligned, a!, b!, own);
  }
  return aligned;
}

function pairsOf(graph: Graph): Pair[] {
  const uses = usesOf(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  return weightedLayers(graph).flatMap((first): Pair[] => {
    const value = first.node.outputs[0]!;
    const [use, ...others] = uses.get(value) ?? [];
    if (!use || use.input !== 0 || others.length > 0 || outputs.has(value)) return [];
    const second = use.node.op === "Conv" ? weightedOf(graph, use.node) : null;
    const fits = second && first.axis === 1 && second.groups === 1 && isUnpadded(second) &&
      [first, second].every((layer) => ownsWeights(layer, uses) && hasPlainBias(graph, uses, layer));
    return fits ? [{ first, second }] : [];
  });
}

function isUnpadded({ node: { attributes } }: Weighted): boolean {
  const mode = stringOf(attributes, "auto_pad", "NOTSET");
  return mode === "VALID" || (mode === "NOTSET" && (numbersOf(attributes, "pads") ?? []).every((pad) => pad === 0));
}

function hasPlainBias(graph: Graph, uses: ReadonlyMap<string, readonly Use[]>, { node }: Weighted): boolean {
  return !node.inputs[2] || biasOf(graph, uses, node) !== null;
}

function alignPair(graph: Graph, first: Weighted, second: Weighted, { low, high }: ChannelRanges): Graph {
  const middle = Float64Array.from(low, (l, c) => (high[c]! + l) / 2);
  const shift = new Float64Array(second.outputs);
  forEachWeight(second, (index, output, input) => shift[output]! += second.weights.data[index]! * middle[input]!);
  const scale = scaleOf(Float64Array.from(low, (l, c) => high[c]! - l));
  const edits = new ConstantEdits();
  edits.set(first.node.name, 1, scaledWeights(first, (output) => 1 / scale[output]!));
  edits.set(second.node.name, 1, scaledWeights(second, (_, input) => scale[input]!));
  edits.set(first.node.name, 2, biasFrom(graph, first, (b, c) => (b - middle[c]!) / scale[c]!));
  edits.set(second.node.name, 2, biasFrom(graph, second, (b, c) => b + shift[c]!));
  return edits.apply(graph);
}

/** What each channel is divided by: its width in terms of the median one. */
function scaleOf(widths: Float64Array): Float64Array {
  const wide = widths.filter((width) => width > EPSILON).toSorted();
  if (wide.length === 0) return widths.map(() => 1);
  const median = (wide[(wide.length - 1) >> 1]! + wide[wide.length >> 1]!) / 2;
  return widths.map((width) => width > EPSILON ? Math.min(Math.max(width / median, SCALES[0]), SCALES[1]) : 1);
}

function biasFrom(graph: Graph, { node, outputs }: Weighted, change: (b: number, channel: number) => number): Tensor {
  const bias = graph.constants.get(node.inputs[2] ?? "");
  return tensor("f32", [outputs], Float32Array.from({ length: outputs }, (_, c) => change(bias?.data[c] ?? 0, c)));
}
