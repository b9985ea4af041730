/** How sure a measured drop is. @module */

/** The mean of values; NaN of none. */
export function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** A drop with what the size of the validation set says about it. */
export interface Interval {
  /** The drop, in units of the metric. */
  readonly drop: number;
  /** Its standard error: the items of the set are taken as drawn at random. */
  readonly standardError: number;
  /** The lower end of the 95 % interval. */
  readonly low: number;
  /** The upper end of the 95 % interval. */
  readonly high: number;
  /** Items that are worth less than before. */
  readonly lost: number;
  /** Items that are worth more than before. */
  readonly gained: number;
  /** How the interval was made: from the standard error, or exactly from the counts where fewer than 10 items changed. */
  readonly method: "normal" | "exact";
}

/** Fewer changed items than this ask for exact limits. */
const FEW = 10;

/** What the items say about the mean drop: how many there are, and how their values changed. */
interface Changes {
  readonly items: number;
  readonly lost: number;
  readonly gained: number;
  readonly mean: number;
  readonly variance: number;
  /** Whether every value is 0 or 1. */
  readonly binary: boolean;
}

function changesOf(before: ArrayLike<number>, after: ArrayLike<number>): Changes {
  let [lost, gained, sum, squares, binary] = [0, 0, 0, 0, true];
  const items = before.length;
  for (let i = 0; i < items; i++) {
    const change = before[i]! - after[i]!;
    if (change > 0) lost++;
    if (change < 0) gained++;
    sum += change;
    squares += change * change;
    binary &&= (before[i] === 0 || before[i] === 1) && (after[i] === 0 || after[i] === 1);
  }
  const change = sum / items;
  return { items, lost, gained, mean: change, variance: Math.max(0, squares / items - change * change), binary };
}

/**
 * The drop of the mean of paired values, its standard error `sqrt(variance / items)` and its 95 % interval.
 *
 * Where values are 0 or 1 and fewer than 10 items changed, the ends come from exact binomial limits (Clopper and Pearson) of
 * the shares lost and gained, combined by their distances from the estimates (Zou and Donner 2008, "MOVER").
 *
 * @param before The value of each item with the FP32 model.
 * @param after The value of each item now.
 */
export function intervalOf(before: ArrayLike<number>, after: ArrayLike<number>): Interval {
  const changes = changesOf(before, after);
  const { items, lost, gained, mean } = changes;
  const standardError = Math.sqrt(changes.variance / items);
  const exact = changes.binary && lost + gained < FEW;
  const z = normalQuantile(0.975);
  const [low, high] = exact ? exactEnds(changes, 0.025) : [mean - z * standardError, mean + z * standardError];
  return { drop: mean, standardError, low, high, lost, gained, method: exact ? "exact" : "normal" };
}

/** The value that the drop is below with this confidence, one-sided; made as the ends of {@linkcode intervalOf}. */
export function upperBound(before: ArrayLike<number>, after: ArrayLike<number>, confidence: number): number {
  const changes = changesOf(before, after);
  if (changes.binary && changes.lost + changes.gained < FEW) return exactEnds(changes, 1 - confidence)[1];
  return changes.mean + normalQuantile(confidence) * Math.sqrt(changes.variance / changes.items);
}

function exactEnds({ items, lost, gained, mean }: Changes, tail: number): [low: number, high: number] {
  const [lostLow, lostHigh] = binomialLimits(lost, items, tail);
  const [gainedLow, gainedHigh] = binomialLimits(gained, items, tail);
  const [l, g] = [lost / items, gained / items];
  return [mean - Math.hypot(l - lostLow, gainedHigh - g), mean + Math.hypot(lostHigh - l, g - gainedLow)];
}

/**
 * Exact limits of a share (Clopper and Pearson 1934): those at which `count` or more, and `count` or fewer, of `items` have
 * the probability `tail`.
 */
export function binomialLimits(count: number, items: number, tail: number): [low: number, high: number] {
  const low = count === 0 ? 0 : solve((p) => 1 - atMost(count - 1, items, p) < tail);
  const high = count === items ? 1 : solve((p) => atMost(count, items, p) > tail);
  return [low, high];
}

/** The probability of at most `count` successes among `items` trials. */
function atMost(count: number, items: number, p: number): number {
  let [sum, choose] = [0, 0];
  for (let k = 0; k <= count; k++) {
    if (k > 0) choose += Math.log((items - k + 1) / k);
    sum += Math.exp(choose + k * Math.log(p) + (items - k) * Math.log1p(-p));
  }
  return sum;
}

/** The share up to which `isBelow` holds, by bisection. */
function solve(isBelow: (p: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (isBelow(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** The number that a standard normal variable is below with this probability, from 0 to 1 exclusive. */
export function normalQuantile(probability: number): number {
  let [low, high] = [-9, 9];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The normal distribution function, by its series (Marsaglia 2004); exact to 1e-12 and better between -9 and 9. */
function normalCdf(x: number): number {
  if (x < 0) return 1 - normalCdf(-x);
  let [sum, term] = [x, x];
  for (let i = 3; term > 1e-17 * sum; i += 2) sum += term = term * x * x / i;
  return x === 0 ? 0.5 : Math.min(1, 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI));
}

/**
 * How many items would resolve a drop of `maxDrop`: as many as bring 1.64 standard errors down to it.
 *
 * @param standardError That of the drop on `items` items, in the unit of `maxDrop`.
 * @returns `null` where nothing changed, or `maxDrop` is not above 0.
 */
export function itemsNeeded(standardError: number, items: number, maxDrop: number): number | null {
  return standardError === 0 || maxDrop <= 0 ? null : Math.ceil(items * (1.64 * standardError / maxDrop) ** 2 - 1e-6);
}
