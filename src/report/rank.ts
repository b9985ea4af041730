/** Sensitivities of groups as text for a terminal. @module */
import type { QuantizedGraph } from "../graph/quantizers.ts";
import type { GroupRank, GroupRanking } from "../search/rank.ts";
import { digitsText } from "./numbers.ts";
import { cut, grid } from "./text.ts";

/**
 * The groups of a model by what each costs alone in INT8, the most sensitive first.
 *
 * @param options.top Groups to list. Default: all.
 */
export function rankText(
  { graph, groups }: QuantizedGraph,
  ranking: GroupRanking,
  options: { readonly top?: number } = {},
): string {
  const operators = new Map(graph.nodes.map(({ name, op }) => [name, op]));
  const places = new Map(groups.map(({ id }, i) => [id, i + 1]));
  const shown = ranking.groups.slice(0, options.top ?? ranking.groups.length);
  const scores = shown.some(({ divergence }) => divergence !== null);
  const cellsOf = ({ id, nodes, sqnrDb, divergence }: GroupRank, i: number): string[] => [
    cut(id),
    [...new Set(nodes.map((name) => operators.get(name) ?? ""))].join(" "),
    String(i + 1),
    String(places.get(id)),
    String(nodes.length),
    sqnrDb === null ? "exact" : sqnrDb.toFixed(1),
    ...(scores ? [divergence === null ? "" : digitsText(divergence)] : []),
  ];
  const head = ["group", "operators", "rank", "place", "nodes", "SQNR dB", ...(scores ? ["KL nats"] : [])];
  const left = ranking.groups.length - shown.length;
  return [grid(head, shown.map(cellsOf), 2), ...(left > 0 ? [`... ${left} more`] : [])].join("\n");
}
