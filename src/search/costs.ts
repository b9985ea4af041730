/** What it costs to keep a group in FP32. @module */
import type { Group, Plan } from "../graph/quantizers.ts";

/** What the search keeps small: operations in FP32, multiply-adds in FP32, or milliseconds in FP32. */
export type CostUnit = "operations" | "macs" | "ms";

/** The costs of the groups of a model. */
export interface Costs {
  /** What is counted. */
  readonly unit: CostUnit;
  /** How much a group costs in FP32. */
  of(group: string): number;
  /** The sum over the groups of a plan. */
  sumOf(plan: Plan): number;
  /** That as a share of the sum over all groups, 0 to 1; 0 where nothing costs anything. */
  shareOf(plan: Plan): number;
  /** What a sensitivity is divided by, so that groups that give back much for little come first; 1 for operations. */
  weightOf(group: string): number;
}

/** Costs by group id. Groups that are not in the map cost nothing. */
export function costsOf(groups: readonly Group[], byGroup: ReadonlyMap<string, number>, unit: CostUnit): Costs {
  const of = (group: string): number => byGroup.get(group) ?? 0;
  const all = groups.reduce((sum, { id }) => sum + of(id), 0);
  // A group that costs nothing is not infinitely attractive: it counts as a thousandth of the whole.
  const least = Math.max(all / 1000, Number.MIN_VALUE);
  const sumOf = (plan: Plan): number => [...plan].reduce((sum, id) => sum + of(id), 0);
  return {
    unit,
    of,
    sumOf,
    shareOf: (plan) => all > 0 ? sumOf(plan) / all : 0,
    weightOf: (group) => unit === "operations" ? 1 : Math.max(of(group), least),
  };
}

/** The number of operations of each group. */
export function operationsOf(groups: readonly Group[]): Map<string, number> {
  return new Map(groups.map(({ id, nodes }) => [id, nodes.length]));
}

/** The sums over each group's nodes of what each node costs; nodes that are not in the map cost nothing. */
export function sumsByGroup(groups: readonly Group[], byNode: ReadonlyMap<string, number>): Map<string, number> {
  return new Map(groups.map(({ id, nodes }) => [id, nodes.reduce((sum, name) => sum + (byNode.get(name) ?? 0), 0)]));
}
