/** Post-training quantization of a float graph. @module */
import type { Graph, Node } from "../graph/graph.ts";
import { LINEAR_OPERATORS, type QuantizedGraph, type Quantizer } from "../graph/quantizers.ts";
import type { Backend } from "../runtime/backend.ts";
import { checkInput } from "../runtime/model.ts";
import { openBackend } from "../runtime/open.ts";
import { simplify } from "../runtime/simplify.ts";
import { specialize } from "../runtime/specialize.ts";
import type { QuantizationParameters } from "../tensor/quantization.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";
import { calibrate } from "./calibrate.ts";
import { ignoredNodes, type IgnoredScope } from "./ignored_scope.ts";
import { type Placement, placeQuantizers } from "./placement.ts";
import type { Range } from "./range_search.ts";
import { requireFloat } from "./require_float.ts";
import type { CalibrationItem } from "./statistics.ts";
import { QUANTIZED_OPSETS, upgrade } from "./upgrade.ts";

/** Options of {@linkcode quantize}. */
export interface QuantizeOptions {
  /** How many calibration items are used at most. Default 300. */
  readonly subsetSize?: number;
  /** Whether each output channel of a weight has its own scale. Default true; false where the target allows one scale for a tensor. */
  readonly perChannel?: boolean;
  /** Operations that stay in float. */
  readonly ignoredScope?: IgnoredScope;
  /** Where the calibration runs. Default: WebGPU where there is an adapter, else the CPU. */
  readonly backend?: Backend;
  /** Called after each calibration item. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Quantizes a float graph to 8 bits: weights symmetric in i8, activations in u8 over the range between the least and the
 * greatest value that the calibration items give (MinMax).
 *
 * @param calibration Items like those that the model will see; labels are not needed.
 * @throws {RangeError} Where there are no items, an item does not fit the model, or its numbers are not finite.
 */
export async function quantize(
  graph: Graph,
  calibration: Iterable<CalibrationItem> | AsyncIterable<CalibrationItem>,
  options: QuantizeOptions = {},
): Promise<QuantizedGraph> {
  const { subsetSize = 300, perChannel = true, onProgress = () => {} } = options;
  if (!Number.isInteger(subsetSize) || subsetSize < 1) {
    throw new RangeError(`"subsetSize" must be a positive whole number: current value is ${subsetSize}`);
  }
  requireFloat(graph);
  const items = await take(calibration, subsetSize);
  for (const item of items) for (const input of graph.inputs) checkInput(input, item[input.name]);
  const float = simplify(graph);
  const opset = perChannel ? QUANTIZED_OPSETS.perChannel : QUANTIZED_OPSETS.perTensor;
  const raised = simplify(upgrade(float, specialize(float, items[0]!).types, opset));
  const { types } = specialize(raised, items[0]!);
  const ignored = ignoredNodes(graph, options.ignoredScope ?? {});
  const { placements, groups } = placeQuantizers(raised, types, (node) => ignored.has(node.name));
  const values = placements.flatMap(({ kind, sites }) => kind === "activation" ? sites.map((site) => site.value) : []);

  const own = options.backend ? null : await openBackend();
  let ranges: Map<string, Range>;
  try {
    const total = items.length;
    ranges = await calibrate(raised, values, items, options.backend ?? own!, (done) => onProgress(done, total));
  } finally {
    await own?.[Symbol.asyncDispose]();
  }
  const warnings: string[] = [...graph.warnings ?? []];
  if (groups.length === 0) {
    warnings.push("Nothing in this model can be quantized: it has no Conv, MatMul or Gemm in scope");
  }
  const activations = placements.filter(({ kind }) => kind === "activation")
    .map((placement) => withParameters(placement, activationParameters(placement, ranges)));
  const scaleAt = scalesByReader(activations);
  const weights = placements.filter(({ kind }) => kind === "weight").map((placement) =>
    withParameters(placement, weightParameters(raised, placement, perChannel, scaleAt, warnings))
  );
  return { graph: raised, quantizers: [...activations, ...weights], groups, warnings };
}

async function take(
  calibration: Iterable<CalibrationItem> | AsyncIterable<CalibrationItem>,
  count: number,
): Promise<CalibrationItem[]> {
  const items: CalibrationItem[] = [];
  for await (const item of calibration) {
    items.push(item);
    if (items.length === count) break;
  }
  if (items.length === 0) throw new RangeError("The calibration set is empty: at least one item is needed");
  return items;
}

function withParameters({ id, kind, sites, groups }: Placement, parameters: QuantizationParameters): Quantizer {
  return { id, kind, sites, groups, parameters };
}

/** The smallest scale used: quotients by it stay finite in f32. */
const LEAST_SCALE = 1e-30;

/** An asymmetric u8 range that holds zero exactly. */
function activationParameters({ sites }: Placement, ranges: ReadonlyMap<string, Range>): QuantizationParameters {
  const own = sites.map((site) => ranges.get(site.value)!);
  const min = Math.min(0, ...own.map((range) => range.min));
  const max = Math.max(0, ...own.map((range) => range.max));
  const scale = max > min ? Math.max(Math.fround((max - min) / 255), LEAST_SCALE) : 1;
  const zero = Math.min(255, Math.max(0, Math.round(-min / scale)));
  return { dtype: "u8", axis: null, scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zero) };
}

