/** Quantization under control of the user's metric. @module */
import type { Graph } from "../graph/graph.ts";
import { applyPlan } from "../graph/apply_plan.ts";
import { type CalibrationItems, calibrationSet } from "../quant/calibration_set.ts";
import type { QuantizeOptions } from "../quant/options.ts";
import { settingsOf as checkQuantization } from "../quant/settings.ts";
import { type QuantizationResult, quantize } from "../quant/quantize.ts";
import type { Backend } from "../runtime/backend.ts";
import { openBackend } from "../runtime/open.ts";
import { nodeCosts, profileModel } from "../runtime/profile.ts";
import type { Budget } from "./budget.ts";
import { checkChoice, checkCount, checkNumber, checkShare } from "./checks.ts";
import { type CostUnit, operationsOf, sumsByGroup } from "./costs.ts";
import { digestOf } from "./digest.ts";
import { type Journal, openRecords } from "./journal.ts";
import type { DropType } from "./limit.ts";
import type { SearchOutcome } from "./outcome.ts";
import type { SearchEvent } from "./progress.ts";
import { sample } from "./sample.ts";
import { searchPlan } from "./search.ts";
import { type StrategyName, strategyOf } from "./strategies.ts";
import type { Strategy } from "./strategy.ts";
import { Subject, type Validate } from "./subject.ts";

/**
 * What the search keeps small: the number of operations in FP32, their multiply-adds, the time they take in FP32 on the
 * device, or what each node costs by a map from node names to numbers, such as `nodeCosts` gives (milliseconds).
 */
export type CostOption = "operations" | "macs" | "time" | ReadonlyMap<string, number>;

/** Settings of the search of {@linkcode quantizeWithAccuracyControl}. */
export interface SearchOptions<T> {
  /** The greatest drop of the metric that is accepted. Default 0.01. */
  readonly maxDrop?: number;
  /** Whether `maxDrop` is in units of the metric or a share of the baseline. Default `"absolute"`. */
  readonly dropType?: DropType;
  /**
   * How sure it must be, from 0.5 to 1, that the drop of all data like the validation set is within `maxDrop`; needs values
   * per item. Default: the drop as measured decides.
   */
  readonly confidence?: number;
  /** Items that the search does not see; the plan found is measured on them once. */
  readonly holdout?: readonly T[];
  /** Chooses the plans. Default `"guided"`. */
  readonly strategy?: StrategyName | Strategy;
  /** Number of validation items that the strategy `"nncf"` ranks groups on. Default `subsetSize`, which is 300 by default. */
  readonly rankingSubsetSize?: number;
  /** What the search keeps small. Default `"operations"`. */
  readonly cost?: CostOption;
  /** The share of all that `cost` counts that may stay in FP32, 0 to 1. Default 1. */
  readonly maxRevertedShare?: number;
  /** Whether a drop that cannot be kept is thrown as an error; if not, `status` of the result tells. Default true. */
  readonly strict?: boolean;
  /** What may be spent. What was found until then is returned, or thrown with the error. Default: no limit. */
  readonly budget?: Budget;
  /** Where measurements are kept, so that the same call goes on where one was killed. Default: nowhere. */
  readonly journal?: Journal;
}

/** Settings of {@linkcode quantizeWithAccuracyControl}: those of `quantize`, and those of the search. */
export interface AccuracyControlOptions<T> extends Omit<QuantizeOptions, "onProgress">, SearchOptions<T> {
  /** Told how far the work has come. */
  readonly onProgress?: (event: SearchEvent) => void;
  /** Stops the search before its next evaluation. */
  readonly signal?: AbortSignal;
}

/** What was found, what it reaches and what it cost. */
export interface AccuracyControlResult extends SearchOutcome {
  /** The model with all its quantizers: `applyPlan(model, point.plan)` is the graph of any point of `front`. */
  readonly model: QuantizationResult;
  /** The graph of the plan, ready to be written. */
  readonly graph: Graph;
  /** Where it was measured. */
  readonly backend: { readonly name: Backend["name"]; readonly device: string };
}

/** Items of the calibration set that forecasts are made on. */
const UNLABELLED = 32;

/**
 * Quantizes a model to INT8 and keeps in FP32 as few groups of operations as the permitted drop of the metric asks for.
 *
 * @param graph The model in FP32.
 * @param calibration Inputs that the ranges of activations are taken from.
 * @param validation Items that the metric is computed on.
 * @param validate The metric: it is given a model and some or all of the items. One that returns values per item, whose mean
 * is the metric, needs far fewer runs; one made by `itemMetric`, like `top1`, the fewest.
 * @throws {AccuracyDropError} Where the drop cannot be kept within `maxDrop`; it carries the best model found.
 * @throws {BaselineMismatchError} Where not even the model with all in FP32 keeps to it.
 * @throws {SearchInterruptedError} Where `validate` throws or `signal` aborts; it carries the best model until then.
 * @throws {InvalidMetricError} Where `validate` returns something else than a number or `{ metric, perItem }`.
 * @throws {RangeError} Where an option or a data set cannot be used, or the journal belongs to another call.
 */
