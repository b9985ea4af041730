/** Metrics of numbers against numbers. @module */

function checkPair(a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (a.length !== b.length) throw new RangeError(`Both lists must have one length, got ${a.length} and ${b.length}`);
  if (a.length === 0) throw new RangeError("The lists are empty");
}

/**
 * The mean of the squared differences; lower is better.
 *
 * @throws {RangeError} Where the lists are empty or differ in length.
 */
export function meanSquaredError(predicted: ArrayLike<number>, truth: ArrayLike<number>): number {
  checkPair(predicted, truth);
  let sum = 0;
  for (let i = 0; i < truth.length; i++) sum += (predicted[i]! - truth[i]!) ** 2;
  return sum / truth.length;
}

/**
 * The peak signal-to-noise ratio in dB; infinite where nothing differs.
 *
 * @param peak The greatest value that the signal can take, such as 1 or 255.
 * @throws {RangeError} Where the lists are empty or differ in length.
 */
export function peakSignalToNoise(predicted: ArrayLike<number>, truth: ArrayLike<number>, peak: number): number {
  return 10 * Math.log10(peak ** 2 / meanSquaredError(predicted, truth));
}

/**
 * Pearson's correlation, from -1 to 1; NaN where a list is constant.
 *
 * @throws {RangeError} Where the lists are empty or differ in length.
 */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkPair(a, b);
  const mean = (list: ArrayLike<number>): number => Array.from(list).reduce((sum, x) => sum + x, 0) / list.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, ofA, ofB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    both += x * y;
    ofA += x * x;
    ofB += y * y;
  }
  return both / Math.sqrt(ofA * ofB);
}

/**
 * Spearman's rank correlation, from -1 to 1: Pearson's correlation of the ranks, equal values sharing their mean rank.
 *
 * @throws {RangeError} Where the lists are empty or differ in length.
 */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return pearson(ranks(a), ranks(b));
}

function ranks(list: ArrayLike<number>): number[] {
  const order = Array.from(list, (_, i) => i).sort((i, j) => list[i]! - list[j]!);
  const own = new Array<number>(list.length);
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && list[order[to]!] === list[order[from]!]) to++;
    if (to === from) to++;
    for (let k = from; k < to; k++) own[order[k]!] = (from + to - 1) / 2;
  }
  return own;
}
