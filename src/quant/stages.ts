/**
 * The stages of a quantization, from a float graph and calibration items to quantizers and corrected biases.
 *
 * What stages of one model have in common under several settings is done once, so that recipes can be compared at little
 * cost: equivalent float graphs, placements, and above all the runs over the calibration items.
 *
 * @module
 */
import type { Graph, Node } from "../graph/graph.ts";
import type { QuantizedGraph, Quantizer } from "../graph/quantizers.ts";
import type { Backend } from "../runtime/backend.ts";
import { simplify } from "../runtime/simplify.ts";
import { specialize } from "../runtime/specialize.ts";
import type { KnownType } from "../tensor/tensor.ts";
import { correctBiases, type CorrectionRule, inputMeansNeeded } from "./bias_correction.ts";
import { type CalibrationSet, firstOf } from "./calibration_set.ts";
import { alignChannels, channelRangesNeeded } from "./channel_alignment.ts";
import { equalizeLayers } from "./equalization.ts";
import { correctBiasesFully, correctionSubset } from "./full_bias_correction.ts";
import { rangeWarnings } from "./guards.ts";
import { ignoredNodes } from "./ignored_scope.ts";
import { type NetworkKind, networkKindOf } from "./network_kind.ts";
import type { QuantizationSettings } from "./settings.ts";
import { accumulatorOverflows, accumulatorWarning } from "./overflow_guard.ts";
import { type Placements, placeQuantizers } from "./placement.ts";
import { activationQuantizers, activationRequests, fittingBiases, type Made, weightQuantizers } from "./quantizers.ts";
import { QUANTILE_OUTLIER_PROB } from "./range_estimator.ts";
import { absoluteMaximaNeeded, type Alphas, smoothActivations } from "./smooth_quant.ts";
import type { Distribution } from "./distribution.ts";
import {
  collectStatistics,
  type DistributionRequest,
  type NumberRequest,
  requestKey,
  type Statistics,
  type StatisticsRequest,
} from "./statistics.ts";
import { QUANTIZED_OPSETS, upgrade } from "./upgrade.ts";

/** A float graph that is ready to be quantized. */
interface Float {
  readonly graph: Graph;
  readonly types: ReadonlyMap<string, KnownType>;
  /** Names of the nodes that stay in float, and why where the user did not say so. */
  readonly ignored: ReadonlySet<string>;
  readonly kind: NetworkKind;
  readonly batchwise: boolean;
  readonly warnings: readonly string[];
}

/** A model's quantization under any settings. */
export class Stages {
  readonly #graph: Graph;
  readonly #items: CalibrationSet;
  readonly #backend: Backend;
  readonly #onItem: () => void;
  /** Results of stages, by what they depend on. */
  readonly #known = new Map<string, Promise<unknown>>();
  readonly #pools = new Map<Graph, StatisticsPool>();
  #anticipated: readonly QuantizationSettings[] = [];

  /**
   * @param graph The float graph as it was read.
   * @param items Items that fit it.
   * @param onItem Called for each run of an item that statistics are taken in.
   */
  constructor(graph: Graph, items: CalibrationSet, backend: Backend, onItem: () => void) {
    this.#graph = graph;
    this.#items = items;
    this.#backend = backend;
    this.#onItem = onItem;
  }

  /** Says which settings will come, so that one run over the items takes the statistics for all. */
  anticipate(settings: readonly QuantizationSettings[]): void {
    this.#anticipated = settings;
  }

  /** The model under some settings, whole in 8 bits, and what kind of network it was taken for. */
  async quantize(
    settings: QuantizationSettings,
  ): Promise<{ readonly model: QuantizedGraph; readonly network: NetworkKind }> {
    const float = await this.#float(settings);
    const { placements, groups } = await this.#placements(float, settings);
    const { graph } = float;
    const pool = await this.#statistics(float, settings);
    const made = [
      ...activationQuantizers(placements, settings, float.batchwise, pool),
      ...await this.#weights(float, settings),
    ];
    const [activations, floatWeights] = (["activation", "weight"] as const).map((kind) =>
      made.map(({ quantizer }) => quantizer).filter((quantizer) => quantizer.kind === kind)
    ) as [Quantizer[], Quantizer[]];
    const { weights, warnings } = fittingBiases(graph, floatWeights, activations);
    const ranges = rangeWarnings(graph, made.flatMap((own) => own.ranges), pool.items);
    const nothing = "Nothing in this model can be quantized: it has no operator in scope that is";
    let model: QuantizedGraph = {
      graph,
      quantizers: [...activations, ...weights],
      groups,
      warnings: [...float.warnings, ...ranges, ...warnings, ...(groups.length === 0 ? [nothing] : [])],
    };
    if (settings.biasCorrection) model = { ...model, biases: await this.#biases(model, float, settings, pool) };
    return { model, network: float.kind };
  }

  #once<T>(key: readonly unknown[], make: () => Promise<T>): Promise<T> {
    const name = JSON.stringify(key);
    let own = this.#known.get(name) as Promise<T> | undefined;
    if (!own) this.#known.set(name, own = make());
    return own;
  }

