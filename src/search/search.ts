/** The frame around every strategy: baseline, search, and the best of what was found. @module */
import type { Group, Plan } from "../graph/quantizers.ts";
import type { Budget } from "./budget.ts";
import { type Costs, costsOf, type CostUnit, operationsOf } from "./costs.ts";
import { AccuracyDropError, BaselineMismatchError, InvalidMetricError, SearchInterruptedError } from "./errors.ts";
import type { PlanFigures } from "./front.ts";
import { openRecords, type Records } from "./journal.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import { type DropType, isWithin, type Limit, limitOf } from "./limit.ts";
import { EvaluationFailure, type Evaluator, type Score } from "./measure.ts";
import type { Holdout, SearchOutcome, SearchStatus } from "./outcome.ts";
import type { SearchEvent } from "./progress.ts";
import type { Strategy } from "./strategy.ts";
import { type Finding, type Summary, summaryOf } from "./summary.ts";
import { measureHoldout } from "./holdout.ts";

/** A search to run. */
export interface SearchTask<R> {
  /** Measures plans. */
  readonly evaluator: Evaluator;
  /** Measures plans on items that the search does not see. */
  readonly holdout?: Evaluator | null;
  /** Gives the groups; called once the baseline is known. */
  readonly prepare: () => Promise<readonly Group[]> | readonly Group[];
  /** What groups cost in FP32; called once there are groups. Default: the number of operations. */
  readonly costs?: () => Promise<{ readonly unit: CostUnit; readonly byGroup: ReadonlyMap<string, number> }>;
  /** What is known of a plan beside its metric. */
  readonly figures?: (plan: Plan, costs: Costs) => PlanFigures;
  /** The permitted drop. */
  readonly maxDrop: number;
  /** How the drop is counted. */
  readonly dropType: DropType;
  /** The share of chance to which the drop must be below the limit. Default `null`: the drop as measured decides. */
  readonly confidence?: number | null;
  /** The share of the cost of all groups that may be left in FP32. Default 1. */
  readonly maxRevertedShare?: number;
  /** Chooses the plans. */
  readonly strategy: Strategy;
  /** Whether it is an error if the limit cannot be kept. Default true. */
  readonly strict?: boolean;
  /** Measurements made before, and where new ones are kept. */
  readonly records?: Records;
  /** What may be spent. */
  readonly budget?: Budget;
  /** Makes the result of an outcome. */
  readonly finish: (outcome: SearchOutcome) => R;
  /** Told how far the search has come. */
  readonly onProgress?: ((event: SearchEvent) => void) | undefined;
  /** Stops the search before its next evaluation. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds a plan whose drop keeps to the limit.
 *
 * @throws {AccuracyDropError} Where no plan that was tried does; it carries the best of them.
 * @throws {BaselineMismatchError} Where not even the plan with every group in FP32 does.
 * @throws {SearchInterruptedError} Where the validation function throws or the search is aborted.
 * @throws {InvalidMetricError} Where the validation function returns no metric.
 * @throws {RangeError} Where a relative drop is asked for and the baseline is 0, or `confidence` and the metric is no mean of
 * values per item.
 */
export async function searchPlan<R>(task: SearchTask<R>): Promise<R> {
  return await new Frame(task, task.records ?? await openRecords(null, NO_HEADER)).run();
}

const NO_HEADER = { model: "", calibration: "", validation: "", options: {} };

class Frame<R> {
  readonly #task: SearchTask<R>;
  readonly #records: Records;
  readonly #ledger: Ledger;
  readonly #start = performance.now();
  readonly #findings: Finding[] = [];
  readonly #sensitivities = new Map<string, number>();
  #groups: readonly Group[] = [];
  #limit: Limit | null = null;
  #costs: Costs = costsOf([], new Map(), "operations");
  #holdout: Holdout | null = null;

