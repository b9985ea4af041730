/** The frame around every strategy: baseline, INT8, search, and the best of what was found. @module */
import type { Group, Plan } from "../graph/quantizers.ts";
import { AccuracyDropError, InvalidMetricError, SearchInterruptedError } from "./errors.ts";
import { type Evaluation, EvaluationFailure, type Evaluator, type Ledger, openLedger } from "./ledger.ts";
import { dropOf, type DropType, isWithin } from "./limit.ts";
import type { SearchEvent } from "./progress.ts";
import type { Strategy } from "./strategy.ts";

/** A group that is kept in FP32. */
export interface Reverted {
  /** Id of the group. */
  readonly group: string;
  /** Names of its nodes. */
  readonly nodes: readonly string[];
  /** Why: the metric before and after its step; `null` where the strategy did not measure that. */
  readonly reason: { readonly before: number | null; readonly after: number | null };
}

/** What a search found, and what it cost. */
export interface SearchOutcome {
  /** Ids of the groups in FP32, in the order in which they were put there. */
  readonly plan: Plan;
  /** The metric of the FP32 model. */
  readonly baselineMetric: number;
  /** The metric with every group in INT8. */
  readonly int8Metric: number;
  /** The metric under the plan. */
  readonly metric: number;
  /** Its drop against the baseline. */
  readonly drop: number;
  /** The drop that was permitted. */
  readonly maxDrop: number;
  /** How the drop is counted. */
  readonly dropType: DropType;
  /** Whether the drop keeps to the limit. */
  readonly reached: boolean;
  /** All groups, those nearer to the inputs first. */
  readonly groups: readonly Group[];
  /** The groups in FP32, and why. */
  readonly reverted: readonly Reverted[];
  /** All calls of the validation function. */
  readonly evaluations: readonly Evaluation[];
  /** Number of items given to the validation function in all calls. */
  readonly itemInferences: number;
  /** Time taken. */
  readonly seconds: number;
}

/** A search to run. */
export interface SearchTask<R> {
  /** Gives plans their metric. */
  readonly evaluator: Evaluator;
  /** Gives the groups; called once the baseline is known. */
  readonly prepare: () => Promise<readonly Group[]> | readonly Group[];
  /** The permitted drop. */
  readonly maxDrop: number;
  /** How the drop is counted. */
  readonly dropType: DropType;
  /** Chooses the plans. */
  readonly strategy: Strategy;
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
 * @throws {SearchInterruptedError} Where the validation function throws or the search is aborted.
 * @throws {InvalidMetricError} Where the validation function returns no metric.
 * @throws {RangeError} Where a relative drop is asked for and the baseline is 0.
 */
export async function searchPlan<R>(task: SearchTask<R>): Promise<R> {
  const { evaluator, maxDrop, dropType, strategy, onProgress } = task;
  const start = performance.now();
  const report = (event: SearchEvent): void => onProgress?.(event);
  let baselineMetric = NaN;
  const drop = (metric: number): number => dropOf(metric, baselineMetric, dropType);
  const ledger = openLedger(evaluator, {
    dropOf: (metric) => Number.isNaN(baselineMetric) ? 0 : drop(metric),
    onEvaluation: (evaluation) => report({ type: "evaluation", evaluation }),
    signal: task.signal,
  });
  let groups: readonly Group[] = [];
  const outcome = (plan: Plan): R =>
    task.finish({
      ...summary(ledger, plan, groups),
      baselineMetric,
      maxDrop,
      dropType,
      ...position(ledger, plan, drop, maxDrop),
      seconds: (performance.now() - start) / 1000,
    });
  const best = (): R | null => {
    const plan = bestPlan(ledger, maxDrop);
    return plan && ledger.known([]) ? outcome(plan) : null;
  };

  try {
    report({ type: "stage", stage: "baseline", done: 0, total: 1 });
    const baseline = await ledger.score(null);
    if (!Number.isFinite(baseline.metric)) {
      throw new EvaluationFailure("metric", `The metric of the FP32 model must be finite, got ${baseline.metric}`);
    }
    baselineMetric = baseline.metric;
    drop(baselineMetric);
    report({ type: "stage", stage: "baseline", done: 1, total: 1 });
    groups = await task.prepare();
    report({ type: "stage", stage: "int8", done: 0, total: 1 });
    await ledger.score(new Set());
    report({ type: "stage", stage: "int8", done: 1, total: 1 });
    const plan = await strategy({
      groups,
      items: ledger.items,
      baseline,
      evaluate: ledger.score,
      dropOf: drop,
      within: (value) => isWithin(value, maxDrop),
      report,
    });
    const { metric } = await ledger.score(plan);
    if (isWithin(drop(metric), maxDrop)) return outcome(plan);
  } catch (error) {
    if (!(error instanceof EvaluationFailure)) throw error;
    if (error.reason === "metric") throw new InvalidMetricError(error.message, best());
    const options = error.reason === "aborted" ? { cause: error.cause, name: "AbortError" } : { cause: error.cause };
    throw new SearchInterruptedError(error.message, best(), options);
  }
  const plan = bestPlan(ledger, maxDrop)!;
  const found = position(ledger, plan, drop, maxDrop);
  if (found.reached) return outcome(plan);
  throw new AccuracyDropError(
    `Cannot keep the ${dropType} drop of the metric within ${maxDrop}: the best plan found, with ${plan.size} of ` +
      `${groups.length} groups in FP32, has a metric of ${found.metric} against ${baselineMetric}: ` +
      `a drop of ${Number(found.drop.toPrecision(6))}`,
    outcome(plan),
  );
}

/** Of the plans evaluated on all items: that within the limit with the fewest groups, else that with the least drop. */
function bestPlan(ledger: Ledger, maxDrop: number): Plan | null {
  let best: { plan: readonly string[]; drop: number; within: boolean } | null = null;
  for (const { plan, drop } of ledger.evaluations) {
    if (plan === null || drop === null) continue;
    const within = isWithin(drop, maxDrop);
    const better = !best || within !== best.within
      ? !best || within
      : within && plan.length !== best.plan.length
      ? plan.length < best.plan.length
      : drop < best.drop || (drop === best.drop && plan.length < best.plan.length);
    if (better) best = { plan, drop, within };
  }
  return best && new Set(best.plan);
}

function position(
  ledger: Ledger,
  plan: Plan,
  dropOf: (metric: number) => number,
  maxDrop: number,
): Pick<SearchOutcome, "int8Metric" | "metric" | "drop" | "reached"> {
  const { metric } = ledger.known(plan)!;
  const drop = dropOf(metric);
  return { int8Metric: ledger.known([])!.metric, metric, drop, reached: isWithin(drop, maxDrop) };
}

function summary(
  ledger: Ledger,
  plan: Plan,
  groups: readonly Group[],
): Pick<SearchOutcome, "plan" | "groups" | "reverted" | "evaluations" | "itemInferences"> {
  const ids = [...plan];
  const nodes = new Map(groups.map((group) => [group.id, group.nodes]));
  const reverted = ids.map((group, i): Reverted => ({
    group,
    nodes: nodes.get(group) ?? [],
    reason: {
      before: ledger.known(ids.slice(0, i))?.metric ?? null,
      after: ledger.known(ids.slice(0, i + 1))?.metric ?? null,
    },
  }));
  const evaluations = [...ledger.evaluations];
  const itemInferences = evaluations.reduce((sum, { items }) => sum + items, 0);
  return { plan, groups, reverted, evaluations, itemInferences };
}
