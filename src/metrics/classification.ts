/** Metrics of classifiers. @module */

/**
 * Whether the label is among the `k` greatest scores; of equal scores the lower index counts as greater.
 *
 * @throws {RangeError} Where the label is not the index of a score.
 */
export function isInTopK(scores: ArrayLike<number>, label: number, k: number): boolean {
  const own = scores[label];
  if (own === undefined) throw new RangeError(`Label ${label} is not a class: there are ${scores.length} scores`);
  if (Number.isNaN(own)) return false;
  let greater = 0;
  for (let i = 0; i < scores.length && greater < k; i++) {
    if (scores[i]! > own || (scores[i] === own && i < label)) greater++;
  }
  return greater < k;
}

/** The index of the greatest score, the lowest of equal ones; -1 where none is a number. */
export function argmax(scores: ArrayLike<number>): number {
  let best = -1;
  for (let i = 0; i < scores.length; i++) if (scores[i]! > (scores[best] ?? -Infinity)) best = i;
  return best;
}

/**
 * The F1 score, the harmonic mean of precision and recall, from 0 to 1; 0 where nothing was or should have been found.
 *
 * @param predicted The class given to each item.
 * @param truth The class of each item.
 * @param positive The class that counts; left out, the mean over all classes that occur (macro).
 * @throws {RangeError} Where the lists differ in length.
 */
export function f1Score(predicted: ArrayLike<number>, truth: ArrayLike<number>, positive?: number): number {
  if (predicted.length !== truth.length) {
    throw new RangeError(`${predicted.length} predictions for ${truth.length} items`);
  }
  const classes = positive === undefined ? [...new Set([...Array.from(predicted), ...Array.from(truth)])] : [positive];
  let sum = 0;
  for (const own of classes) {
    let [hits, wrong] = [0, 0];
    for (let i = 0; i < truth.length; i++) {
      if (predicted[i] === own && truth[i] === own) hits++;
      else if (predicted[i] === own || truth[i] === own) wrong++;
    }
    sum += hits === 0 ? 0 : 2 * hits / (2 * hits + wrong);
  }
  return classes.length === 0 ? 0 : sum / classes.length;
}