  constructor(task: SearchTask<R>, records: Records) {
    this.#task = task;
    this.#records = records;
    this.#ledger = openLedger(task.evaluator, {
      records,
      dropOf: (score) => this.#limit?.dropOf(score) ?? 0,
      onEvaluation: (evaluation) => this.#report({ type: "evaluation", evaluation }),
      budget: task.budget ?? {},
      signal: task.signal,
    });
  }

  async run(): Promise<R> {
    const ledger = this.#ledger;
    try {
      const baseline = await this.#measureBaseline();
      this.#groups = await this.#task.prepare();
      this.#costs = await this.#readCosts();
      const plan = await this.#search(baseline);
      const score = await ledger.evaluate(plan);
      const found = this.#accepts(plan, score) ? plan : this.#summary().plan;
      const summary = this.#summary(found);
      if (summary.reached) {
        await this.#measureHoldout(summary);
        return this.#task.finish(this.#outcome(this.#summary(found), "reached"));
      }
    } catch (error) {
      if (!(error instanceof EvaluationFailure)) throw error;
      return this.#failed(error);
    }
    return this.#missed();
  }

  async #measureBaseline(): Promise<Score> {
    const { maxDrop, dropType, confidence } = this.#task;
    this.#report({ type: "stage", stage: "baseline", done: 0, total: 1 });
    const baseline = await this.#ledger.evaluate(null);
    if (!Number.isFinite(baseline.metric)) {
      throw new EvaluationFailure("metric", `The metric of the FP32 model must be finite, got ${baseline.metric}`);
    }
    const additive = (): boolean => this.#ledger.additive;
    this.#limit = limitOf(baseline, { maxDrop, dropType, confidence: confidence ?? null, additive });
    this.#report({ type: "stage", stage: "baseline", done: 1, total: 1 });
    return baseline;
  }

  /** Costs are measured once: milliseconds differ from run to run, and a search that goes on needs the same. */
  async #readCosts(): Promise<Costs> {
    const { costs } = this.#task;
    if (!costs) return costsOf(this.#groups, operationsOf(this.#groups), "operations");
    const found = this.#records.find("costs");
    const own = found
      ? { unit: found["unit"] as CostUnit, byGroup: new Map(found["byGroup"] as [string, number][]) }
      : await costs();
    if (!found) await this.#records.add("costs", { unit: own.unit, byGroup: [...own.byGroup] });
    return costsOf(this.#groups, own.byGroup, own.unit);
  }

  async #search(baseline: Score): Promise<Plan> {
    const { evaluator, strategy } = this.#task;
    const ledger = this.#ledger;
    return await strategy({
      groups: this.#groups,
      items: ledger.items,
      baseline,
      limit: this.#limit!,
      costs: this.#costs,
      get additive() {
        return ledger.additive;
      },
      unlabelled: evaluator.forecast ? evaluator.unlabelled ?? 0 : 0,
      evaluate: (plan, items) => ledger.evaluate(plan, items),
      forecast: (plan, items) => ledger.forecast(plan, items),
      shareOf: (plan) => evaluator.shareOf?.(plan) ?? 1,
      valuesOf: (plan) => ledger.valuesOf(plan),
      allows: (plan) => this.#allows(plan),
      report: (event) => this.#report(event),
    });
  }

  #allows(plan: Plan): boolean {
    return this.#costs.shareOf(plan) <= (this.#task.maxRevertedShare ?? 1) + 1e-9;
  }

  #accepts(plan: Plan, score: Score): boolean {
    return this.#allows(plan) && this.#limit!.accepts(score);
  }

  #report(event: SearchEvent): void {
    if (event.type === "sensitivity") this.#sensitivities.set(event.group, event.divergence);
    if (event.type === "probe") this.#findings.push({ plan: event.plan, verdict: event.verdict, drop: event.drop });
    this.#task.onProgress?.(event);
  }

  async #measureHoldout(summary: Summary): Promise<void> {
    const { holdout, maxDrop, dropType } = this.#task;
    if (!holdout) return;
    this.#report({ type: "stage", stage: "holdout", done: 0, total: 2 });
    this.#holdout = await measureHoldout(holdout, summary.plan, this.#records, { maxDrop, dropType });
  }

  #summary(plan: Plan | null = null): Summary {
    return summaryOf(plan, {
      ledger: this.#ledger,
      limit: this.#limit!,
      costs: this.#costs,
      groups: this.#groups,
      findings: this.#findings,
      sensitivities: this.#sensitivities,
      allows: (own) => this.#allows(own),
      figures: (own) => this.#task.figures?.(own, this.#costs) ?? { macsShare: null, bytes: null, ms: null },
      holdout: this.#holdout,
    });
  }

  #outcome(summary: Summary, status: SearchStatus): SearchOutcome {
    const seconds = (performance.now() - this.#start) / 1000;
    return summary.finish(status, seconds);
  }

  /** The best result until now, or `null` where no plan has been run. */
  #best(): R | null {
    const tried = this.#limit !== null && this.#ledger.evaluations.some(({ plan }) => plan !== null);
    if (!tried) return null;
    const summary = this.#summary();
    return this.#task.finish(this.#outcome(summary, summary.reached ? "reached" : "interrupted"));
  }

  #failed(error: EvaluationFailure): R {
    if (error.reason === "metric") throw new InvalidMetricError(error.message, this.#best());
    if (error.reason === "budget") {
      const summary = this.#limit && this.#ledger.evaluations.length > 1 ? this.#summary() : null;
      if (summary) return this.#end(summary, summary.reached ? "reached" : "budget_exhausted", error.message);
    }
    const best = this.#best();
    const named = error.reason === "aborted" ? { name: "AbortError" } : {};
    throw new SearchInterruptedError(error.message, best, { cause: error.cause, ...named });
  }

  #missed(): R {
    const { maxDrop, dropType } = this.#task;
    const all = this.#groups.map(({ id }) => id);
    const reverted = this.#groups.length > 0 ? this.#ledger.known(all) : undefined;
    const summary = this.#summary();
    if (reverted && !isWithin(this.#limit!.dropOf(reverted), Math.max(0, maxDrop))) {
      throw new BaselineMismatchError(
        `The plan with all ${all.length} groups in FP32 has a metric of ${reverted.metric} against ` +
          `${summary.baselineMetric} of the model that was given: the validation function gives one model two metrics, ` +
          `or the two models differ (permitted drop: ${maxDrop}, ${dropType})`,
        this.#task.finish(this.#outcome(summary, "not_reached")),
      );
    }
    return this.#end(summary, "not_reached", null);
  }

  #end(summary: Summary, status: SearchStatus, why: string | null): R {
    const result = this.#task.finish(this.#outcome(summary, status));
    if (status === "reached" || this.#task.strict === false) return result;
    const { maxDrop, dropType, maxRevertedShare = 1 } = this.#task;
    const { plan, metric, drop, baselineMetric, interval } = summary;
    const share = status === "not_reached" && maxRevertedShare < 1;
    throw new AccuracyDropError(
      `Cannot keep the ${dropType} drop of the metric within ${maxDrop}` +
        (share ? ` with at most ${maxRevertedShare} of the ${this.#costs.unit} in FP32` : "") +
        `: the best plan found, with ${plan.size} of ${this.#groups.length} groups in FP32, has a metric of ${metric} ` +
        `against ${baselineMetric}: a drop of ${Number(drop.toPrecision(6))}${why === null ? "" : `. ${why}`}`,
      result,
      { reason: status === "budget_exhausted" ? "budget" : share ? "maxRevertedShare" : "limit", interval },
    );
  }
}
