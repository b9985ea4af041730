/** Quantization under control of the user's metric. @module */
import type { Graph } from "../graph/graph.ts";
import { applyPlan } from "../graph/apply_plan.ts";
import type { QuantizedGraph } from "../graph/quantizers.ts";
import type { CalibrationItems } from "../quant/calibration_set.ts";
import type { QuantizeOptions } from "../quant/options.ts";
import { quantize } from "../quant/quantize.ts";
import type { Backend } from "../runtime/backend.ts";
import { type Model, openModel } from "../runtime/model.ts";
import { openBackend } from "../runtime/open.ts";
import type { Evaluator, Metric } from "./ledger.ts";
import type { DropType } from "./limit.ts";
import type { SearchEvent } from "./progress.ts";
import { type SearchOutcome, searchPlan } from "./search.ts";
import { straightforward } from "./straightforward.ts";
import type { Strategy } from "./strategy.ts";

/** The user's metric of a model on data; higher is better. */
export type Validate<T> = (model: Model, data: readonly T[]) => Metric | number | Promise<Metric | number>;

/** Settings of {@linkcode quantizeWithAccuracyControl}: those of `quantize`, and those of the search. */
export interface AccuracyControlOptions extends Omit<QuantizeOptions, "onProgress"> {
  /** The greatest drop of the metric that is accepted. Default 0.01. */
  readonly maxDrop?: number;
  /** Whether `maxDrop` is in units of the metric or a share of the baseline. Default `"absolute"`. */
  readonly dropType?: DropType;
  /** Number of validation items that groups are ranked on. Default `subsetSize`, which is 300 by default. */
  readonly rankingSubsetSize?: number;
  /** Chooses the plans. Default: `straightforward`. */
  readonly strategy?: Strategy;
  /** Told how far the work has come. */
  readonly onProgress?: (event: SearchEvent) => void;
  /** Stops the search before its next evaluation. */
  readonly signal?: AbortSignal;
}

/** What was found, what it reaches and what it cost. */
export interface AccuracyControlResult extends SearchOutcome {
  /** The model with all its quantizers. */
  readonly model: QuantizedGraph;
  /** The graph of the plan, ready to be written. */
  readonly graph: Graph;
  /** Where it was measured. */
  readonly backend: { readonly name: Backend["name"]; readonly device: string };
  /** What the user should know. */
  readonly warnings: readonly string[];
}

/**
 * Quantizes a model to INT8 and keeps in FP32 as few groups of operations as the permitted drop of the metric asks for.
 *
 * @param graph The model in FP32.
 * @param calibration Inputs that the ranges of activations are taken from.
 * @param validation Items that the metric is computed on.
 * @param validate The metric: it is given a model and some or all of the items.
 * @throws {AccuracyDropError} Where the drop cannot be kept within `maxDrop`; it carries the best model found.
 * @throws {SearchInterruptedError} Where `validate` throws or `signal` aborts; it carries the best model until then.
 * @throws {InvalidMetricError} Where `validate` returns something else than a number or `{ metric, perItem }`.
 * @throws {RangeError} Where an option or a data set cannot be used.
 */
export async function quantizeWithAccuracyControl<T>(
  graph: Graph,
  calibration: CalibrationItems,
  validation: readonly T[],
  validate: Validate<T>,
  options: AccuracyControlOptions = {},
): Promise<AccuracyControlResult> {
  const { maxDrop = 0.01, dropType = "absolute", subsetSize = 300, onProgress, signal, ...others } = options;
  const { rankingSubsetSize = subsetSize, strategy = straightforward({ rankingSubsetSize }), ...scheme } = others;
  checkNumber("maxDrop", maxDrop);
  if (dropType !== "absolute" && dropType !== "relative") {
    throw new RangeError(`Option "dropType" must be "absolute" or "relative", got ${JSON.stringify(dropType)}`);
  }
  checkCount("subsetSize", subsetSize);
  checkCount("rankingSubsetSize", rankingSubsetSize);
  if (typeof validate !== "function") throw new TypeError(`"validate" must be a function, got ${typeof validate}`);
  if (!Array.isArray(validation)) throw new TypeError("The validation set must be an array");
  if (validation.length === 0) throw new RangeError("The validation set is empty: at least one item is needed");
  if (Array.isArray(calibration) && calibration.length === 0) {
    throw new RangeError("The calibration set is empty: at least one item is needed");
  }

  await using resources = new AsyncDisposableStack();
  const backend = options.backend ?? resources.use(await openBackend());
  let model: QuantizedGraph | null = null;
  const evaluator: Evaluator = {
    items: validation.length,
    evaluate: async (plan, items) => {
      await using compiled = openModel(plan && model ? applyPlan(model, plan) : graph, backend);
      return await validate(compiled, items ? items.map((i) => validation[i]!) : validation);
    },
  };
  return await searchPlan({
    evaluator,
    prepare: async () => {
      onProgress?.({ type: "stage", stage: "calibration", done: 0, total: null });
      model = await quantize(graph, calibration, {
        ...scheme,
        subsetSize,
        backend,
        onProgress: (done) => onProgress?.({ type: "stage", stage: "calibration", done, total: null }),
      });
      return model.groups;
    },
    maxDrop,
    dropType,
    strategy,
    onProgress,
    signal,
    finish: (outcome): AccuracyControlResult => ({
      ...outcome,
      model: model!,
      graph: applyPlan(model!, outcome.plan),
      backend: { name: backend.name, device: backend.device },
      warnings: model!.warnings,
    }),
  });
}

function checkNumber(name: string, value: unknown): void {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new RangeError(`Option "${name}" must be a finite number, got ${String(value)}`);
  }
}

function checkCount(name: string, value: unknown): void {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1) {
    throw new RangeError(`Option "${name}" must be a whole number of at least 1, got ${String(value)}`);
  }
}
