/**
 * What a plan would cost on labelled items, predicted from the errors that it makes on unlabelled ones.
 *
 * The scores of every labelled item under the FP32 model are kept. An unlabelled item tells by how much the plan changes its
 * scores; sorted by the FP32 score, these changes are added to the kept scores of each labelled item, greatest to greatest,
 * and the metric of the sum is what the plan is expected to give. Without the sorting the drop is underestimated by half.
 *
 * @module
 */

/** The greatest FP32 scores of every labelled item. */
export interface KeptScores {
  /** Number of items. */
  readonly items: number;
  /** Number of classes. */
  readonly classes: number;
  /** Scores kept for each item. */
  readonly kept: number;
  /** The kept scores, greatest first, item after item. */
  readonly values: Float32Array;
  /** The classes that they belong to. */
  readonly labels: Uint32Array;
}

/** Scores kept in all: with more items fewer are kept for each, between 16 and 128. */
const KEPT_IN_ALL = 1 << 20;

/** Collects the scores of the items, one call for each in order. */
export function keepScores(items: number): {
  readonly add: (scores: ArrayLike<number>) => void;
  readonly finish: () => KeptScores;
} {
  let [item, kept, classes] = [0, 0, 0];
  let [values, labels] = [new Float32Array(0), new Uint32Array(0)];
  return {
    add(scores): void {
      if (item === 0) {
        classes = scores.length;
        kept = Math.min(classes, Math.max(16, Math.min(128, Math.floor(KEPT_IN_ALL / items))));
        values = new Float32Array(items * kept);
        labels = new Uint32Array(items * kept);
      }
      const order = rankOrder(scores);
      for (let rank = 0; rank < kept; rank++) {
        labels[item * kept + rank] = order[rank]!;
        values[item * kept + rank] = scores[order[rank]!]!;
      }
      item++;
    },
    finish: () => ({ items, classes, kept, values, labels }),
  };
}

/** The indices of scores, greatest score first; of equal ones the lower index. */
export function rankOrder(scores: ArrayLike<number>): Uint32Array {
  return Uint32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
}

/** The change of an item's scores, in the order of its FP32 scores, greatest first. */
export function alignedError(reference: ArrayLike<number>, scores: ArrayLike<number>): Float32Array {
  return Float32Array.from(rankOrder(reference), (i) => scores[i]! - reference[i]!);
}

/** How much each labelled item is expected to lose and to gain; for a metric of 0 and 1, the chances of it. */
export interface Expected {
  /** By item: the mean of what is lost. */
  readonly lost: Float32Array;
  /** By item: the mean of what is gained. */
  readonly gained: Float32Array;
}

/**
 * The changes that a plan is expected to make.
 *
 * @param baseline The value of each labelled item with the FP32 model.
 * @param errors The aligned errors of the plan on unlabelled items.
 * @param score The value of a labelled item for the given scores of all classes.
 */
export function expectedChanges(
  { items, classes, kept, values, labels }: KeptScores,
  baseline: ArrayLike<number>,
  errors: readonly Float32Array[],
  score: (scores: Float32Array, item: number) => number,
): Expected {
  const [lost, gained] = [new Float32Array(items), new Float32Array(items)];
  const scores = new Float32Array(classes);
  for (let item = 0; item < items; item++) {
    const start = item * kept;
    for (const error of errors) {
      // Classes that were not kept stand just below the last one that was.
      if (kept < classes) scores.fill(values[start + kept - 1]!);
      for (let rank = 0; rank < kept; rank++) scores[labels[start + rank]!] = values[start + rank]! + error[rank]!;
      const change = baseline[item]! - score(scores, item);
      if (change > 0) lost[item]! += change / errors.length;
      else gained[item]! -= change / errors.length;
    }
  }
  return { lost, gained };
}

/** The expected drop of the mean over all items, in units of the metric. */
export function expectedDrop({ lost, gained }: Expected): number {
  let sum = 0;
  for (let i = 0; i < lost.length; i++) sum += lost[i]! - gained[i]!;
  return sum / lost.length;
}