export async function quantizeWithAccuracyControl<T>(
  graph: Graph,
  calibration: CalibrationItems,
  validation: readonly T[],
  validate: Validate<T>,
  options: AccuracyControlOptions<T> = {},
): Promise<AccuracyControlResult> {
  const settings = settingsOf(options);
  const { quantization, holdout, cost, journal, strict, budget, onProgress, signal, ...limits } = settings;
  if (typeof validate !== "function") throw new TypeError(`"validate" must be a function, got ${typeof validate}`);
  checkItems("validation", validation);
  if (holdout !== undefined) checkItems("holdout", holdout);
  const items = await calibrationSet(calibration, quantization.subsetSize);
  const digests: string[] = [];
  const unlabelled = await sample(items, UNLABELLED, (item) => journal && digests.push(digestOf(item)));

  await using resources = new AsyncDisposableStack();
  const backend = options.backend ?? resources.use(await openBackend());
  const records = await openRecords(journal ?? null, {
    model: digestOf(journal ? graph : null),
    calibration: digestOf(digests),
    validation: digestOf(journal ? [validation, holdout] : null),
    options: { ...recorded(settings), metric: validate.name, backend: backend.name },
  });
  const subject = resources.use(new Subject({ graph, backend, validation, validate }));
  const unseen = holdout ? resources.use(new Subject({ graph, backend, validation: holdout, validate })) : null;
  let model: QuantizationResult | null = null;
  const costs = async (): Promise<{ unit: CostUnit; byGroup: Map<string, number> }> => {
    const { groups } = model!;
    if (cost === "operations") return { unit: cost, byGroup: operationsOf(groups) };
    if (cost === "macs") return { unit: cost, byGroup: sumsByGroup(groups, subject.macs) };
    const byNode = cost === "time" ? nodeCosts(await profileModel(model!.graph, items.first, backend)) : cost;
    return { unit: "ms", byGroup: sumsByGroup(groups, byNode) };
  };
  return await searchPlan({
    ...{ evaluator: subject, holdout: unseen, records, strict, budget, onProgress, signal },
    ...{ maxDrop: limits.maxDrop, dropType: limits.dropType, confidence: limits.confidence },
    maxRevertedShare: limits.maxRevertedShare,
    strategy: strategyOf(limits.strategy, limits.rankingSubsetSize),
    prepare: async () => {
      onProgress?.({ type: "stage", stage: "calibration", done: 0, total: null });
      model = await quantize(graph, items, {
        ...quantization,
        backend,
        onProgress: (done) => onProgress?.({ type: "stage", stage: "calibration", done, total: null }),
      });
      subject.use(model, unlabelled);
      unseen?.use(model, []);
      return model.groups;
    },
    costs,
    figures: (plan, own) => {
      const macs = sumsByGroup(model!.groups, subject.macs);
      const all = sum(macs.values());
      return {
        macsShare: all > 0 ? sum([...plan].map((id) => macs.get(id) ?? 0)) / all : null,
        bytes: sum([...applyPlan(model!, plan).constants.values()].map(({ data }) => data.byteLength)),
        ms: own.unit === "ms" ? own.sumOf(plan) : null,
      };
    },
    finish: (outcome): AccuracyControlResult => ({
      ...outcome,
      model: model!,
      graph: applyPlan(model!, outcome.plan),
      backend: { name: backend.name, device: backend.device },
      warnings: [...model!.warnings, ...outcome.warnings],
    }),
  });
}

function settingsOf<T>(options: AccuracyControlOptions<T>) {
  const { maxDrop = 0.01, dropType = "absolute", confidence, maxRevertedShare = 1, subsetSize = 300, ...rest } =
    options;
  const { rankingSubsetSize = subsetSize, strategy = "guided", cost = "operations", strict = true, ...others } = rest;
  const { holdout, budget = {}, journal, onProgress, signal, backend: _, ...scheme } = others;
  checkNumber("maxDrop", maxDrop);
  checkChoice("dropType", dropType, ["absolute", "relative"]);
  if (confidence !== undefined) checkShare("confidence", confidence, 0.5);
  checkShare("maxRevertedShare", maxRevertedShare, 0);
  checkCount("subsetSize", subsetSize);
  checkCount("rankingSubsetSize", rankingSubsetSize);
  if (!(cost instanceof Map)) checkChoice("cost", cost, ["operations", "macs", "time"]);
  strategyOf(strategy, rankingSubsetSize);
  checkQuantization({ ...scheme, subsetSize });
  return {
    ...{
      maxDrop,
      dropType,
      confidence: confidence ?? null,
      maxRevertedShare,
      strategy,
      rankingSubsetSize,
      cost,
      strict,
    },
    ...{ holdout, budget, journal, onProgress, signal, quantization: { ...scheme, subsetSize } },
  };
}

/** The settings that measurements depend on, as JSON has them. */
function recorded(settings: ReturnType<typeof settingsOf<unknown>>): Record<string, unknown> {
  const { maxDrop, dropType, confidence, maxRevertedShare, strategy, rankingSubsetSize, cost, quantization } = settings;
  const named = Object.entries(quantization).map(([name, value]) => [name, plain(value)] as const);
  return {
    ...{ maxDrop, dropType, confidence, maxRevertedShare, rankingSubsetSize },
    strategy: typeof strategy === "function" ? "function" : strategy,
    cost: typeof cost === "string" ? cost : digestOf([...cost]),
    ...Object.fromEntries(named),
  };
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, part) => part instanceof RegExp ? String(part) : part) ?? "null");
}

function checkItems(name: string, items: readonly unknown[]): void {
  if (!Array.isArray(items)) throw new TypeError(`The ${name} set must be an array`);
  if (items.length === 0) throw new RangeError(`The ${name} set is empty: at least one item is needed`);
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
