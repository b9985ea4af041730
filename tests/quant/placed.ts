/** Placements with numbers, taken from one run of the float graph. */
import type { Graph } from "../../src/graph/graph.ts";
import type { QuantizedGraph, Quantizer } from "../../src/graph/quantizers.ts";
import { type Placement, type PlacementSettings, placeQuantizers } from "../../src/quant/placement.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import type { QuantizationParameters } from "../../src/tensor/quantization.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { interpret } from "../graphs.ts";

/** Settings that leave everything as it is by default. */
export const SETTINGS: PlacementSettings = {
  preset: null,
  targetDevice: "any",
  quantizeOutputs: false,
  activations: {},
  weights: {},
  propagationRule: "merge_all_in_one",
  transformer: false,
};

/** The graph with quantizers as placed, each with the range that its values take for an item. */
export function quantizedBy(
  graph: Graph,
  item: Readonly<Record<string, Tensor>>,
  settings: Partial<PlacementSettings> = {},
): QuantizedGraph {
  const { placements, groups } = placeQuantizers(graph, specialize(graph, item).types, { ...SETTINGS, ...settings });
  const names = [...new Set(placements.flatMap(({ sources }) => sources))].filter((name) => !graph.constants.has(name));
  const computed = names.filter((name) => !Object.hasOwn(item, name));
  const observed = { ...graph, outputs: computed.map((name) => ({ name, dtype: "f32" as const, shape: null })) };
  const values = new Map([...graph.constants, ...Object.entries(item), ...Object.entries(interpret(observed, item))]);
  const quantizers = placements.map((placement): Quantizer => {
    const { id, kind, sites, groups } = placement;
    return {
      id,
      kind,
      sites,
      groups,
      parameters: parametersOf(placement, placement.sources.map((v) => values.get(v)!)),
    };
  });
  return { graph, quantizers, groups, warnings: [] };
}

function parametersOf({ kind, axis, mode, signed }: Placement, tensors: readonly Tensor[]): QuantizationParameters {
  const count = axis === null ? 1 : tensors[0]!.shape[axis]!;
  const [low, high] = [new Array<number>(count).fill(0), new Array<number>(count).fill(0)];
  for (const { shape, data } of tensors) {
    const inner = axis === null ? 1 : shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    data.forEach((v: number, i: number) => {
      const c = axis === null ? 0 : Math.floor(i / inner) % count;
      [low[c], high[c]] = [Math.min(low[c]!, v), Math.max(high[c]!, v)];
    });
  }
  const negative = kind === "weight" || signed === true || low.some((v) => v < 0);
  if (mode === "symmetric") {
    const steps = negative ? 127 : 255;
    const scale = Float32Array.from(low, (v, c) => Math.max(-v, high[c]!, 1e-4) / steps);
    return { dtype: negative ? "i8" : "u8", axis, scale, zeroPoint: new Int32Array(count) };
  }
  const scale = Float32Array.from(low, (v, c) => Math.max(high[c]! - v, 1e-4) / 255);
  const zeroPoint = Int32Array.from(low, (v, c) => Math.round(-v / scale[c]!));
  return { dtype: "u8", axis, scale, zeroPoint };
}
