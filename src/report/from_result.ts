/** From what a search or a ranking found to what a report shows. @module */
import type { Graph } from "../graph/graph.ts";
import type { Plan, QuantizedGraph } from "../graph/quantizers.ts";
import type { Rung } from "../quant/recipe.ts";
import type { AccuracyControlResult } from "../search/accuracy_control.ts";
import { dropUnit } from "../search/limit.ts";
import type { Evaluation } from "../search/measure.ts";
import type { Holdout, Reverted } from "../search/outcome.ts";
import { isSamePlan } from "../search/plans.ts";
import type { GroupRanking } from "../search/rank.ts";
import { type Interval, itemsNeeded } from "../search/statistics.ts";
import type {
  ReportData,
  ReportEvaluation,
  ReportGroup,
  ReportInterval,
  ReportMetric,
  ReportPoint,
  ReportRange,
  ReportRecipe,
  ReportRun,
  ReportTimes,
} from "./data.ts";
import { metricText } from "./numbers.ts";
import { adviceOf } from "./words.ts";

/** What a report shows beside the result itself. */
export interface ReportContext {
  /** The name of the model. */
  readonly model: string;
  /** All that is needed to repeat the run. */
  readonly run: ReportRun;
  /** The name of the metric. Default `"metric"`. */
  readonly metric?: string;
  /** How sure the drop is. */
  readonly interval?: ReportInterval;
  /** Size of the FP32 file and of the file that was written. */
  readonly sizes?: { readonly before: number; readonly after: number };
  /** What each group costs alone. */
  readonly ranking?: GroupRanking;
  /** What the ladder of recipes gave. */
  readonly rungs?: readonly Rung[];
  /** The ranges of quantized values. */
  readonly ranges?: readonly ReportRange[];
  /** How long the models run. */
  readonly times?: ReportTimes;
}

/** The report of a search. */
export function reportOf(result: AccuracyControlResult, context: ReportContext): ReportData {
  const { plan, evaluations, itemInferences, seconds, model, warnings, advice } = result;
  const data = complete(model, plan, { ...context, warnings }, {
    metrics: [metricOf(result, context)],
    evaluations: evaluations.map((own) => evaluationOf(own, plan)),
    pareto: paretoOf(result),
    cost: { evaluations: evaluations.length, itemInferences, seconds },
    reverted: result.reverted,
  });
  return { ...data, advice: [...data.advice, ...advice] };
}

/** The report of a model that was quantized, and perhaps ranked, without measuring a metric. */
export function reportOfModel(model: QuantizedGraph, context: ReportContext): ReportData {
  return complete(model, new Set(), { ...context, warnings: model.warnings }, { metrics: [] });
}

function complete(
  model: QuantizedGraph,
  plan: Plan,
  { model: name, run, sizes, ranking, rungs = [], ranges, times, warnings }: ReportContext & {
    readonly warnings: readonly string[];
  },
  { reverted, ...parts }: Pick<ReportData, "metrics" | "evaluations" | "pareto" | "cost"> & {
    readonly reverted?: readonly Reverted[];
  },
): ReportData {
  const data: Omit<ReportData, "advice"> = {
    model: name,
    ...(sizes && { sizes }),
    ...parts,
    groups: groupsOf(model, plan, reverted ?? [], ranking),
    ...(ranking && { sensitivity: { measure: hasScores(ranking) ? "kl" : "nmse", items: ranking.items } }),
    ...(rungs.length > 0 && { recipes: recipesOf(rungs) }),
    ...(ranges && { ranges }),
    ...(times && { times }),
    warnings,
    run,
  };
  return { ...data, advice: adviceOf(data) };
}

function metricOf(result: AccuracyControlResult, { metric = "metric", interval }: ReportContext): ReportMetric {
  const { baselineMetric, int8Metric, drop, maxDrop, dropType, reached, evaluations, verified, holdout } = result;
  const items = Math.max(...evaluations.map((own) => own.items));
  const unit = dropUnit(dropType, baselineMetric);
  const own = interval ?? (result.interval && intervalOf(result.interval, unit, items, maxDrop));
  return {
    name: metric,
    baseline: baselineMetric,
    ...(int8Metric !== null && { int8: int8Metric }),
    result: result.metric,
    drop,
    maxDrop,
    dropType,
    reached,
    items,
    ...(own && { interval: own }),
    ...(!verified && { estimated: true }),
    ...(holdout && { holdout: holdoutOf(holdout, dropType, maxDrop) }),
  };
}

