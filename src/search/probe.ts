/** Deciding whether a plan keeps to the limit, on as few validation items as that needs. @module */
import type { Plan } from "../graph/quantizers.ts";
import { dropUnit } from "./limit.ts";
import { shuffledIndices } from "./order.ts";
import { normalQuantile } from "./statistics.ts";
import type { SearchContext } from "./strategy.ts";
import { type Expected, expectedDrop } from "./surrogate.ts";

/** Items that are run between decisions. */
const BLOCK = 50;

/** Standard errors that an estimate must be away from the limit. */
const Z = 2;

/** The share of items that may change although nothing lets expect it. */
const FLOOR = 0.004;

/** Whether a plan keeps to the limit. */
export interface Probe {
  /** `"pass"`: yes, on all items. `"likely"`: so it seems. `"fail"`: no, or so it seems. */
  readonly verdict: "pass" | "likely" | "fail";
  /** The drop in units of the metric: as measured on all items, else as estimated. */
  readonly drop: number;
}

/** What is known of a plan after some items. */
export interface Seen {
  /** The value of each item with the FP32 model. */
  readonly baseline: ArrayLike<number>;
  /** The value of each item under the plan; NaN where it was not run. */
  readonly values: ArrayLike<number>;
  /** What each item was expected to change, or `null` where items are run in a random order. */
  readonly expected: Expected | null;
  /** The permitted drop, summed over all items. */
  readonly limit: number;
  /** The share of chance to which the drop must be below the limit, or `null`. */
  readonly confidence: number | null;
  /** Whether only what is certain counts. */
  readonly certain: boolean;
}

/**
 * What can be said of a plan from the items seen: a verdict, or `null` where more items are needed; and the drop expected.
 *
 * It fails for certain where even gains of all items left would not bring it back to the limit. It fails, or is likely to
 * pass, where the drop so far and the changes expected of the rest are two standard errors and one item away from the limit.
 * Expectations are scaled by what the items seen changed against what was expected of them.
 */
export function judge(
  { baseline, values, expected, limit, confidence, certain }: Seen,
): { readonly verdict: "fail" | "likely" | null; readonly drop: number } {
  const count = baseline.length;
  const bounded = isBounded(baseline);
  let [seen, lost, changed, squares, foreseen] = [0, 0, 0, 0, 0];
  let [mayGain, toLose, toChange, unit] = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const [own, net] = expected ? [expected.lost[i]! + expected.gained[i]!, expected.lost[i]! - expected.gained[i]!] : [
      0,
      0,
    ];
    if (Number.isNaN(values[i]!)) {
      mayGain += 1 - baseline[i]!;
      toLose += net;
      toChange += own;
      continue;
    }
    const change = baseline[i]! - values[i]!;
    seen++;
    lost += change;
    changed += Math.abs(change);
    squares += change * change;
    foreseen += own;
    unit = Math.max(unit, Math.abs(change));
  }
  const left = count - seen;
  if (bounded) unit = 1;
  let [mean, variance] = [0, 0];
  if (expected) {
    const scale = (changed + 2) / (foreseen + 2);
    [mean, variance] = [scale * toLose, scale * toChange];
  } else if (seen > 1) {
    const own = lost / seen;
    mean = left * own;
    // One change more than was seen: where there was none, it may have been chance.
    variance = left * (1 + left / seen) * Math.max(0, squares - seen * own * own + unit * unit) / (seen - 1);
  }
  variance += FLOOR * left * unit * unit;
  const drop = (lost + mean) / count;
  if (bounded && lost - mayGain > limit) return { verdict: "fail", drop };
  if (seen < 2 * BLOCK || certain || left === 0) return { verdict: null, drop };
  const spread = Z * Math.sqrt(variance) + unit;
  if (lost + mean - spread > limit) return { verdict: "fail", drop };
  const margin = confidence === null ? 0 : normalQuantile(confidence) * Math.sqrt(squares + variance);
  return { verdict: lost + mean + spread + margin <= limit ? "likely" : null, drop };
}

/** Whether values lie between 0 and 1, as far as the FP32 model shows. */
function isBounded(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (!(values[i]! >= 0 && values[i]! <= 1)) return false;
  return true;
}

/** Settings of a probe. */
export interface ProbeOptions {
  /** What each item is expected to change: the most likely ones are run first. */
  readonly expected?: Expected | null;
  /** Whether only all items, or what is certain without them, decide. */
  readonly final?: boolean;
}

/** Runs a plan on validation items until it can be decided, on all of them where the metric is no mean of their values. */
export async function probe(
  search: SearchContext,
  plan: Plan,
  { expected = null, final = false }: ProbeOptions = {},
): Promise<Probe> {
  const result = await decide(search, plan, expected, final);
  search.report({ type: "probe", plan: [...plan], ...result, expected: expected && expectedDrop(expected) });
  return result;
}

async function decide(
  search: SearchContext,
  plan: Plan,
  expected: Expected | null,
  final: boolean,
): Promise<Probe> {
  const order = orderOf(search.items, expected);
  while (search.additive) {
    const values = search.valuesOf(plan)!;
    const open = order.filter((i) => Number.isNaN(values[i]!));
    if (open.length === 0) break;
    const { verdict, drop } = judge({
      baseline: search.baseline.perItem!,
      values,
      expected,
      limit: search.limit.absolute * search.items + 1e-6,
      confidence: search.limit.confidence,
      certain: final,
    });
    if (verdict) return { verdict, drop };
    await search.evaluate(plan, open.slice(0, BLOCK));
  }
  const score = await search.evaluate(plan);
  const unit = dropUnit(search.limit.dropType, search.baseline.metric);
  return { verdict: search.limit.accepts(score) ? "pass" : "fail", drop: search.limit.dropOf(score) * unit };
}

/** The items that are most likely to change first; those alike, and all where nothing is expected, in a random order. */
function orderOf(items: number, expected: Expected | null): number[] {
  const order = shuffledIndices(items, 2);
  if (!expected) return order;
  const own = (i: number): number => expected.lost[i]! + expected.gained[i]!;
  return order.sort((a, b) => own(b) - own(a));
}
