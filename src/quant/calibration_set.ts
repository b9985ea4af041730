/** Calibration items as something that can be gone through again. @module */
import type { CalibrationItem } from "./statistics.ts";

/**
 * The items of a calibration set: a list, or anything that gives them one by one.
 *
 * What can be gone through again, such as an object whose `[Symbol.asyncIterator]()` opens its files anew, is never held in
 * memory as a whole; what is used up, such as a generator, is.
 */
export type CalibrationItems = Iterable<CalibrationItem> | AsyncIterable<CalibrationItem>;

/** The first items of a calibration set, that can be gone through again and again. */
export interface CalibrationSet extends AsyncIterable<CalibrationItem> {
  /** The first of them. */
  readonly first: CalibrationItem;
}

/**
 * The first `limit` items of a calibration set.
 *
 * @throws {RangeError} Where there is no item.
 */
export async function calibrationSet(source: CalibrationItems, limit: number): Promise<CalibrationSet> {
  const items = isUsedUp(source) ? await Array.fromAsync(firstOf(source, limit)) : source;
  const [first] = await Array.fromAsync(firstOf(items, 1));
  if (!first) throw new RangeError("The calibration set is empty: at least one item is needed");
  return { first, [Symbol.asyncIterator]: () => firstOf(items, limit) };
}

/** The first `limit` items. */
export async function* firstOf(source: CalibrationItems, limit: number): AsyncGenerator<CalibrationItem> {
  let count = 0;
  for await (const item of source) {
    yield item;
    if (++count === limit) return;
  }
}

/** Whether a source gives its items once only: its iterator is itself. */
function isUsedUp(source: CalibrationItems): boolean {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  return iterator as unknown === source;
}