function holdoutOf(
  { items, baselineMetric, metric, drop, interval }: Holdout,
  dropType: AccuracyControlResult["dropType"],
  maxDrop: number,
): NonNullable<ReportMetric["holdout"]> {
  const unit = dropUnit(dropType, baselineMetric);
  return {
    ...{ items, baseline: baselineMetric, result: metric, drop },
    ...(interval && { interval: intervalOf(interval, unit, items, maxDrop) }),
  };
}

/** An interval in the unit that drops are counted in, with the items that the limit needs where these are too few. */
function intervalOf(
  { standardError, low, high }: Interval,
  unit: number,
  items: number,
  maxDrop: number,
): ReportInterval {
  const needed = itemsNeeded(standardError / unit, items, maxDrop);
  return {
    ...{ standardError: standardError / unit, low: low / unit, high: high / unit },
    ...(needed !== null && needed > items && { itemsNeeded: needed }),
  };
}

/** The rungs of a ladder; that which was kept last was taken. */
function recipesOf(rungs: readonly Rung[]): ReportRecipe[] {
  const chosen = rungs.findLast(({ kept }) => kept);
  return rungs.map((rung) => ({
    name: rung.recipes.join(" + ") || "options as given",
    sqnrDb: rung.sqnr,
    chosen: rung === chosen,
  }));
}

function hasScores({ groups }: GroupRanking): boolean {
  return groups.every(({ divergence }) => divergence !== null);
}

function groupsOf(
  { graph, groups }: QuantizedGraph,
  plan: Plan,
  reverted: readonly Reverted[],
  ranking: GroupRanking | undefined,
): ReportGroup[] {
  const operators = operatorsIn(graph);
  const reasons = new Map(reverted.map((own) => [own.group, reasonText(own)]));
  const ranks = new Map(ranking?.groups.map((rank) => [rank.id, rank]));
  return groups.map(({ id, nodes }): ReportGroup => {
    const rank = ranks.get(id);
    const reason = reasons.get(id) ?? null;
    return {
      id,
      nodes,
      operators: [...new Set(nodes.map((name) => operators.get(name)!))],
      reverted: plan.has(id),
      ...(reason !== null && { reason }),
      ...(rank && { sensitivity: rank.divergence ?? rank.nmse, sqnrDb: rank.sqnrDb }),
    };
  });
}

function operatorsIn({ nodes }: Graph): Map<string, string> {
  return new Map(nodes.map(({ name, op }) => [name, op]));
}

function reasonText({ reason: { before, after, sensitivity } }: Reverted): string | null {
  if (before !== null && after !== null) {
    return `in FP32 the metric goes from ${metricText(before)} to ${metricText(after)}`;
  }
  return sensitivity === null ? null : `alone in INT8 it moves the outputs by ${sensitivity.toPrecision(3)}`;
}

function evaluationOf({ plan, items, full, metric, drop, seconds }: Evaluation, accepted: Plan): ReportEvaluation {
  return {
    ...{ reverted: plan && plan.length, items, full, metric, drop: plan && drop, seconds },
    accepted: full && isSamePlan(plan, accepted),
  };
}

/** The plans that were measured on all items, by the share of their operations in FP32. */
function paretoOf({ groups, evaluations, plan: accepted, front }: AccuracyControlResult): ReportPoint[] {
  const sizes = new Map(groups.map(({ id, nodes }) => [id, nodes.length]));
  const all = groups.reduce((sum, { nodes }) => sum + nodes.length, 0);
  return evaluations.flatMap(({ plan, full, drop }): ReportPoint[] => {
    if (plan === null || !full || drop === null) return [];
    const own = plan.reduce((sum, id) => sum + (sizes.get(id) ?? 0), 0);
    return [{
      ...{ reverted: plan.length, drop, fp32Share: all > 0 ? own / all : 0, accepted: isSamePlan(plan, accepted) },
      front: front.some((point) => isSamePlan(plan, point.plan)),
    }];
  });
}
