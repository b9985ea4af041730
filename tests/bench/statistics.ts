/** Numbers about numbers. */

/** The middle one; the mean of the two in the middle of an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The mean of ratios; `NaN` of none. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/**
 * How many rounds a run of `ms` milliseconds takes part in: at most `wanted`, and no more than fit 3 seconds, but at least 3;
 * 2 where a run takes more than 3 seconds.
 */
export function roundsFor(ms: number, wanted: number): number {
  return Math.min(wanted, Math.max(ms > 3000 ? 2 : 3, Math.floor(3000 / ms)));
}

/** Whether one that takes part in `own` of `all` rounds is in this one; its rounds are spread evenly. */
export function takesPart(round: number, own: number, all: number): boolean {
  return Math.floor((round + 1) * own / all) > Math.floor(round * own / all);
}

/** The largest difference as a share of the largest magnitude expected. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference === 0 ? 0 : difference / largest;
}

/** The share of rows whose greatest element stands at the same place. */
export function sameTop(actual: ArrayLike<number>, expected: ArrayLike<number>, classes: number): number {
  let [same, rows] = [0, 0];
  for (let start = 0; start < expected.length; start += classes) {
    let [a, e] = [start, start];
    for (let i = start; i < start + classes; i++) {
      if (actual[i]! > actual[a]!) a = i;
      if (expected[i]! > expected[e]!) e = i;
    }
    same += a === e ? 1 : 0;
    rows++;
  }
  return same / rows;
}

/** Signal to noise in decibels, where the difference is the noise; `Infinity` where there is none. */
export function signalToNoise(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [signal, noise] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    signal += expected[i]! ** 2;
    noise += (actual[i]! - expected[i]!) ** 2;
  }
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
}