/** The activation scale that each node reads its input 0 through. */
function scalesByReader(activations: readonly Quantizer[]): Map<string, number> {
  return new Map(
    activations.flatMap(({ sites, parameters }) =>
      sites.flatMap(({ readers }) =>
        readers.filter(({ input }) => input === 0).map(({ node }): [string, number] => [node, parameters.scale[0]!])
      )
    ),
  );
}

/** A bias at scale `x * weights` must stay below this to be added in 32 bits. */
const BIAS_LIMIT = 2 ** 29;

function weightParameters(
  graph: Graph,
  { sites, channelAxis }: Placement,
  perChannel: boolean,
  scaleAt: ReadonlyMap<string, number>,
  warnings: string[],
): QuantizationParameters {
  const { value, readers } = sites[0]!;
  const weights = graph.constants.get(value)!;
  const axis = perChannel ? channelAxis! : null;
  const largest = largestByChannel(weights, channelAxis!);
  const all = Math.max(...largest);
  const needed = leastScales(
    graph.nodes.filter((n) => readers.some((r) => r.node === n.name)),
    graph,
    scaleAt,
    largest.length,
  );
  const channels = largest.map((own, c) => {
    const scale = (own > 0 ? own : all) / 127;
    if (needed[c]! > scale) warnings.push(biasWarning(value, c, needed[c]! / scale));
    return Math.max(scale, needed[c]!, LEAST_SCALE);
  });
  const scale = axis === null ? [Math.max(all / 127, ...needed, LEAST_SCALE)] : channels;
  return { dtype: "i8", axis, scale: Float32Array.from(scale), zeroPoint: new Int32Array(scale.length) };
}

function biasWarning(value: string, channel: number, factor: number): string {
  return `The scale of weights "${value}", channel ${channel}, was raised ${
    factor.toPrecision(2)
  } times: its bias would not fit 32 bits`;
}

function largestByChannel({ data, shape }: Tensor, axis: number): number[] {
  const inner = sizeOf(shape.slice(axis + 1));
  const largest = new Array<number>(shape[axis]!).fill(0);
  data.forEach((w: number, i: number) => {
    const c = Math.floor(i / inner) % shape[axis]!;
    largest[c] = Math.max(largest[c]!, Math.abs(w));
  });
  return largest;
}

/** For each channel, the least weight scale at which the bias fits 32 bits. */
function leastScales(
  readers: readonly Node[],
  graph: Graph,
  scaleAt: ReadonlyMap<string, number>,
  channels: number,
): number[] {
  const least = new Array<number>(channels).fill(0);
  for (const node of readers) {
    const bias = LINEAR_OPERATORS.has(node.op) ? graph.constants.get(node.inputs[2] ?? "") : undefined;
    const scale = scaleAt.get(node.name);
    if (!bias || !scale || bias.data.length !== channels) continue;
    bias.data.forEach((b: number, c: number) => least[c] = Math.max(least[c]!, Math.abs(b) / (scale * BIAS_LIMIT)));
  }
  return least;
}
