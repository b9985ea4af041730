/** From placements and statistics to quantizers with their numbers. @module */
import type { Graph } from "../graph/graph.ts";
import type { Quantizer } from "../graph/quantizers.ts";
import type { Ranged } from "./guards.ts";
import { estimateConstantRanges, estimateRanges, rangeRequests } from "./estimate.ts";
import type { QuantizationSettings } from "./settings.ts";
import { halfRangeWeights } from "./overflow_fix.ts";
import { leastWeightScales } from "./overflow_guard.ts";
import { parametersOf, type QuantizerForm, type Ranges } from "./parameters.ts";
import type { Placement } from "./placement.ts";
import type { RangeEstimator } from "./range_estimator.ts";
import type { Sampled, Statistics, StatisticsRequest } from "./statistics.ts";

/** What the numbers of quantizers depend on. */
type Settings = Pick<QuantizationSettings, "activationsRange" | "weightsRange" | "overflowFix">;

function isActivation({ kind }: Placement): boolean {
  return kind === "activation";
}

function formOf({ kind, mode, narrowRange, signed }: Placement): QuantizerForm {
  return { kind, mode, narrowRange, ...(signed !== null && { signed }) };
}

function estimatorOf({ axis }: Placement, { activationsRange }: Settings): RangeEstimator {
  return activationsRange[axis === null ? "perTensor" : "perChannel"];
}

function sampled({ axis }: Placement, value: string, batchwise: boolean): Sampled {
  return { value, axis, ...(batchwise && { batchwise }) };
}

/** A quantizer, and the ranges of each value that it was made from. */
export interface Made {
  /** The quantizer. */
  readonly quantizer: Quantizer;
  /** The ranges, by value or constant. */
  readonly ranges: readonly Ranged[];
}

/** What must be collected for the quantizers of activations. */
export function activationRequests(
  placements: readonly Placement[],
  settings: Settings,
  batchwise: boolean,
): StatisticsRequest[] {
  return placements.filter(isActivation).flatMap((placement) =>
    placement.sources.flatMap((value) =>
      rangeRequests(estimatorOf(placement, settings), formOf(placement), sampled(placement, value, batchwise))
    )
  );
}

/** The quantizers of activations. {@linkcode activationRequests} must have been collected. */
export function activationQuantizers(
  placements: readonly Placement[],
  settings: Settings,
  batchwise: boolean,
  statistics: Pick<Statistics, "numbers" | "distributions">,
): Made[] {
  return placements.filter(isActivation).map((placement) => {
    const form = formOf(placement);
    const ranges = placement.sources.map((value) =>
      estimateRanges(estimatorOf(placement, settings), form, sampled(placement, value, batchwise), statistics)
    );
    return made(placement, placement.sources, ranges, form);
  });
}

/** The quantizers of weights, from their elements. */
export function weightQuantizers(graph: Graph, placements: readonly Placement[], settings: Settings): Made[] {
  const weights = placements.filter(({ kind }) => kind === "weight");
  const half = halfRangeWeights(graph, new Set(weights.map(({ id }) => id)), settings.overflowFix);
  return weights.map((placement) => {
    const form: QuantizerForm = {
      ...formOf(placement),
      halfRange: half.has(placement.id) && placement.mode === "symmetric",
    };
    const { value } = placement.sites[0]!;
    const constant = graph.constants.get(value)!;
    const ranges = estimateConstantRanges(settings.weightsRange, form, constant, placement.axis);
    return made(placement, [value], [ranges], form);
  });
}

function union(a: Ranges, b: Ranges): Ranges {
  return { min: a.min.map((x, c) => Math.min(x, b.min[c]!)), max: a.max.map((x, c) => Math.max(x, b.max[c]!)) };
}

function made(
  { id, kind, sites, groups, axis }: Placement,
  values: readonly string[],
  ranges: readonly Ranges[],
  form: QuantizerForm,
): Made {
  const parameters = parametersOf(ranges.reduce(union), form, axis);
  return {
    quantizer: { id, kind, sites, groups, parameters },
    ranges: values.map((value, i) => ({ value, kind, ranges: ranges[i]!, parameters })),
  };
}

/**
 * The weights' quantizers with scales at which all biases fit 32 bits: those of channels with little weight and a large bias
 * are raised.
 */
export function fittingBiases(
  graph: Graph,
  weights: readonly Quantizer[],
  activations: readonly Quantizer[],
): { readonly weights: readonly Quantizer[]; readonly warnings: readonly string[] } {
  const scales = new Map(
    activations.flatMap(({ sites, parameters: { scale } }) =>
      sites.flatMap(({ readers }) =>
        readers.filter(({ input }) => input === 0).map(({ node }) => [node, scale] as const)
      )
    ),
  );
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const warnings: string[] = [];
  const fitting = weights.map((own): Quantizer => {
    const { value, readers } = own.sites[0]!;
    const { scale, axis } = own.parameters;
    const channels = axis === null ? outputsOf(graph, own) : scale.length;
    const least = leastWeightScales(
      readers.map(({ node }) => nodes.get(node)!).filter(({ op }) => op === "Conv" || op === "Gemm"),
      channels,
      (node) => graph.constants.get(node.inputs[2] ?? ""),
      (node) => scales.get(node.name),
    );
    const needed = axis === null ? [Math.max(...least)] : least;
    if (scale.every((s, c) => s >= needed[c]!)) return own;
    scale.forEach((s, c) => {
      if (s < needed[c]!) warnings.push(biasWarning(value, axis === null ? null : c, needed[c]! / s));
    });
    return { ...own, parameters: { ...own.parameters, scale: scale.map((s, c) => Math.max(s, needed[c]!)) } };
  });
  return { weights: fitting, warnings };
}

/** The length of the bias that goes with weights of one scale. */
function outputsOf({ nodes, constants }: Graph, { sites }: Quantizer): number {
  const bias = nodes.find(({ name }) => name === sites[0]!.readers[0]!.node)?.inputs[2];
  return constants.get(bias ?? "")?.data.length ?? 0;
}

function biasWarning(value: string, channel: number | null, factor: number): string {
  const where = channel === null ? "" : `, channel ${channel},`;
  return `The scale of weights "${value}"${where} was raised ${
    factor.toPrecision(2)
  } times: a bias would not fit 32 bits`;
}