  #float(settings: QuantizationSettings): Promise<Float> {
    const { ignoredScope, modelType, smoothQuantAlphas, crossLayerEqualization, channelAlignment } = settings;
    const perChannel = [settings.weights.perChannel ?? true, settings.activations.perChannel ?? true];
    const transforms = [perChannel, modelType, smoothQuantAlphas, crossLayerEqualization, channelAlignment];
    return this.#once(["float", ignoredScope, ...transforms, settings.batchwiseStatistics], async () => {
      const scope = ignoredNodes(this.#graph, ignoredScope);
      const types = (own: Graph): ReadonlyMap<string, KnownType> => specialize(own, this.#items.first).types;
      let graph = this.#raised(types, scope, settings);
      const overflows = accumulatorOverflows(graph, types(graph)).filter(({ node }) => !scope.has(node));
      const ignored = new Set([...scope, ...overflows.map(({ node }) => node)]);
      const isIgnored = ({ name }: Node): boolean => ignored.has(name);
      const found = networkKindOf(graph, types(graph));
      const transformer = modelType === "auto" ? found.transformer : modelType === "transformer";
      if (crossLayerEqualization) graph = equalizeLayers(graph);
      if (transformer) graph = await this.#smoothed(graph, smoothQuantAlphas, isIgnored);
      if (channelAlignment) graph = await this.#aligned(graph);
      return {
        graph,
        types: types(graph),
        ignored,
        kind: { ...found, transformer },
        batchwise: settings.batchwiseStatistics ?? this.#holdBatches(),
        warnings: [...this.#graph.warnings ?? [], ...overflows.map(accumulatorWarning)],
      };
    });
  }

