/** Putting together what a search found. @module */
import { isSamePlan, planName } from "./plans.ts";
import type { Group, Plan } from "../graph/quantizers.ts";
import { adviceOf, type Findings, warningsOf } from "./advice.ts";
import type { Costs } from "./costs.ts";
import { frontOf, type FrontPoint, type PlanFigures } from "./front.ts";
import type { Ledger } from "./ledger.ts";
import { dropUnit, type Limit } from "./limit.ts";
import type { Score } from "./measure.ts";
import type { Holdout, Reverted, SearchOutcome, SearchStatus } from "./outcome.ts";
import { type Interval, intervalOf } from "./statistics.ts";

/** A probe's verdict on a plan. */
export interface Finding {
  /** Ids of the groups in FP32. */
  readonly plan: readonly string[];
  /** Whether it keeps to the limit. */
  readonly verdict: "pass" | "likely" | "fail";
  /** Its drop in units of the metric, measured or estimated. */
  readonly drop: number;
}

/** What a search has gathered. */
export interface Gathered {
  readonly ledger: Ledger;
  readonly limit: Limit;
  readonly costs: Costs;
  readonly groups: readonly Group[];
  readonly findings: readonly Finding[];
  readonly sensitivities: ReadonlyMap<string, number>;
  readonly holdout: Holdout | null;
  readonly allows: (plan: Plan) => boolean;
  readonly figures: (plan: Plan) => PlanFigures;
}

/** A plan and what is known of it, ready to become an outcome. */
export interface Summary extends Pick<SearchOutcome, "plan" | "metric" | "drop" | "baselineMetric" | "interval"> {
  /** Whether the plan keeps to all limits. */
  readonly reached: boolean;
  /** The outcome. */
  finish(status: SearchStatus, seconds: number): SearchOutcome;
}

/** What is known of a plan; of the best plan where none is given. */
export function summaryOf(chosen: Plan | null, gathered: Gathered): Summary {
  const { ledger, limit, allows, groups } = gathered;
  const plan = chosen ?? bestPlan(gathered);
  const baseline = ledger.known(null)!;
  const score = ledger.known(plan);
  const unit = dropUnit(limit.dropType, baseline.metric);
  const estimate = score ? 0 : gathered.findings.findLast((finding) => isSamePlan(finding.plan, plan))?.drop ?? 0;
  const drop = score ? limit.dropOf(score) : estimate / unit;
  const metric = score ? score.metric : baseline.metric - estimate;
  const reached = score !== undefined && allows(plan) && limit.accepts(score);
  const interval = score ? intervalBetween(baseline, score, ledger) : null;
  const facts = { plan, metric, drop, interval, reached, baselineMetric: baseline.metric };
  return {
    ...facts,
    finish(status, seconds): SearchOutcome {
      const findings: Findings = {
        ...facts,
        int8Metric: ledger.known([])?.metric ?? null,
        verified: score !== undefined,
        ...{ maxDrop: limit.maxDrop, dropType: limit.dropType, confidence: limit.confidence },
        ...{ status, groups, reverted: revertedOf(plan, gathered) },
        revertedShare: { unit: gathered.costs.unit, share: gathered.costs.shareOf(plan) },
        sensitivities: groups.filter(({ id }) => gathered.sensitivities.has(id))
          .map(({ id }) => ({ group: id, divergence: gathered.sensitivities.get(id)! })),
        front: frontOf(pointsOf(gathered, plan)),
        evaluations: [...ledger.evaluations],
        itemInferences: Math.ceil(ledger.itemInferences + 2 * (gathered.holdout?.items ?? 0)),
        holdout: gathered.holdout,
      };
      const warnings = warningsOf(findings, ledger.items);
      return { ...findings, warnings, advice: adviceOf(findings, warnings), seconds };
    },
  };
}

function intervalBetween(before: Score, after: Score, { additive }: Ledger): Interval | null {
  return additive && before.perItem && after.perItem ? intervalOf(before.perItem, after.perItem) : null;
}

/**
 * Of the plans run on all items: that within the limit which costs least, else that with the least drop. Where none was run
 * on all items: that which probably keeps to the limit and costs least, else that with the least estimate.
 */
function bestPlan({ ledger, limit, costs, allows, findings }: Gathered): Plan {
  interface Candidate {
    readonly plan: Plan;
    readonly drop: number;
    readonly within: boolean;
  }
  const better = (one: Candidate, other: Candidate): boolean => {
    if (one.within !== other.within) return one.within;
    const cost = costs.sumOf(one.plan) - costs.sumOf(other.plan) || one.plan.size - other.plan.size;
    return one.within ? cost < 0 || (cost === 0 && one.drop < other.drop) : one.drop < other.drop ||
      (one.drop === other.drop && cost < 0);
  };
  const bestOf = (candidates: readonly Candidate[]): Candidate | null =>
    candidates.reduce<Candidate | null>((best, own) => !best || better(own, best) ? own : best, null);
  const measured = bestOf(
    ledger.evaluations.filter(({ plan, full }) => plan !== null && full).map(({ plan }) => {
      const own = new Set(plan);
      const score = ledger.known(own)!;
      return { plan: own, drop: limit.dropOf(score), within: limit.accepts(score) && allows(own) };
    }),
  );
  if (measured?.within) return measured.plan;
  const guessed = bestOf(findings.map(({ plan, verdict, drop }) => {
    const own = new Set(plan);
    return { plan: own, drop, within: verdict !== "fail" && allows(own) };
  }));
  if (guessed && (guessed.within || !measured)) return guessed.plan;
  return measured?.plan ?? new Set(ledger.evaluations.findLast(({ plan }) => plan !== null)?.plan ?? []);
}

function revertedOf(plan: Plan, { ledger, groups, sensitivities }: Gathered): Reverted[] {
  const ids = [...plan];
  const nodes = new Map(groups.map((group) => [group.id, group.nodes]));
  return ids.map((group, i): Reverted => ({
    group,
    nodes: nodes.get(group) ?? [],
    reason: {
      before: ledger.known(ids.slice(0, i))?.metric ?? null,
      after: ledger.known(ids.slice(0, i + 1))?.metric ?? null,
      sensitivity: sensitivities.get(group) ?? null,
    },
  }));
}

function pointsOf({ ledger, limit, groups, figures }: Gathered, chosen: Plan): FrontPoint[] {
  const baseline = ledger.known(null)!;
  const operations = new Map(groups.map(({ id, nodes }) => [id, nodes.length]));
  const all = groups.reduce((sum, { nodes }) => sum + nodes.length, 0);
  const points = new Map<string, FrontPoint>();
  for (const { plan: ids, full } of ledger.evaluations) {
    if (ids === null || !full) continue;
    const plan = isSamePlan(ids, chosen) ? chosen : new Set(ids);
    const score = ledger.known(plan);
    if (!score) continue;
    const own = ids.reduce((sum, id) => sum + (operations.get(id) ?? 0), 0);
    points.set(planName(ids), {
      ...{ plan, metric: score.metric, drop: limit.dropOf(score), interval: intervalBetween(baseline, score, ledger) },
      ...{ operationsShare: all > 0 ? own / all : 0, ...figures(plan) },
    });
  }
  return [...points.values()];
}
