/** The ranges of quantized values, beside what the values really take. @module */
import type { Graph } from "../graph/graph.ts";
import { isActive, type Plan, type QuantizedGraph, type Quantizer } from "../graph/quantizers.ts";
import { Rewriter } from "../graph/rewriter.ts";
import type { CalibrationItem } from "../quant/statistics.ts";
import type { Backend } from "../runtime/backend.ts";
import { openModel } from "../runtime/model.ts";
import { type QuantizationParameters, rangeOf } from "../tensor/quantization.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ReportRange } from "./data.ts";

/** What has been seen of a value. */
interface Seen {
  least: number;
  greatest: number;
  clipped: number;
  count: number;
}

/**
 * The ranges of all quantizers of a model, weights and activations, in the order of the network.
 *
 * Weights are looked at as they are; activations are those of the float model for the given items.
 *
 * @param plan Decides which quantizers count as used.
 */
export async function rangesOf(
  model: QuantizedGraph,
  plan: Plan,
  items: readonly CalibrationItem[],
  backend: Backend,
): Promise<ReportRange[]> {
  const seen = new Map<Quantizer, Seen>(
    model.quantizers.map((own) => [own, { least: Infinity, greatest: -Infinity, clipped: 0, count: 0 }]),
  );
  const activations = model.quantizers.filter(({ kind }) => kind === "activation");
  for (const quantizer of model.quantizers) {
    const value = quantizer.kind === "weight" ? model.graph.constants.get(quantizer.sites[0]!.value) : undefined;
    if (value) look(seen.get(quantizer)!, value, quantizer.parameters);
  }
  await using observed = openModel(withOutputs(model.graph, activations), backend);
  for (const item of items) {
    const outputs = await observed.run(item);
    for (const quantizer of activations) {
      for (const { value } of quantizer.sites) {
        const tensor = item[value] ?? outputs[value];
        if (tensor) look(seen.get(quantizer)!, tensor, quantizer.parameters);
      }
    }
  }
  const places = placesIn(model.graph);
  return model.quantizers
    .toSorted((a, b) => placeOf(a, places) - placeOf(b, places))
    .map((quantizer) => rangeFor(quantizer, plan, seen.get(quantizer)!));
}

/** The graph with the values that quantizers act on as further outputs. */
function withOutputs(graph: Graph, activations: readonly Quantizer[]): Graph {
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const present = new Set(graph.outputs.map(({ name }) => name));
  const values = new Set(activations.flatMap(({ sites }) => sites.map(({ value }) => value)));
  const further = [...values].filter((name) => !inputs.has(name) && !present.has(name));
  return new Rewriter(graph).finish({
    outputs: [...graph.outputs, ...further.map((name) => ({ name, dtype: "f32" as const, shape: null }))],
  });
}

function look(seen: Seen, { data, shape }: Tensor, { scale, zeroPoint, axis, dtype }: QuantizationParameters): void {
  const ends = rangeOf(dtype);
  const inner = axis === null ? 1 : shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  for (let i = 0; i < data.length; i++) {
    const channel = axis === null ? 0 : Math.floor(i / inner) % shape[axis]!;
    const value = data[i]!;
    const place = value / scale[channel]! + zeroPoint[channel]!;
    if (value < seen.least) seen.least = value;
    if (value > seen.greatest) seen.greatest = value;
    if (place < ends[0] - 0.5 || place > ends[1] + 0.5) seen.clipped++;
  }
  seen.count += data.length;
}

function rangeFor(quantizer: Quantizer, plan: Plan, { least, greatest, clipped, count }: Seen): ReportRange {
  const { kind, sites, parameters: { dtype, scale, zeroPoint } } = quantizer;
  const [low, high] = rangeOf(dtype);
  const ends = (q: number): number[] => Array.from(scale, (own, channel) => (q - zeroPoint[channel]!) * own);
  return {
    value: sites[0]!.value,
    kind,
    dtype,
    channels: scale.length,
    scale: extent(scale),
    zeroPoint: extent(zeroPoint),
    representable: [extent(ends(low))[0], extent(ends(high))[1]],
    ...(count > 0 && { seen: [least, greatest], clipped: clipped / count }),
    used: isActive(quantizer, plan),
  };
}

function extent(values: ArrayLike<number>): [number, number] {
  let [least, greatest] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    least = Math.min(least, values[i]!);
    greatest = Math.max(greatest, values[i]!);
  }
  return [least, greatest];
}

/** The place of each node in the graph, by name. */
function placesIn(graph: Graph): Map<string, number> {
  return new Map(graph.nodes.map(({ name }, i) => [name, i]));
}

/** Where a value is first read. */
function placeOf({ sites }: Quantizer, places: ReadonlyMap<string, number>): number {
  return Math.min(...sites.flatMap(({ readers }) => readers.map(({ node }) => places.get(node) ?? Infinity)));
}
