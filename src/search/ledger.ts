/** Measures plans, each item only once, and keeps the book of it. @module */
import type { Plan } from "../graph/quantizers.ts";
import { type Budget, type BudgetCheck, openBudget } from "./budget.ts";
import { digestOf } from "./digest.ts";
import { decodeArray, decodeNumbers, encodeArray, encodeNumber, encodeNumbers } from "./encoding.ts";
import type { JournalEntry, Records } from "./journal.ts";
import { type Evaluation, EvaluationFailure, type Evaluator, type Forecast, type Score } from "./measure.ts";
import { isMeanOf, toScore } from "./score.ts";
import { isSamePlan, planName } from "./plans.ts";
import { mean } from "./statistics.ts";
import type { KeptScores } from "./surrogate.ts";

/** The book of all measurements. */
export interface Ledger {
  /** Number of validation items. */
  readonly items: number;
  /** All evaluations in order; blocks of one plan in a row count as one. */
  readonly evaluations: readonly Evaluation[];
  /** Item inferences of evaluations and forecasts, suffixes by their share; those of a journal included. */
  readonly itemInferences: number;
  /** Whether the metric is the mean of the values per item, as far as has been seen. */
  readonly additive: boolean;
  /** What was kept of the FP32 model's scores; `null` where the metric does not ask for it. */
  readonly kept: KeptScores | null;
  /** The metric of a plan on all or some items; the validation function is called only for what is not known. */
  evaluate(plan: Plan | null, items?: readonly number[]): Promise<Score>;
  /** What a plan does to outputs on unlabelled items. */
  forecast(plan: Plan, items: number): Promise<Forecast>;
  /** The value of each item under a plan where it is known, else NaN; `null` where the metric is no mean of them. */
  valuesOf(plan: Plan): Float64Array | null;
  /** The metric of a plan, or of the model that was given, on all items, where it has been evaluated. */
  known(plan: Iterable<string> | null): Score | undefined;
}

/** What a ledger needs to know. */
export interface LedgerOptions {
  /** Measurements made before, and where new ones are kept. */
  readonly records: Records;
  /** The drop of a metric on all items. */
  readonly dropOf: (score: Score) => number;
  /** Told of each evaluation. */
  readonly onEvaluation: (evaluation: Evaluation) => void;
  /** What may be spent. */
  readonly budget: Budget;
  /** Stops the measurements. */
  readonly signal: AbortSignal | undefined;
}

/** Opens an empty ledger. */
export function openLedger(evaluator: Evaluator, options: LedgerOptions): Ledger {
  return new Book(evaluator, options);
}

class Book implements Ledger {
  readonly #evaluator: Evaluator;
  readonly #options: LedgerOptions;
  readonly #check: BudgetCheck;
  readonly #scores = new Map<string, Score>();
  readonly #values = new Map<string, Float64Array>();
  readonly #forecasts = new Map<string, Forecast>();
  readonly evaluations: Evaluation[] = [];
  itemInferences = 0;
  additive = true;
  kept: KeptScores | null = null;
  #referenced = false;

  constructor(evaluator: Evaluator, options: LedgerOptions) {
    this.#evaluator = evaluator;
    this.#options = options;
    this.#check = openBudget(options.budget, options.signal);
  }

  get items(): number {
    return this.#evaluator.items;
  }

  async evaluate(plan: Plan | null, items?: readonly number[]): Promise<Score> {
    const subset = items && items.length < this.items ? items : null;
    const name = planName(plan);
    const found = this.#scores.get(`${name} ${subset ?? "all"}`);
    if (found) return found;
    const score = this.additive && plan !== null
      ? await this.#evaluateByItem(plan, name, subset)
      : await this.#evaluateWhole(plan, subset);
    if (!subset || !this.additive) this.#scores.set(`${name} ${subset ?? "all"}`, score);
    return score;
  }

