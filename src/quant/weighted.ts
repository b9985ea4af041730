/** Conv, Gemm and MatMul nodes with constant weights, seen as one kind of layer. @module */
import type { Graph, Node, Use } from "../graph/graph.ts";
import { numberOf } from "../ops/op.ts";
import { sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";

/** A layer that multiplies by constant weights. */
export interface Weighted {
  /** The node. */
  readonly node: Node;
  /** The name of the weights. */
  readonly name: string;
  /** The weights. */
  readonly weights: Tensor;
  /** Number of input channels. */
  readonly inputs: number;
  /** Number of output channels. */
  readonly outputs: number;
  /** Parts that the channels fall into; each output channel reads those of its part. */
  readonly groups: number;
  /** Weights for each pair of channels: the positions of a convolution kernel. */
  readonly taps: number;
  /** The axis of the channels in input 0 and in the output: 1, or -1 for the last one. */
  readonly axis: 1 | -1;
}

/**
 * The layer of a node, or `null` where its weights are not constant matrices or kernels in f32.
 *
 * A Gemm with a transposed or scaled input is none.
 */
export function weightedOf(graph: Graph, node: Node): Weighted | null {
  const name = node.inputs[1] ?? "";
  const weights = graph.constants.get(name);
  if (!weights || weights.dtype !== "f32") return null;
  const { shape } = weights;
  const common = { node, name, weights };
  if (node.op === "Conv") {
    const groups = numberOf(node.attributes, "group", 1);
    const [outputs, inputs] = [shape[0]!, shape[1]! * groups];
    return { ...common, inputs, outputs, groups, taps: sizeOf(shape.slice(2)), axis: 1 };
  }
  if (shape.length !== 2) return null;
  if (node.op === "MatMul") {
    return { ...common, inputs: shape[0]!, outputs: shape[1]!, groups: 1, taps: 1, axis: -1 };
  }
  const plain = node.op === "Gemm" && numberOf(node.attributes, "transA", 0) === 0 &&
    ["alpha", "beta"].every((factor) => numberOf(node.attributes, factor, 1) === 1);
  if (!plain) return null;
  const [inputs, outputs] = isTransposed(node) ? [shape[1]!, shape[0]!] : [shape[0]!, shape[1]!];
  return { ...common, inputs, outputs, groups: 1, taps: 1, axis: -1 };
}

/** All layers of a graph, in its order. */
export function weightedLayers(graph: Graph): Weighted[] {
  return graph.nodes.flatMap((node) => weightedOf(graph, node) ?? []);
}

/** Whether a layer is the only reader of its weights. */
export function ownsWeights({ name }: Weighted, uses: ReadonlyMap<string, readonly Use[]>): boolean {
  return uses.get(name)!.length === 1;
}

/** Calls `visit` with the index of each weight, its output and input channel, and its position in the kernel. */
export function forEachWeight(
  { node, inputs, outputs, groups, taps }: Weighted,
  visit: (index: number, output: number, input: number, tap: number) => void,
): void {
  const [perGroup, outputsPerGroup] = [inputs / groups, outputs / groups];
  const [outputStride, inputStride] = node.op === "Conv" || isTransposed(node) ? [perGroup * taps, taps] : [1, outputs];
  for (let output = 0; output < outputs; output++) {
    const first = Math.floor(output / outputsPerGroup) * perGroup;
    for (let i = 0; i < perGroup; i++) {
      const start = output * outputStride + i * inputStride;
      for (let tap = 0; tap < taps; tap++) visit(start + tap, output, first + i, tap);
    }
  }
}

/** The greatest absolute weight of each input or output channel. */
export function weightMaxima(layer: Weighted, side: "inputs" | "outputs"): Float64Array {
  const maxima = new Float64Array(layer[side]);
  const { data } = layer.weights;
  forEachWeight(layer, (index, output, input) => {
    const channel = side === "inputs" ? input : output;
    maxima[channel] = Math.max(maxima[channel]!, Math.abs(data[index]!));
  });
  return maxima;
}

/** The weights, each times a factor for its output and input channel. */
export function scaledWeights(layer: Weighted, factor: (output: number, input: number) => number): Tensor {
  const { data, shape } = layer.weights;
  const scaled = new Float32Array(data.length);
  forEachWeight(layer, (index, output, input) => scaled[index] = data[index]! * factor(output, input));
  return tensor("f32", shape, scaled);
}

/** The values that layers read, with the axis of their channels; a layer that needs another axis of such a value is left out. */
export function channelAxes(layers: Iterable<Weighted>): Map<string, 1 | -1> {
  const axes = new Map<string, 1 | -1>();
  for (const { node, axis } of layers) {
    const value = node.inputs[0]!;
    if (!axes.has(value)) axes.set(value, axis);
  }
  return axes;
}

function isTransposed({ attributes }: Node): boolean {
  return numberOf(attributes, "transB", 0) !== 0;
}
