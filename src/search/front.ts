/** The plans of which none is better in everything. @module */
import type { Plan } from "../graph/quantizers.ts";
import type { Interval } from "./statistics.ts";

/** What a plan leaves in FP32 and what that takes; `null` where it is not known. */
export interface PlanFigures {
  /** The share of multiply-adds in FP32, 0 to 1. */
  readonly macsShare: number | null;
  /** Bytes of the model's constants: weights, scales and zero points. */
  readonly bytes: number | null;
  /** Milliseconds that the operations in FP32 take, where costs were measured. */
  readonly ms: number | null;
}

/** A plan that was measured on all validation items. `applyPlan(result.model, point.plan)` is its graph. */
export interface FrontPoint extends PlanFigures {
  /** Ids of the groups in FP32. */
  readonly plan: Plan;
  /** Its metric. */
  readonly metric: number;
  /** Its drop against the baseline. */
  readonly drop: number;
  /** The interval of its drop, in units of the metric; `null` where there are no values per item. */
  readonly interval: Interval | null;
  /** The share of operations in FP32, of those that can be quantized, 0 to 1. */
  readonly operationsShare: number;
}

/** The points that no other point beats in drop, operations, multiply-adds, bytes and milliseconds; the least drop last. */
export function frontOf(points: readonly FrontPoint[]): FrontPoint[] {
  const axes = (point: FrontPoint): number[] =>
    [point.drop, point.operationsShare, point.macsShare, point.bytes, point.ms].map((value) => value ?? 0);
  const beats = (one: FrontPoint, other: FrontPoint): boolean => {
    const [a, b] = [axes(one), axes(other)];
    return a.every((value, i) => value <= b[i]!) && a.some((value, i) => value < b[i]!);
  };
  return points.filter((point) => !points.some((other) => beats(other, point)))
    .toSorted((a, b) => b.drop - a.drop || a.operationsShare - b.operationsShare);
}
