/** Metrics of segmentation. @module */

/** The classes that a model gave to the pixels of an image, and those that they have, in one order. */
export interface SegmentedImage {
  /** The class given to each pixel. */
  readonly predicted: ArrayLike<number>;
  /** The class of each pixel. */
  readonly truth: ArrayLike<number>;
}

/**
 * Mean intersection over union: over all images together, the mean of the classes that occur.
 *
 * @param ignored A class of the truth whose pixels do not count, such as 255 for "unlabelled".
 * @returns From 0 to 1; NaN where no pixel counts.
 * @throws {RangeError} Where an image has other than one prediction for each pixel.
 */
export function meanIntersectionOverUnion(images: readonly SegmentedImage[], ignored?: number): number {
  const both = new Map<number, number>();
  const either = new Map<number, number>();
  const add = (counts: Map<number, number>, label: number): void =>
    void counts.set(label, (counts.get(label) ?? 0) + 1);
  for (const [i, { predicted, truth }] of images.entries()) {
    if (predicted.length !== truth.length) {
      throw new RangeError(`Image ${i} has ${predicted.length} predictions for ${truth.length} pixels`);
    }
    for (let pixel = 0; pixel < truth.length; pixel++) {
      const [own, right] = [predicted[pixel]!, truth[pixel]!];
      if (right === ignored) continue;
      add(either, right);
      if (own === right) add(both, right);
      else add(either, own);
    }
  }
  let sum = 0;
  for (const [label, pixels] of either) sum += (both.get(label) ?? 0) / pixels;
  return sum / either.size;
}
