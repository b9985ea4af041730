/** A few items that stand for many. @module */
import { randomFrom, shuffled } from "./order.ts";

/**
 * Up to `count` items, each with the same chance, in a random order; one pass, and no more than `count` held in memory
 * (reservoir sampling, Vitter 1985). The same items give the same sample.
 *
 * @param onItem Called for every item.
 */
export async function sample<T>(
  items: AsyncIterable<T> | Iterable<T>,
  count: number,
  onItem: (item: T) => void = () => {},
): Promise<T[]> {
  const random = randomFrom(1);
  const taken: T[] = [];
  let seen = 0;
  for await (const item of items) {
    onItem(item);
    const at = seen < count ? seen : Math.floor(random() * (seen + 1));
    if (at < count) taken[at] = item;
    seen++;
  }
  return shuffled(taken, 1);
}
