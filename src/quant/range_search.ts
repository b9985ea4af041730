/** Finding the range of least error in a distribution. @module */
import type { Distribution } from "./distribution.ts";
import { type Levels, levelsOf, type QuantizerForm } from "./parameters.ts";

/** One range. */
export interface Range {
  /** The least number. */
  readonly min: number;
  /** The greatest number; for symmetric forms a magnitude. */
  readonly max: number;
}

/** Mean squared difference between the numbers of a distribution and what quantization makes of them. */
export function errorOf(distribution: Distribution, range: Range, form: QuantizerForm): number {
  const ranges = { min: Float32Array.of(range.min), max: Float32Array.of(range.max) };
  return errorAt(distribution, levelsOf(ranges, form));
}

function errorAt({ low, high, counts, total }: Distribution, levels: Levels): number {
  const [from, to] = [levels.low[0]!, levels.high[0]!];
  const step = (to - from) / (levels.count - 1);
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    const [a, b] = [low[i]!, high[i]!];
    sum += counts[i]! * (a === b ? squareAt(a, from, to, step) : meanSquare(a, b, from, to, step));
  }
  return total > 0 ? sum / total : 0;
}

function squareAt(x: number, from: number, to: number, step: number): number {
  if (x <= from) return (from - x) ** 2;
  if (x >= to) return (x - to) ** 2;
  const u = (x - from) / step;
  return (step * (u - Math.round(u))) ** 2;
}

/** The mean over [a, b], by the antiderivative in each of three parts: below, within and above the range. */
function meanSquare(a: number, b: number, from: number, to: number, step: number): number {
  const below = a < from ? ((from - a) ** 3 - Math.max(0, from - b) ** 3) / 3 : 0;
  const above = b > to ? ((b - to) ** 3 - Math.max(0, a - to) ** 3) / 3 : 0;
  const [c, d] = [Math.min(Math.max(a, from), to), Math.min(Math.max(b, from), to)];
  const within = d > c ? step ** 3 * (rounding((d - from) / step) - rounding((c - from) / step)) : 0;
  return (below + above + within) / (b - a);
}

/** The integral of the squared distance to the nearest whole number, from 0 to u. */
function rounding(u: number): number {
  const whole = Math.round(u);
  return whole / 12 + (u - whole) ** 3 / 3;
}

/** Shares of an end that are tried first: from all of it down to a 64th, in steps of an eighth of an octave. */
const SHARES = Array.from({ length: 49 }, (_, i) => 2 ** (-i / 8));

/** Each turn of refinement tries this many shares between the neighbours of the best. */
const FINER = 8;

/** The range of least {@linkcode errorOf}, among those that keep a share of the distribution's ends. */
export function leastErrorRange(distribution: Distribution, form: QuantizerForm): Range {
  const { min, max } = distribution;
  if (form.mode === "symmetric") {
    const greatest = Math.max(Math.abs(min), Math.abs(max));
    return { min, max: greatest * bestShare((share) => errorOf(distribution, { min, max: greatest * share }, form)) };
  }
  let best: Range = { min: Math.min(0, min), max: Math.max(0, max) };
  for (let error = Infinity;;) {
    const upper = max > 0 ? max * bestShare((share) => errorOf(distribution, { ...best, max: max * share }, form)) : 0;
    const lower = min < 0
      ? min * bestShare((share) => errorOf(distribution, { min: min * share, max: upper }, form))
      : 0;
    const next = errorOf(distribution, { min: lower, max: upper }, form);
    if (!(next < error)) return best;
    [best, error] = [{ min: lower, max: upper }, next];
  }
}

function bestShare(error: (share: number) => number): number {
  let [best, least] = [1, Infinity];
  const attempt = (share: number): void => {
    const own = error(share);
    if (own < least) [best, least] = [share, own];
  };
  SHARES.forEach(attempt);
  for (let width = 1 / 8; width > 1 / 200; width /= FINER / 2) {
    const middle = best;
    for (let i = 1; i < FINER; i++) {
      const share = middle * 2 ** (width * (2 * i / FINER - 1));
      if (share < 1) attempt(share);
    }
  }
  return best;
}

/** Bins of the histogram that {@linkcode normRange} searches, and those that it maps them to. */
const [SOURCE_BINS, TARGET_BINS] = [2048, 256];

/** How much of the distribution each step of {@linkcode normRange} leaves out. */
const STEP = 1e-5;

/**
 * The range that NNCF's histogram aggregator finds, which is torchao's `HistogramObserver` and Caffe2's norm minimization:
 * of both ends the one is moved inwards that skips more bins for the same share, until the L2 error grows.
 */
export function normRange(distribution: Distribution): Range {
  const { min, max, total } = distribution;
  const width = (max - min) / SOURCE_BINS;
  if (!(width > 0)) return { min, max };
  const counts = evenBins(distribution, width);
  const sums = counts.slice();
  for (let i = 1; i < sums.length; i++) sums[i]! += sums[i - 1]!;
  let [start, end, alpha, beta, least] = [0, SOURCE_BINS - 1, 0, 1, Infinity];
  while (alpha < beta) {
    let [left, right] = [start, end];
    while (left < end && sums[left]! < (alpha + STEP) * total) left++;
    while (right > start && sums[right]! > (beta - STEP) * total) right--;
    const [oldStart, oldEnd] = [start, end];
    if (left - start > end - right) {
      start = left;
      alpha += STEP;
    } else {
      end = right;
      beta -= STEP;
    }
    if (start === oldStart && end === oldEnd) continue;
    const norm = normOf(counts, start, end);
    if (norm > least) {
      [start, end] = [oldStart, oldEnd];
      break;
    }
    least = norm;
  }
  return { min: min + width * start, max: min + width * (end + 1) };
}

/** The distribution in bins of equal width. */
function evenBins({ low, high, counts, min }: Distribution, width: number): Float64Array {
  const bins = new Float64Array(SOURCE_BINS);
  const binAt = (x: number): number => Math.min(SOURCE_BINS - 1, Math.max(0, Math.floor((x - min) / width)));
  counts.forEach((count, i) => {
    const [a, b] = [low[i]!, high[i]!];
    const [first, last] = [binAt(a), binAt(b)];
    if (first === last) {
      bins[first]! += count;
      return;
    }
    for (let bin = first; bin <= last; bin++) {
      const part = Math.min(b, min + width * (bin + 1)) - Math.max(a, min + width * bin);
      bins[bin]! += count * Math.max(0, part) / (b - a);
    }
  });
  return bins;
}

/** The squared error, in bins, of mapping the source bins to the centres of target bins between `start` and `end`. */
function normOf(counts: Float64Array, start: number, end: number): number {
  const step = (end - start + 1) / TARGET_BINS;
  const target = (x: number): number => Math.min(TARGET_BINS - 1, Math.max(0, Math.floor(x / step)));
  const cube = (from: number, to: number): number => (to ** 3 - from ** 3) / 3;
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue;
    const [from, to] = [target(i - start), target(i + 1 - start)];
    const own = cube(i - start - (from + 0.5) * step, step / 2) + (to - from - 1) * cube(-step / 2, step / 2) +
      cube(-step / 2, i + 1 - start - (to + 0.5) * step);
    sum += counts[i]! * own;
  }
  return sum;
}
