/** A classifier that exists only as scores, to which each group in INT8 adds noise of its own. */
import type { Group, Plan } from "../../src/graph/quantizers.ts";
import { divergence } from "../../src/search/divergence.ts";
import type { Evaluator } from "../../src/search/measure.ts";
import { randomFrom } from "../../src/search/order.ts";
import { alignedError, expectedChanges, keepScores, type KeptScores } from "../../src/search/surrogate.ts";

/** Settings of a classifier. */
export interface ClassifierOptions {
  /** The amplitude of each group's noise; scores have a deviation of 2. */
  readonly noise: readonly number[];
  /** Validation items. Default 600. */
  readonly items?: number;
  /** Unlabelled items. Default 32. */
  readonly unlabelled?: number;
  /** Default 1. */
  readonly seed?: number;
}

/** A classifier of 8 classes with about 15 % wrong answers. */
export interface Classifier extends Evaluator {
  /** Its groups, g0, g1 and so on; a later group has a smaller part of the network behind it. */
  readonly groups: readonly Group[];
  /** Items in calls of `evaluate` until now. */
  readonly ran: () => number;
  /** Calls of `evaluate` and `forecast` until now. */
  readonly calls: () => number;
  /** The exact drop of a plan over all items. */
  dropOf(plan: Plan): number;
}

const CLASSES = 8;

/** Makes a classifier. */
export function classifierOf({ noise, items = 600, unlabelled = 32, seed = 1 }: ClassifierOptions): Classifier {
  const groups = noise.map((_, i): Group => ({ id: `g${i}`, nodes: [`g${i}.node`] }));
  const scoresOf = (item: number, plan: Plan | null): Float32Array => {
    const clean = gaussians(seed * 7919 + item);
    const scores = Float32Array.from({ length: CLASSES }, () => 2 * clean());
    groups.forEach(({ id }, g) => {
      if (plan === null || plan.has(id)) return;
      const own = gaussians(seed * 104729 + item * 131 + g + 1);
      for (let c = 0; c < CLASSES; c++) scores[c]! += noise[g]! * own();
    });
    return scores;
  };
  const labels = Array.from({ length: items }, (_, item) => {
    const random = randomFrom(seed * 31 + item * 17 + 5);
    return random() < 0.15 ? Math.floor(random() * CLASSES) : argmax(scoresOf(item, null));
  });
  const value = (scores: ArrayLike<number>, item: number): number => argmax(scores) === labels[item] ? 1 : 0;
  const valueOf = (item: number, plan: Plan | null): number => value(scoresOf(item, plan), item);
  const shareOf = (plan: Plan): number => {
    const first = groups.findIndex(({ id }) => !plan.has(id));
    return first < 0 ? 0 : 1 - first / groups.length;
  };
  let [ran, calls] = [0, 0];
  return {
    ...{ groups, items, unlabelled, shareOf },
    ran: () => ran,
    calls: () => calls,
    dropOf: (plan) => mean(labels.map((_, i) => valueOf(i, null) - valueOf(i, plan))),
    evaluate(plan, subset) {
      const own = subset ?? Array.from(labels.keys());
      [ran, calls] = [ran + own.length, calls + 1];
      const perItem = own.map((i) => valueOf(i, plan));
      return Promise.resolve({ metric: mean(perItem), perItem });
    },
    kept(): KeptScores {
      const keeper = keepScores(items);
      for (let i = 0; i < items; i++) keeper.add(scoresOf(i, null));
      return keeper.finish();
    },
    forecast(plan, count, kept) {
      calls++;
      const ids = Array.from({ length: count }, (_, i) => 1_000_000 + i);
      const pairs = ids.map((i) => [scoresOf(i, null), scoresOf(i, plan)] as const);
      const output = (data: Float32Array) => [{ data, last: CLASSES }];
      const errors = pairs.map(([before, after]) => alignedError(before, after));
      return Promise.resolve({
        divergence: mean(pairs.map(([before, after]) => divergence(output(before), output(after), "kl"))),
        expected: kept && expectedChanges(kept, labels.map((_, i) => valueOf(i, null)), errors, value),
        cost: count * shareOf(plan),
      });
    },
  };
}

function gaussians(seed: number): () => number {
  const random = randomFrom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function argmax(scores: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
  return best;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
