/**
 * Full bias correction: layer after layer, the bias takes up what all quantization so far changes in the mean of each output
 * channel, as in NNCF's BiasCorrection. Errors of activations count too, and each layer sees the corrections before it.
 *
 * NNCF leaves out the quantizers on the model's inputs meanwhile; here they stay, as in the model that is made.
 *
 * @module
 */
import { applyPlan } from "../graph/apply_plan.ts";
import type { Graph } from "../graph/graph.ts";
import type { QuantizedGraph } from "../graph/quantizers.ts";
import { Rewriter } from "../graph/rewriter.ts";
import type { Backend } from "../runtime/backend.ts";
import { openModel } from "../runtime/model.ts";
import { specialize, type TypedGraph } from "../runtime/specialize.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { correctableLayers, type CorrectionRule, shifted } from "./bias_correction.ts";
import type { CalibrationItem } from "./statistics.ts";
import { channelMean } from "./channel_mean.ts";
import { type ChannelShift, cutAtLayers, type Segment } from "./segments.ts";

/** How many items full bias correction runs at most, for a subset size: a fifth of it, but one at least. */
export function correctionSubset(items: number): number {
  return Math.max(Math.floor(0.2 * items), 1);
}

/** The items of one shape, with the parts of the model for that shape and the values that are kept between the parts. */
interface Batch {
  readonly items: readonly CalibrationItem[];
  readonly typed: TypedGraph;
  readonly segments: readonly Segment[];
  readonly kept: readonly Map<string, Tensor>[];
}

/**
 * The corrected biases, by node name, for {@linkcode QuantizedGraph.biases}.
 *
 * The quantized model runs once over each item, in parts that end at the layers: those of equal depth are corrected together,
 * and what the next parts need is kept in memory meanwhile. Means are taken on the device.
 */
export async function correctBiasesFully(
  model: QuantizedGraph,
  items: readonly CalibrationItem[],
  backend: Backend,
  rule: CorrectionRule,
): Promise<Map<string, Tensor>> {
  const layers = correctableLayers(model, rule);
  const corrected = new Map<string, Tensor>();
  if (layers.length === 0 || items.length === 0) return corrected;
  const axes = new Map(layers.map(({ layer }) => [layer.node.name, layer.axis]));
  const wanted = await floatMeans(model.graph, axes, items, backend);
  const { graph, quantizers, groups, warnings } = model;
  const batches = batchesOf(applyPlan({ graph, quantizers, groups, warnings }, new Set()), [...axes.keys()], items);
  const depth = Math.max(...batches.map(({ segments }) => segments.length));
  const shifts = new Map<string, ChannelShift>();
  for (let level = 0; level < depth; level++) {
    const means = new MeanOfItems();
    for (const batch of batches) await runSegment(batch, level, shifts, axes, means, backend);
    for (const { layer: { node, axis }, bias } of layers) {
      const [mean, float] = [means.of(node.name), wanted.of(node.name)];
      if (!mean || !float) continue;
      const shift = mean.map((m, c) => float[c]! - m);
      const result = shifted(bias?.value ?? null, shift, rule);
      if (!result) continue;
      corrected.set(node.name, result);
      shifts.set(batches[0]!.typed.graph.nodes.find(({ name }) => name === node.name)!.outputs[0]!, { shift, axis });
    }
  }
  return corrected;
}

/** Means of items, by node name; each item counts the same. */
class MeanOfItems {
  readonly #sums = new Map<string, { sum: Float64Array; count: number }>();

  add(node: string, { data }: Tensor): void {
    const own = this.#sums.get(node) ?? { sum: new Float64Array(data.length), count: 0 };
    data.forEach((v: number, c: number) => own.sum[c]! += v);
    own.count++;
    this.#sums.set(node, own);
  }

  of(node: string): Float64Array | undefined {
    const own = this.#sums.get(node);
    return own?.sum.map((s) => s / own.count);
  }
}

async function floatMeans(
  graph: Graph,
  axes: ReadonlyMap<string, 1 | -1>,
  items: readonly CalibrationItem[],
  backend: Backend,
): Promise<MeanOfItems> {
  const means = new MeanOfItems();
  const { types } = specialize(graph, items[0]!);
  const rewriter = new Rewriter(graph);
  const names = new Map<string, string>();
  for (const node of graph.nodes) {
    const axis = axes.get(node.name);
    if (axis) names.set(node.name, channelMean(rewriter, graph.opset, node.outputs[0]!, types, axis));
  }
  const outputs = [...names.values()].map((name) => ({ name, dtype: "f32" as const, shape: null }));
  await using model = openModel(rewriter.finish({ outputs }), backend);
  for (const item of items) {
    const results = await model.run(item);
    for (const [node, name] of names) means.add(node, results[name]!);
  }
  return means;
}

/** The items by the shapes of their inputs. */
function batchesOf(quantized: Graph, layers: readonly string[], items: readonly CalibrationItem[]): Batch[] {
  const byShape = Map.groupBy(
    items,
    (item) => quantized.inputs.map(({ name }) => item[name]!.shape.join("x")).join(" "),
  );
  return [...byShape.values()].map((own) => {
    const typed = specialize(quantized, own[0]!);
    return { items: own, typed, segments: cutAtLayers(typed.graph, layers), kept: own.map(() => new Map()) };
  });
}

/** Runs one part over the items of a batch, adds the means of its layers, and keeps what later parts need. */
async function runSegment(
  { items, typed, segments, kept }: Batch,
  level: number,
  shifts: ReadonlyMap<string, ChannelShift>,
  axes: ReadonlyMap<string, 1 | -1>,
  means: MeanOfItems,
  backend: Backend,
): Promise<void> {
  const segment = segments[level];
  if (!segment) return;
  const rewriter = segment.rewriter(typed.types, shifts);
  const names = new Map(segment.layers.map((node) => {
    const axis = axes.get(node.name)!;
    return [node.name, channelMean(rewriter, typed.graph.opset, node.outputs[0]!, typed.types, axis)];
  }));
  const values = new Set([...names.values(), ...segment.kept]);
  const outputs = [...values].map((name) => ({ name, dtype: "f32" as const, shape: null }));
  await using model = openModel(rewriter.finish({ outputs }), backend);
  for (const [i, item] of items.entries()) {
    const own = kept[i]!;
    const inputs = model.inputs.map(({ name }) => [name, own.get(name) ?? item[name]!] as const);
    const results = await model.run(Object.fromEntries(inputs));
    for (const [node, name] of names) means.add(node, results[name]!);
    for (const name of segment.kept) own.set(name, results[name]!);
    for (const name of segment.lastUses) own.delete(name);
  }
}
