/** The strategies by name. @module */
import { guided } from "./guided.ts";
import { linear } from "./linear.ts";
import { nncf } from "./nncf.ts";
import type { Strategy } from "./strategy.ts";

/** The name of a strategy; `"none"` keeps everything in INT8 and measures it. */
export type StrategyName = "guided" | "linear" | "nncf" | "none";

/** The names of all strategies. */
export const STRATEGY_NAMES: readonly StrategyName[] = ["guided", "linear", "nncf", "none"];

/**
 * The strategy of a name, or the one given.
 *
 * @param rankingSubsetSize Number of validation items that `nncf` ranks groups on.
 * @throws {RangeError} Where there is none of that name.
 */
export function strategyOf(strategy: StrategyName | Strategy, rankingSubsetSize: number): Strategy {
  if (typeof strategy === "function") return strategy;
  switch (strategy) {
    case "guided":
      return guided();
    case "linear":
      return linear();
    case "nncf":
      return nncf({ rankingSubsetSize });
    case "none":
      return none;
    default:
      throw new RangeError(
        `Option "strategy" must be a function or one of ${STRATEGY_NAMES.join(", ")}: current value is ` +
          JSON.stringify(strategy satisfies never),
      );
  }
}

const none: Strategy = async (search) => {
  search.report({ type: "stage", stage: "int8", done: 0, total: 1 });
  await search.evaluate(new Set());
  return new Set();
};
