/** How the numbers of a tensor are distributed. @module */
import { BINS, edgesOf } from "../ops/histogram.ts";

/** Numbers by intervals, ascending; within an interval they lie evenly. */
export interface Distribution {
  /** The lower ends of the intervals. */
  readonly low: Float64Array;
  /** The upper ends; equal to the lower ones where the numbers are known exactly. */
  readonly high: Float64Array;
  /** How many numbers each holds; not one holds none. */
  readonly counts: Float64Array;
  /** How many there are in all. */
  readonly total: number;
  /** The least number, exactly. */
  readonly min: number;
  /** The greatest number, exactly. */
  readonly max: number;
}

/**
 * A distribution from counts by the bins of the histogram operator.
 *
 * @param range The least and the greatest number, which are known exactly.
 */
export function distributionOfCounts(
  counts: ArrayLike<number>,
  { min, max }: { min: number; max: number },
): Distribution {
  const filled = Array.from({ length: BINS }, (_, bin) => bin).filter((bin) => counts[bin]! > 0);
  const clamp = (x: number): number => Math.min(Math.max(x, min), max);
  return finish(
    Float64Array.from(filled, (bin) => clamp(edgesOf(bin)[0])),
    Float64Array.from(filled, (bin) => clamp(edgesOf(bin)[1])),
    Float64Array.from(filled, (bin) => counts[bin]!),
    min,
    max,
  );
}

/** The distribution of numbers that are all known. */
export function distributionOf(numbers: ArrayLike<number>): Distribution {
  const ascending = Float64Array.from(numbers).sort();
  const places = ascending.filter((x, i) => i === 0 || x !== ascending[i - 1]);
  const counts = new Float64Array(places.length);
  let at = 0;
  for (const x of ascending) {
    if (x !== places[at]) at++;
    counts[at]!++;
  }
  return finish(places, places, counts, ascending[0] ?? 0, ascending.at(-1) ?? 0);
}

function finish(
  low: Float64Array,
  high: Float64Array,
  counts: Float64Array,
  min: number,
  max: number,
): Distribution {
  return { low, high, counts, total: counts.reduce((a, b) => a + b, 0), min, max };
}

/**
 * The number below which a share of all lies; exact at both ends, and elsewhere within an interval.
 *
 * @param probability From 0, the least number, to 1, the greatest.
 */
export function quantile({ low, high, counts, total, min, max }: Distribution, probability: number): number {
  const place = probability * (total - 1);
  if (place <= 0) return min;
  if (place >= total - 1) return max;
  let before = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    if (place <= before + count - 1 || i === counts.length - 1) {
      const part = count === 1 ? 0.5 : (place - before) / (count - 1);
      return low[i]! + (high[i]! - low[i]!) * Math.min(1, part);
    }
    if (place < before + count) {
      const part = place - (before + count - 1);
      return high[i]! + (low[i + 1]! - high[i]!) * part;
    }
    before += count;
  }
  return max;
}

/** The distribution of the magnitudes. */
export function magnitudes({ low, high, counts, min, max }: Distribution): Distribution {
  const order = Array.from(low, (from, i) => {
    const [a, b] = [Math.abs(from), Math.abs(high[i]!)];
    return { low: Math.min(a, b), high: Math.max(a, b), count: counts[i]! };
  }).sort((a, b) => a.low - b.low);
  const least = min <= 0 && max >= 0 ? order[0]?.low ?? 0 : Math.min(Math.abs(min), Math.abs(max));
  return finish(
    Float64Array.from(order, (own) => own.low),
    Float64Array.from(order, (own) => own.high),
    Float64Array.from(order, (own) => own.count),
    least,
    Math.max(Math.abs(min), Math.abs(max)),
  );
}
