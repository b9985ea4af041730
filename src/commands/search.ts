/** The options of a search on the command line: each is that of the library, in kebab-case. @module */
import type { SearchOptions } from "../search/accuracy_control.ts";
import type { Budget } from "../search/budget.ts";
import { STRATEGY_NAMES } from "../search/strategies.ts";
import { type Arguments, choiceOf, countOf, numberOf, type Option, UsageError } from "./arguments.ts";
import { journalFile } from "./journal_file.ts";

const COSTS = ["operations", "macs", "time"] as const;

/** The options. */
export const SEARCH_OPTIONS: readonly Option[] = [
  { name: "max-drop", value: "D", help: "the greatest drop of the metric (default 0.01)" },
  { name: "drop-type", value: "TYPE", help: "absolute (default) or relative" },
  {
    name: "confidence",
    value: "P",
    help: "how sure the drop must be within the limit, 0.5 to 1 (default: as measured)",
  },
  { name: "strategy", value: "NAME", help: `${STRATEGY_NAMES.join(", ")} (default: guided)` },
  { name: "cost", value: "WHAT", help: "what is kept small in FP32: operations (default), macs or time" },
  { name: "max-reverted-share", value: "S", help: "the share of that which may stay in FP32, 0 to 1 (default 1)" },
  {
    name: "ranking-subset-size",
    value: "N",
    help: "validation items that nncf ranks groups on (default: subset size)",
  },
  { name: "budget", value: "K=V,..", help: "items=, evaluations=, seconds= that the search may spend" },
  { name: "journal", value: "FILE", help: "keep measurements there; the same call goes on where one was killed" },
];

/**
 * The options of a command line.
 *
 * @throws {UsageError} Where a value is not one that the option takes.
 */
export function searchOptionsOf(
  args: Arguments,
  subsetSize: number,
): Omit<SearchOptions<unknown>, "strategy"> & { readonly strategy: (typeof STRATEGY_NAMES)[number] } {
  const [confidence, journal] = [shareOf(args, "confidence", 0.5), args.value("journal")];
  return {
    maxDrop: numberOf(args, "max-drop") ?? 0.01,
    dropType: choiceOf(args, "drop-type", ["absolute", "relative"]) ?? "absolute",
    ...(confidence !== undefined && { confidence }),
    strategy: choiceOf(args, "strategy", STRATEGY_NAMES) ?? "guided",
    cost: choiceOf(args, "cost", COSTS) ?? "operations",
    maxRevertedShare: shareOf(args, "max-reverted-share") ?? 1,
    rankingSubsetSize: countOf(args, "ranking-subset-size") ?? subsetSize,
    budget: budgetOf(args),
    ...(journal !== undefined && { journal: journalFile(journal) }),
  };
}

function shareOf(args: Arguments, name: string, least = 0): number | undefined {
  const share = numberOf(args, name);
  if (share !== undefined && !(share >= least && share <= 1)) {
    throw new UsageError(`--${name} must be a number from ${least} to 1, got "${args.value(name)}"`);
  }
  return share;
}

function budgetOf(args: Arguments): Budget {
  const words = args.value("budget")?.split(",") ?? [];
  return Object.fromEntries(words.map((word) => {
    const [, name, value] = word.match(/^(items|evaluations|seconds)=(.+)$/) ?? [];
    if (name === undefined || !(Number(value) > 0)) {
      throw new UsageError(`--budget must be items=, evaluations= or seconds= and a number above 0, got "${word}"`);
    }
    return [name, Number(value)];
  }));
}
