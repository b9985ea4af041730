/** Collecting the ranges of values over a calibration set. @module */
import type { Graph } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import type { Backend } from "../runtime/backend.ts";
import { openModel } from "../runtime/model.ts";
import { i64, type KnownType, type Tensor } from "../tensor/tensor.ts";

/** One calibration item: a tensor for each input of the model, with the batch axis where the model has one. */
export type CalibrationItem = Readonly<Record<string, Tensor>>;

/** The least and the greatest number that a value took. */
export interface Range {
  /** The least. */
  readonly min: number;
  /** The greatest. */
  readonly max: number;
}

/** ReduceMin and ReduceMax take their axes as an input from this version on. */
const AXES_AS_INPUT = 18;

/**
 * Runs the float graph over the items and returns the range of each value.
 *
 * Minima and maxima are reduced on the device along all but the batch and channel axes; only those come back.
 *
 * @throws {RangeError} Where a value is not finite; the value and the item are named.
 */
export async function calibrate(
  graph: Graph,
  values: readonly string[],
  types: ReadonlyMap<string, KnownType>,
  items: readonly CalibrationItem[],
  backend: Backend,
  onItem: (done: number) => void = () => {},
): Promise<Map<string, Range>> {
  const inputs = new Set(graph.inputs.map((input) => input.name));
  const computed = values.filter((value) => !inputs.has(value));
  const { observed, names } = observe(graph, computed, types);
  const ranges = new Map<string, Range>();
  await using model = openModel(observed, backend);
  for (const [index, item] of items.entries()) {
    for (const name of inputs) {
      if (values.includes(name)) widen(ranges, name, item[name]!, index);
      else checkFinite(name, item[name]!, index);
    }
    const results = await model.run(item);
    for (const value of computed) {
      const [min, max, mean] = names.get(value)!.map((name) => results[name]!);
      if (mean!.data.some(Number.isNaN)) throw notFinite(value, NaN, index);
      widen(ranges, value, min!, index);
      widen(ranges, value, max!, index);
    }
    onItem(index + 1);
  }
  return ranges;
}

/** What is reduced: GPUs leave NaN out of minima and maxima, but no mean escapes it. */
const REDUCTIONS = ["ReduceMin", "ReduceMax", "ReduceMean"];

/** The graph with the reduced values as its outputs, and the names of those, in the order of the reductions. */
function observe(
  graph: Graph,
  values: readonly string[],
  types: ReadonlyMap<string, KnownType>,
): { observed: Graph; names: ReadonlyMap<string, readonly string[]> } {
  const rewriter = new Rewriter(graph);
  const names = new Map(values.map((value) => {
    const axes = spatialAxes(types.get(value)!.shape.length);
    const own = REDUCTIONS.map((op) =>
      graph.opset >= AXES_AS_INPUT
        ? rewriter.node(op, [value, rewriter.constant(`${value}_axes`, i64(axes))], { keepdims: 0 })
        : rewriter.node(op, [value], { axes, keepdims: 0 })
    );
    return [value, own];
  }));
  const outputs = [...names.values()].flat().map((name) => ({ name, dtype: "f32" as const, shape: null }));
  return { observed: rewriter.finish({ outputs }), names };
}

function spatialAxes(rank: number): number[] {
  if (rank < 3) return [Math.max(0, rank - 1)];
  return rank === 3 ? [1] : Array.from({ length: rank - 2 }, (_, i) => i + 2);
}

function widen(ranges: Map<string, Range>, value: string, { data }: Tensor, item: number): void {
  let { min, max } = ranges.get(value) ?? { min: Infinity, max: -Infinity };
  for (const x of data) {
    if (!Number.isFinite(x)) throw notFinite(value, x, item);
    if (x < min) min = x;
    if (x > max) max = x;
  }
  ranges.set(value, { min, max });
}

function checkFinite(name: string, { data }: Tensor, item: number): void {
  const bad = data.find((x) => !Number.isFinite(x));
  if (bad !== undefined) throw notFinite(name, bad, item);
}

function notFinite(value: string, x: number, item: number): RangeError {
  return new RangeError(`Calibration item ${item}: "${value}" holds ${x}, where every number must be finite`);
}