  /** The graph in an operator set that has the quantizers it will get: those with scales along an axis came later. */
  #raised(
    types: (graph: Graph) => ReadonlyMap<string, KnownType>,
    ignored: ReadonlySet<string>,
    settings: QuantizationSettings,
  ): Graph {
    const float = simplify(this.#graph);
    const raised = (opset: number): Graph => simplify(upgrade(float, types(float), opset));
    const least = raised(QUANTIZED_OPSETS.perTensor);
    const { placements } = placeQuantizers(least, types(least), { ...settings, transformer: false }, ignored);
    return placements.some(({ axis }) => axis !== null) ? raised(QUANTIZED_OPSETS.perChannel) : least;
  }

  /** Whether the items hold more than one along a first axis that the model leaves open. */
  #holdBatches(): boolean {
    return this.#graph.inputs.some(({ name, shape }) =>
      typeof shape?.[0] === "string" && (this.#items.first[name]?.shape[0] ?? 1) > 1
    );
  }

  async #aligned(graph: Graph): Promise<Graph> {
    const values = channelRangesNeeded(graph);
    const request = (value: string, probability: number): NumberRequest => (
      { value, axis: 1, statistic: "quantile", probability, aggregator: "median" }
    );
    const ends = [QUANTILE_OUTLIER_PROB, 1 - QUANTILE_OUTLIER_PROB] as const;
    const pool = await this.#collected(graph, values.flatMap((value) => ends.map((end) => request(value, end))));
    const ranges = values.map((value) => {
      const [low, high] = ends.map((end) => pool.numbers(request(value, end)));
      return [value, { low: low!, high: high! }] as const;
    });
    return alignChannels(graph, new Map(ranges));
  }

  async #smoothed(graph: Graph, alphas: Alphas, isIgnored: (node: Node) => boolean): Promise<Graph> {
    const requests = Array.from(absoluteMaximaNeeded(graph, alphas, isIgnored), ([value, axis]): NumberRequest => (
      { value, axis, statistic: "abs_max", aggregator: "max" }
    ));
    if (requests.length === 0) return graph;
    const pool = await this.#collected(graph, requests);
    const maxima = new Map(requests.map((request) => [request.value, pool.numbers(request)]));
    return smoothActivations(graph, maxima, alphas, isIgnored);
  }

  #placements(float: Float, settings: QuantizationSettings): Promise<Placements> {
    const { preset, targetDevice, quantizeOutputs, activations, weights, propagationRule } = settings;
    const own = { preset, targetDevice, quantizeOutputs, activations, weights, propagationRule };
    return this.#once(
      ["placements", this.#keyOf(float), own],
      () =>
        Promise.resolve(
          placeQuantizers(float.graph, float.types, { ...own, transformer: float.kind.transformer }, float.ignored),
        ),
    );
  }

  #weights(float: Float, settings: QuantizationSettings): Promise<Made[]> {
    const { weightsRange, overflowFix, weights } = settings;
    return this.#once(["weights", this.#keyOf(float), weightsRange, overflowFix, weights], async () => {
      const { placements } = await this.#placements(float, settings);
      return weightQuantizers(float.graph, placements, settings);
    });
  }

  readonly #keys = new Map<Float, number>();

  #keyOf(float: Float): number {
    const key = this.#keys.get(float) ?? this.#keys.size;
    this.#keys.set(float, key);
    return key;
  }

  /** The statistics that some settings need; those of other settings for the same graph are taken in the same run. */
  async #statistics(float: Float, settings: QuantizationSettings): Promise<StatisticsPool> {
    const requests: StatisticsRequest[] = [];
    for (const own of [settings, ...this.#anticipated]) {
      if (await this.#float(own) !== float) continue;
      const { placements } = await this.#placements(float, own);
      requests.push(...activationRequests(placements, own, float.batchwise));
      if (!own.biasCorrection || !own.fastBiasCorrection) continue;
      const quantizers = (await this.#weights(float, own)).map(({ quantizer }) => quantizer);
      const means = inputMeansNeeded({ graph: float.graph, quantizers }, ruleOf(own));
      requests.push(...Array.from(means, ([value, axis]) => meanRequest(value, axis)));
    }
    return await this.#collected(float.graph, requests);
  }

  async #collected(graph: Graph, requests: readonly StatisticsRequest[]): Promise<StatisticsPool> {
    const pool = this.#pools.get(graph) ?? new StatisticsPool();
    this.#pools.set(graph, pool);
    const missing = requests.filter((request) => !pool.has(request));
    if (missing.length > 0) {
      pool.add(
        missing,
        await collectStatistics(graph, missing, this.#items, this.#backend, this.#onItem),
      );
    }
    return pool;
  }

  async #biases(
    model: QuantizedGraph,
    float: Float,
    settings: QuantizationSettings,
    pool: StatisticsPool,
  ): Promise<NonNullable<QuantizedGraph["biases"]>> {
    const rule = ruleOf(settings);
    if (settings.fastBiasCorrection) {
      const needed = inputMeansNeeded(model, rule);
      const means = new Map(Array.from(needed, ([value, axis]) => [value, pool.numbers(meanRequest(value, axis))]));
      return correctBiases(model, means, float.types, rule);
    }
    const items = await Array.fromAsync(firstOf(this.#items, correctionSubset(settings.subsetSize)));
    return await correctBiasesFully(model, items, this.#backend, rule);
  }
}

function ruleOf({ biasThreshold }: QuantizationSettings): CorrectionRule {
  return { threshold: biasThreshold };
}

function meanRequest(value: string, axis: number): NumberRequest {
  return { value, axis, statistic: "mean", aggregator: "mean" };
}

/** Statistics of several runs over the same items. */
class StatisticsPool implements Statistics {
  items = 0;
  readonly #found = new Map<string, Statistics>();

  has(request: StatisticsRequest): boolean {
    return this.#found.has(requestKey(request));
  }

  add(requests: readonly StatisticsRequest[], statistics: Statistics): void {
    this.items = statistics.items;
    for (const request of requests) this.#found.set(requestKey(request), statistics);
  }

  numbers(request: NumberRequest): Float32Array {
    return this.#of(request).numbers(request);
  }

  distributions(request: DistributionRequest): readonly Distribution[] {
    return this.#of(request).distributions(request);
  }

  #of(request: StatisticsRequest): Statistics {
    const own = this.#found.get(requestKey(request));
    if (!own) throw new RangeError(`Statistic "${request.statistic}" of "${request.value}" was not collected`);
    return own;
  }
}
