/** Metrics that say how they judge an item: with them a search needs fewer runs of the model. @module */
import type { Model } from "../runtime/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ItemInputs, runItems } from "./batches.ts";

/** The parts of an {@linkcode ItemMetric}. */
export interface ItemMetricParts<T> {
  /** What it is called: a journal of one metric is not taken for another. Default: no name. */
  readonly name?: string;
  /** What the model is given for an item, without a batch axis where the model has one. */
  readonly inputs: (item: T) => ItemInputs;
  /**
   * What an item is worth, higher is better: the metric is the mean over the items.
   *
   * @param outputs The outputs of the model for that item alone, by name.
   * @param names Their names in the order of the model.
   */
  readonly score: (outputs: Readonly<Record<string, Tensor>>, item: T, names: readonly string[]) => number;
  /** Whether the first output of the model holds a score for each class. Default false. */
  readonly classScores?: boolean;
}

/**
 * A validation function that says how it judges an item.
 *
 * The search runs it on a few items at a time and stops where the rest cannot change its decision; where the model scores
 * classes, it also predicts from errors on unlabelled items which items a plan will lose.
 */
export interface ItemMetric<T> extends ItemMetricParts<T> {
  /** The metric of a model on some items, and the value of each. */
  (model: Model, items: readonly T[]): Promise<{ readonly metric: number; readonly perItem: readonly number[] }>;
}

/** A validation function made of how one item is judged. */
export function itemMetric<T>({ name = "", ...parts }: ItemMetricParts<T>): ItemMetric<T> {
  const validate = async (model: Model, items: readonly T[]) => {
    const perItem: number[] = [];
    const names = model.outputs.map(({ name }) => name);
    for await (const outputs of runItems(model, items.map(parts.inputs))) {
      perItem.push(parts.score(outputs, items[perItem.length]!, names));
    }
    return { metric: perItem.reduce((a, b) => a + b, 0) / perItem.length, perItem };
  };
  return Object.assign(Object.defineProperty(validate, "name", { value: name }), parts);
}

/** Whether a validation function says how it judges an item. */
export function isItemMetric<T>(validate: unknown): validate is ItemMetric<T> {
  if (typeof validate !== "function") return false;
  const { inputs, score } = validate as Partial<ItemMetric<T>>;
  return typeof inputs === "function" && typeof score === "function";
}