  /** Runs the items that have not been run, and puts the values together. */
  async #evaluateByItem(plan: Plan, name: string, subset: readonly number[] | null): Promise<Score> {
    const values = this.#values.get(name) ?? new Float64Array(this.items).fill(NaN);
    this.#values.set(name, values);
    const wanted = subset ?? Array.from(values.keys());
    const missing = wanted.filter((i) => Number.isNaN(values[i]!));
    if (missing.length > 0) {
      const whole = missing.length === this.items;
      const { score, seconds } = await this.#measure(plan, whole ? null : missing);
      if (!score.perItem || !isMeanOf(score)) {
        this.additive = false;
        this.#values.clear();
        this.#enter(plan, missing.length, score, seconds, whole);
        return missing.length === wanted.length ? score : await this.evaluate(plan, wanted);
      }
      missing.forEach((item, i) => values[item] = score.perItem![i]!);
      const known = Array.from(values).filter((value) => !Number.isNaN(value));
      const sofar = whole ? score : { metric: mean(known), perItem: known };
      this.#enter(plan, missing.length, sofar, seconds, known.length === this.items);
    }
    const perItem = wanted.map((i) => values[i]!);
    return { metric: mean(perItem), perItem };
  }

  async #evaluateWhole(plan: Plan | null, subset: readonly number[] | null): Promise<Score> {
    const { score, seconds, kept } = await this.#measure(plan, subset);
    if (plan === null && !subset) {
      this.additive = score.perItem !== null && isMeanOf(score);
      this.kept = kept;
    }
    return this.#enter(plan, subset?.length ?? this.items, score, seconds, !subset);
  }

  #enter(plan: Plan | null, items: number, score: Score, seconds: number, full: boolean): Score {
    const last = this.evaluations.at(-1);
    const joined = last && this.additive && !last.full && isSamePlan(plan, last.plan);
    const evaluation: Evaluation = {
      plan: plan && [...plan],
      items: items + (joined ? last.items : 0),
      full,
      metric: score.metric,
      drop: full && plan ? this.#options.dropOf(score) : full ? 0 : null,
      seconds: seconds + (joined ? last.seconds : 0),
    };
    if (joined) this.evaluations[this.evaluations.length - 1] = evaluation;
    else this.evaluations.push(evaluation);
    this.#options.onEvaluation(evaluation);
    return score;
  }

  /** Calls the validation function, or takes what it returned from the journal. */
  async #measure(
    plan: Plan | null,
    items: readonly number[] | null,
  ): Promise<{ readonly score: Score; readonly seconds: number; readonly kept: KeptScores | null }> {
    const count = items?.length ?? this.items;
    const key = `metric ${digestOf([planName(plan), items])}`;
    const found = this.#options.records.find(key);
    if (found) {
      this.itemInferences += count;
      this.#check.spent({ items: count, evaluations: 1 });
      return decodeMeasured(found);
    }
    const what = describe(plan, count, this.evaluations.length + 1);
    this.#check.before(what);
    const start = performance.now();
    const result = await this.#guarded(what, () => this.#evaluator.evaluate(plan, items));
    const seconds = (performance.now() - start) / 1000;
    const score = toScore(result, count, what);
    const kept = plan === null && !items ? this.#evaluator.kept?.() ?? null : null;
    this.itemInferences += count;
    this.#check.spent({ items: count, evaluations: 1 });
    await this.#options.records.add(key, encodeMeasured(plan, count, score, seconds, kept));
    return { score, seconds, kept };
  }

  async forecast(plan: Plan, items: number): Promise<Forecast> {
    const key = `forecast ${digestOf([planName(plan), items])}`;
    const known = this.#forecasts.get(key);
    if (known) return known;
    const found = this.#options.records.find(key);
    const forecast = found ? decodeForecast(found) : await this.#observe(plan, items, key);
    this.#forecasts.set(key, forecast);
    this.itemInferences += forecast.cost;
    this.#check.spent({ items: forecast.cost, evaluations: 0 });
    return forecast;
  }

  async #observe(plan: Plan, items: number, key: string): Promise<Forecast> {
    const what = `a forecast of the INT8 model, ${plan.size} reverted (${items} unlabelled items)`;
    this.#check.before(what);
    const evaluator = this.#evaluator;
    if (!evaluator.forecast) {
      throw new EvaluationFailure("metric", `Cannot make ${what}: there are no unlabelled items`);
    }
    const first = !this.#referenced && this.#forecasts.size === 0;
    this.#referenced = true;
    const own = await this.#guarded(what, () => evaluator.forecast!(plan, items, this.kept));
    // The first forecast runs the FP32 model on all unlabelled items too.
    const cost = own.cost + (first ? this.#evaluator.unlabelled ?? 0 : 0);
    const result = { ...own, cost };
    await this.#options.records.add(key, encodeForecast(plan, result));
    return result;
  }

  async #guarded<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (cause) {
      const { signal } = this.#options;
      if (signal?.aborted) throw new EvaluationFailure("aborted", `Search aborted during ${what}`, signal.reason);
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new EvaluationFailure("thrown", `Cannot evaluate ${what}: ${text}`, cause);
    }
  }

  valuesOf(plan: Plan): Float64Array | null {
    if (!this.additive) return null;
    return this.#values.get(planName(plan)) ?? new Float64Array(this.items).fill(NaN);
  }

  known(plan: Iterable<string> | null): Score | undefined {
    const own = plan && new Set(plan);
    const score = this.#scores.get(`${planName(own)} all`);
    if (score || !this.additive) return score;
    const values = this.#values.get(planName(own));
    if (!values || values.some(Number.isNaN)) return undefined;
    return { metric: mean(Array.from(values)), perItem: Array.from(values) };
  }
}

function describe(plan: Plan | null, items: number, number: number): string {
  const model = plan === null ? "the FP32 model" : `the INT8 model, ${plan.size} reverted`;
  return `${model} (evaluation ${number}, ${items} items)`;
}

function encodeMeasured(
  plan: Plan | null,
  items: number,
  { metric, perItem }: Score,
  seconds: number,
  kept: KeptScores | null,
): JournalEntry {
  return {
    plan: plan && [...plan],
    items,
    metric: encodeNumber(metric),
    perItem: perItem && encodeNumbers(perItem),
    seconds: Number(seconds.toFixed(3)),
    ...(kept && { kept: { ...kept, values: encodeArray(kept.values), labels: encodeArray(kept.labels) } }),
  };
}

function decodeMeasured(entry: JournalEntry): { score: Score; seconds: number; kept: KeptScores | null } {
  const kept = entry["kept"] as KeptScores | undefined;
  return {
    score: { metric: Number(entry["metric"]), perItem: entry["perItem"] ? decodeNumbers(entry["perItem"]) : null },
    seconds: Number(entry["seconds"]),
    kept: kept
      ? {
        ...kept,
        values: new Float32Array(decodeArray(kept.values)),
        labels: new Uint32Array(decodeArray(kept.labels)),
      }
      : null,
  };
}

function encodeForecast(plan: Plan, { divergence, expected, cost }: Forecast): JournalEntry {
  return {
    plan: [...plan],
    divergence: encodeNumber(divergence),
    cost,
    ...(expected && { lost: encodeArray(expected.lost), gained: encodeArray(expected.gained) }),
  };
}

function decodeForecast(entry: JournalEntry): Forecast {
  const expected = entry["lost"] === undefined ? null : {
    lost: new Float32Array(decodeArray(entry["lost"])),
    gained: new Float32Array(decodeArray(entry["gained"])),
  };
  return { divergence: Number(entry["divergence"]), expected, cost: Number(entry["cost"]) };
}
