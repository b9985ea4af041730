/** Collecting the ranges of values over a calibration set. @module */
import type { Graph } from "../graph/graph.ts";
import type { Backend } from "../runtime/backend.ts";
import type { Range } from "./range_search.ts";
import { type CalibrationItem, collectStatistics, type NumberRequest } from "./statistics.ts";

export type { CalibrationItem } from "./statistics.ts";

/**
 * Runs the float graph over the items and returns the range of each value.
 *
 * @throws {RangeError} Where a value is not finite; the value and the item are named.
 */
export async function calibrate(
  graph: Graph,
  values: readonly string[],
  items: Iterable<CalibrationItem> | AsyncIterable<CalibrationItem>,
  backend: Backend,
  onItem?: (done: number) => void,
): Promise<Map<string, Range>> {
  const request = (value: string, end: "min" | "max"): NumberRequest => (
    { value, axis: null, statistic: end, aggregator: end }
  );
  const requests = values.flatMap((value) => [request(value, "min"), request(value, "max")]);
  const { numbers } = await collectStatistics(graph, requests, items, backend, onItem);
  return new Map(values.map((value) => {
    const [min, max] = [numbers(request(value, "min"))[0]!, numbers(request(value, "max"))[0]!];
    return [value, { min, max }];
  }));
}
