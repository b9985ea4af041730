/** Which validation items stand for all of them. @module */

/**
 * Indices of the `size` items that lost most, ascending; of equal losses the later item is taken.
 *
 * @param before What each item was worth.
 * @param after What each item is worth now.
 */
export function worstItems(before: ArrayLike<number>, after: ArrayLike<number>, size: number): number[] {
  const loss = Array.from(before, (value, i) => value - after[i]!);
  return loss.map((_, i) => i)
    .sort((a, b) => loss[b]! - loss[a]! || b - a)
    .slice(0, size)
    .sort((a, b) => a - b);
}

/** Indices of `size` out of `count` items at even distances, ascending. */
export function spreadItems(count: number, size: number): number[] {
  const taken = Math.min(count, size);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
}
