/**
 * Fast bias correction: what the error of quantized weights adds to the mean of each output channel is taken off the bias.
 *
 * Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.2, with measured
 * means as in NNCF's FastBiasCorrection. NNCF compares with the mean of the real output; here both sides see the same
 * constant input, so that what a constant input does to a padded image cancels.
 *
 * @module
 */
import { type Bias, biasOf } from "../graph/biases.ts";
import { usesOf } from "../graph/graph.ts";
import { dequantizeTensor, type QuantizedGraph, type Quantizer, quantizeTensor } from "../graph/quantizers.ts";
import { type Window, windowOf } from "../ops/_window.ts";
import { type KnownType, type Tensor, tensor } from "../tensor/tensor.ts";
import { channelAxes, forEachWeight, type Weighted, weightedLayers } from "./weighted.ts";

/** When a correction is applied. */
export interface CorrectionRule {
  /** The greatest relative change of a bias element, absolute: a layer in which one changes as much or more is left alone. */
  readonly threshold: number;
  /** Whether layers are corrected whatever the change, also where an element is 0 or there is no bias. Default false. */
  readonly everywhere?: boolean;
}

/** The part of a quantized model that layers are found in. */
export type QuantizedLayers = Pick<QuantizedGraph, "graph" | "quantizers">;

/** A layer whose weights are quantized. */
export interface Correctable {
  /** The layer. */
  readonly layer: Weighted;
  /** Its bias, or `null`. */
  readonly bias: Bias | null;
  /** The quantizer of its weights. */
  readonly quantizer: Quantizer;
}

/** The layers whose biases a rule lets be corrected, in graph order. */
export function correctableLayers({ graph, quantizers }: QuantizedLayers, rule: CorrectionRule): Correctable[] {
  const uses = usesOf(graph);
  const weights = new Map(quantizers.filter(({ kind }) => kind === "weight").map((own) => [own.sites[0]!.value, own]));
  return weightedLayers(graph).flatMap((layer): Correctable[] => {
    const { node, name, outputs } = layer;
    const quantizer = weights.get(name);
    if (!quantizer || !quantizer.sites[0]!.readers.some((reader) => reader.node === node.name)) return [];
    const bias = biasOf(graph, uses, node);
    const fits = bias
      ? bias.value.shape.at(-1) === outputs
      : rule.everywhere && node.op !== "MatMul" && !node.inputs[2];
    return fits ? [{ layer, bias, quantizer }] : [];
  });
}

/** The values whose means fast bias correction needs, with the axis along which each channel has its own. */
export function inputMeansNeeded(model: QuantizedLayers, rule: CorrectionRule): Map<string, 1 | -1> {
  return channelAxes(correctableLayers(model, rule).map(({ layer }) => layer));
}

/**
 * The corrected biases, by node name, for {@linkcode QuantizedGraph.biases}.
 *
 * @param means The mean of each channel of the values of {@linkcode inputMeansNeeded}; layers without are left alone.
 * @param types The types of the graph's values, for any batch size: the padding of images counts.
 */
export function correctBiases(
  model: QuantizedGraph,
  means: ReadonlyMap<string, ArrayLike<number>>,
  types: ReadonlyMap<string, KnownType>,
  rule: CorrectionRule,
): Map<string, Tensor> {
  const layers = correctableLayers(model, rule);
  const axes = channelAxes(layers.map(({ layer }) => layer));
  const corrected = new Map<string, Tensor>();
  for (const { layer, bias, quantizer } of layers) {
    const value = layer.node.inputs[0]!;
    const own = means.get(value);
    const type = types.get(value);
    if (!own || !type || own.length !== layer.inputs || axes.get(value) !== layer.axis) continue;
    const shares = layer.node.op === "Conv"
      ? tapShares(windowOf(layer.node.attributes, type.shape, layer.weights.shape))
      : Float64Array.of(1);
    const result = shifted(bias?.value ?? null, meanError(layer, quantizer, own, shares), rule);
    if (result) corrected.set(layer.node.name, result);
  }
  return corrected;
}

/**
 * For each position of a convolution kernel, the share of output positions at which it lies inside the image.
 *
 * A constant input meets each weight that often: with zero padding, the mean of the output is the sum of weight, input and
 * share.
 */
export function tapShares({ input, output, kernel, stride, pad, dilation }: Window): Float64Array {
  const along = (axis: 0 | 1): number[] =>
    Array.from({ length: kernel[axis] }, (_, tap) => {
      let inside = 0;
      for (let at = 0; at < output[axis]; at++) {
        const position = at * stride[axis] + tap * dilation[axis] - pad[axis];
        if (position >= 0 && position < input[axis]) inside++;
      }
      return inside / output[axis];
    });
  const [rows, columns] = [along(0), along(1)];
  return Float64Array.from(rows.flatMap((row) => columns.map((column) => row * column)));
}

/**
 * A bias with a shift added, or `null` where the rule leaves it alone.
 *
 * @param bias Its last axis runs along the channels; `null` stands for zeros.
 * @param shift What is added to each channel.
 */
export function shifted(bias: Tensor | null, shift: Float64Array, rule: CorrectionRule): Tensor | null {
  if (shift.some((s) => !Number.isFinite(s))) return null;
  if (!bias) return rule.everywhere ? tensor("f32", [shift.length], Float32Array.from(shift)) : null;
  const { shape, data } = bias;
  const result = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const change = shift[i % shift.length]!;
    if (!rule.everywhere && !(Math.abs(change / data[i]!) < rule.threshold)) return null;
    result[i] = data[i]! + change;
  }
  return tensor("f32", shape, result);
}

/** The mean over output positions of what the float weights give more than the quantized ones, on a constant input. */
function meanError(
  layer: Weighted,
  { parameters }: Quantizer,
  means: ArrayLike<number>,
  shares: Float64Array,
): Float64Array {
  const { weights, outputs } = layer;
  const quantized = dequantizeTensor(quantizeTensor(weights, parameters), parameters).data;
  const error = new Float64Array(outputs);
  forEachWeight(layer, (index, output, input, tap) => {
    error[output]! += (weights.data[index]! - quantized[index]!) * means[input]! * shares[tap]!;
  });
  return error;
}
