/** The model and the data that a search works on. @module */
import { isSamePlan } from "./plans.ts";
import { applyPlan } from "../graph/apply_plan.ts";
import type { Graph } from "../graph/graph.ts";
import type { Plan, QuantizedGraph } from "../graph/quantizers.ts";
import type { CalibrationItem } from "../quant/statistics.ts";
import type { Backend } from "../runtime/backend.ts";
import { type Model, openModel } from "../runtime/model.ts";
import { runItems } from "./batches.ts";
import { divergence } from "./divergence.ts";
import { isItemMetric, type ItemMetric } from "./item_metric.ts";
import type { Evaluator, Forecast, Metric } from "./measure.ts";
import { type Observer, openObserver } from "./observer.ts";
import { asScores, givesProbabilities, logarithms, softmax } from "./scores.ts";
import { alignedError, expectedChanges, keepScores, type KeptScores } from "./surrogate.ts";

/** The user's metric of a model on data; higher is better. */
export type Validate<T> = (model: Model, data: readonly T[]) => Metric | number | Promise<Metric | number>;

/** What a subject is made of. */
export interface SubjectParts<T> {
  /** The model in FP32. */
  readonly graph: Graph;
  /** Where it runs. */
  readonly backend: Backend;
  /** The items that the metric is computed on. */
  readonly validation: readonly T[];
  /** The metric. */
  readonly validate: Validate<T>;
}

/** Runs plans of a model on validation items, and forecasts on unlabelled ones. */
export class Subject<T> implements Evaluator, AsyncDisposable {
  readonly #parts: SubjectParts<T>;
  readonly #metric: ItemMetric<T> | null;
  /** Whether the first output holds probabilities, which are turned into scores where they are compared. */
  readonly #probabilities: boolean;
  #model: QuantizedGraph | null = null;
  #observer: Observer | null = null;
  #open: { readonly plan: Plan | null; readonly model: Model } | null = null;
  #kept: KeptScores | null = null;

  constructor(parts: SubjectParts<T>) {
    this.#parts = parts;
    this.#metric = isItemMetric<T>(parts.validate) ? parts.validate : null;
    this.#probabilities = givesProbabilities(parts.graph);
  }

  /** Makes plans of a quantized model known, and unlabelled items to forecast with. */
  use(model: QuantizedGraph, unlabelled: readonly CalibrationItem[]): void {
    this.#model = model;
    this.#observer = unlabelled.length > 0 ? openObserver(model, unlabelled, this.#parts.backend) : null;
  }

  /** Number of validation items. */
  get items(): number {
    return this.#parts.validation.length;
  }

  /** Number of unlabelled items. */
  get unlabelled(): number {
    return this.#observer?.items ?? 0;
  }

  /** Multiply-adds of each node, by name. */
  get macs(): ReadonlyMap<string, number> {
    return this.#observer?.macs ?? new Map();
  }

  /** The metric of a plan. */
  async evaluate(plan: Plan | null, items: readonly number[] | null): Promise<Metric | number> {
    const { validation, validate } = this.#parts;
    const model = await this.#modelOf(plan);
    if (plan === null && items === null && this.#metric?.classScores) return await this.#keep(model, this.#metric);
    return await validate(model, items ? items.map((i) => validation[i]!) : validation);
  }

  /** The scores that the last evaluation of the FP32 model gave. */
  kept(): KeptScores | null {
    return this.#kept;
  }

  /** The share of a whole run that a forecast takes. */
  shareOf(plan: Plan): number {
    return this.#observer?.shareOf(plan) ?? 1;
  }

  /** What a plan does to the outputs on unlabelled items. */
  async forecast(plan: Plan, items: number, kept: KeptScores | null): Promise<Forecast> {
    const observer = this.#observer!;
    const reference = (await observer.reference()).slice(0, items).map((own) => asScores(own, this.#probabilities));
    const outputs = (await observer.observe(plan, items)).map((own) => asScores(own, this.#probabilities));
    const kind = this.#metric?.classScores || this.#probabilities ? "kl" : "nmse";
    const distances = outputs.map((own, i) => divergence(reference[i]!, own, kind));
    const fits = kept && reference[0]?.[0]?.data.length === kept.classes;
    const errors = (): Float32Array[] => outputs.map((own, i) => alignedError(reference[i]![0]!.data, own[0]!.data));
    return {
      divergence: distances.reduce((a, b) => a + b, 0) / distances.length,
      expected: fits
        ? expectedChanges(kept, this.#baselineOf(kept), errors(), (scores, i) => this.#value(scores, i))
        : null,
      cost: outputs.length * observer.shareOf(plan),
    };
  }

  /** The value of each item with the FP32 model, from its scores, which may come from a journal. */
  #baselineOf(scores: KeptScores): readonly number[] {
    return this.#values ??= this.#valuesOf(scores);
  }
  #values: readonly number[] | null = null;

  #valuesOf({ items, classes, kept, values, labels }: KeptScores): number[] {
    const scores = new Float32Array(classes);
    return Array.from({ length: items }, (_, item) => {
      if (kept < classes) scores.fill(values[(item + 1) * kept - 1]!);
      for (let rank = 0; rank < kept; rank++) scores[labels[item * kept + rank]!] = values[item * kept + rank]!;
      return this.#value(scores, item);
    });
  }

  /** The value of a validation item for scores of all classes. */
  #value(scores: Float32Array, item: number): number {
    const names = this.#parts.graph.outputs.map(({ name }) => name);
    const data = this.#probabilities ? softmax(scores) : scores;
    const output = { dtype: "f32" as const, shape: [1, scores.length], data };
    return this.#metric!.score({ [names[0]!]: output }, this.#parts.validation[item]!, names);
  }

  /** The metric of the FP32 model; its scores are kept, where an item has one for each class and no more. */
  async #keep(model: Model, metric: ItemMetric<T>): Promise<Metric> {
    const { validation } = this.#parts;
    const names = model.outputs.map(({ name }) => name);
    const perItem: number[] = [];
    let keeper: ReturnType<typeof keepScores> | null = keepScores(validation.length);
    for await (const outputs of runItems(model, validation.map(metric.inputs))) {
      const { data, shape } = outputs[names[0]!]!;
      if (data.length !== shape.at(-1)) keeper = null;
      keeper?.add(this.#probabilities ? logarithms(data) : data);
      perItem.push(metric.score(outputs, validation[perItem.length]!, names));
    }
    this.#kept = keeper?.finish() ?? null;
    return { metric: perItem.reduce((a, b) => a + b, 0) / perItem.length, perItem };
  }

  /** The model of a plan; the last one stays open, for blocks of items follow one another. */
  async #modelOf(plan: Plan | null): Promise<Model> {
    if (this.#open && isSamePlan(this.#open.plan, plan)) return this.#open.model;
    await this[Symbol.asyncDispose]();
    const { graph, backend } = this.#parts;
    const model = openModel(plan && this.#model ? applyPlan(this.#model, plan) : graph, backend);
    this.#open = { plan, model };
    return model;
  }

  /** Closes the model that is open. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.model[Symbol.asyncDispose]();
    this.#open = null;
  }
}
