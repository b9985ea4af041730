/** Keeping sums of integer kernels inside 32 bits: their products, and the biases that they start from. @module */
import type { Graph, Node } from "../graph/graph.ts";
import { LINEAR_OPERATORS } from "../graph/quantizers.ts";
import { numberOf } from "../ops/op.ts";
import { type KnownType, sizeOf, type Tensor } from "../tensor/tensor.ts";

/** An int32 bias stays below this: its correction may make it three times as large. The rest is for the sum of products. */
const BIAS_LIMIT = 2 ** 29;
const SUM_LIMIT = 2 ** 31 - BIAS_LIMIT;

/** The greatest difference of 8-bit activations from their zero point, and the greatest 8-bit weight. */
const ACTIVATION = 255;
const WEIGHT = 128;

/** A node whose sum of products may leave 32 bits. */
export interface AccumulatorOverflow {
  /** The name of the node. */
  readonly node: string;
  /** The number of products that it adds. */
  readonly terms: number;
  /** The greatest number of products that always fits. */
  readonly limit: number;
}

/**
 * The Conv, Gemm and MatMul nodes whose sums may not fit 32 bits, whatever the scales: they must stay in float.
 *
 * @param types The types of the graph's values.
 */
export function accumulatorOverflows(graph: Graph, types: ReadonlyMap<string, KnownType>): AccumulatorOverflow[] {
  return graph.nodes.filter(({ op }) => LINEAR_OPERATORS.has(op)).flatMap((node): AccumulatorOverflow[] => {
    const right = graph.constants.has(node.inputs[1]!) ? WEIGHT : ACTIVATION;
    const limit = Math.floor(SUM_LIMIT / (ACTIVATION * right));
    const terms = termsOf(node, types);
    return terms > limit ? [{ node: node.name, terms, limit }] : [];
  });
}

/** What the user should know of it. */
export function accumulatorWarning({ node, terms, limit }: AccumulatorOverflow): string {
  return `Node "${node}" stays in FP32: it adds ${terms} products, and more than ${limit} may not fit 32 bits`;
}

function termsOf({ op, inputs, attributes }: Node, types: ReadonlyMap<string, KnownType>): number {
  const [x, w] = inputs.map((name) => types.get(name)?.shape);
  if (op === "Conv") return w ? sizeOf(w.slice(1)) : 0;
  if (!x) return 0;
  return op === "Gemm" && numberOf(attributes, "transA", 0) !== 0 ? x[0]! : x.at(-1) ?? 0;
}

/**
 * For each output channel, the least scale of weights at which the biases of the nodes that read them fit 32 bits.
 *
 * @param readers The nodes that read the weights.
 * @param bias The bias of a node in float, corrected or not; `undefined` where it has none that is constant.
 * @param inputScale The scales of a node's input 0, one or as many as channels; `undefined` where it is not quantized.
 */
export function leastWeightScales(
  readers: Iterable<Node>,
  channels: number,
  bias: (node: Node) => Tensor | undefined,
  inputScale: (node: Node) => ArrayLike<number> | undefined,
): Float64Array {
  const least = new Float64Array(channels);
  for (const node of readers) {
    const [own, scale] = [bias(node), inputScale(node)];
    if (!own || !scale || own.data.length !== channels) continue;
    const at = (c: number): number => scale[scale.length === 1 ? 0 : c]!;
    own.data.forEach((b: number, c: number) => least[c] = Math.max(least[c]!, Math.abs(b) / (at(c) * BIAS_LIMIT)));
  }
  return least;
}
