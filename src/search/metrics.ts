/** Metrics that are ready to use. @module */
import { isInTopK } from "../metrics/classification.ts";
import type { ItemInputs } from "./batches.ts";
import { type ItemMetric, itemMetric } from "./item_metric.ts";

/** An item of a classification set. */
export interface LabelledItem {
  /** The inputs of the model, without a batch axis where the model has one. */
  readonly inputs: ItemInputs;
  /** The index of its class. */
  readonly label: number;
}

/**
 * The share of items whose label is among the `k` greatest scores of the model's first output.
 *
 * @throws {RangeError} Where `k` is not a whole number of at least 1; later, where an item does not fit the model.
 */
export function topK(k: number): ItemMetric<LabelledItem> {
  if (!Number.isInteger(k) || k < 1) throw new RangeError(`"k" must be a whole number of at least 1, got ${k}`);
  return itemMetric({
    name: `top${k}`,
    inputs: ({ inputs }: LabelledItem) => inputs,
    score: (outputs, { label }, [name]) => {
      if (name === undefined) throw new RangeError("The model has no outputs");
      const { data } = outputs[name]!;
      if (!(label >= 0 && label < data.length)) {
        throw new RangeError(`Label ${label} is not a class of output "${name}", which has ${data.length} scores`);
      }
      return isInTopK(data, label, k) ? 1 : 0;
    },
    classScores: true,
  });
}

/**
 * The share of items whose greatest score, in the model's first output, is that of their label.
 *
 * @throws {RangeError} Where an item does not fit the model.
 */
export const top1: ItemMetric<LabelledItem> = topK(1);

/** The share of items whose label is among the five greatest scores of the model's first output. */
export const top5: ItemMetric<LabelledItem> = topK(5);
