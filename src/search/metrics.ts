/** Metrics that are ready to use. @module */
import type { Model } from "../runtime/model.ts";
import { type ItemInputs, runItems } from "./batches.ts";

/** An item of a classification set. */
export interface LabelledItem {
  /** The inputs of the model, without a batch axis where the model has one. */
  readonly inputs: ItemInputs;
  /** The index of its class. */
  readonly label: number;
}

/**
 * The share of items whose greatest score, in the model's first output, is that of their label.
 *
 * @throws {RangeError} Where an item does not fit the model.
 */
export async function top1(
  model: Model,
  items: readonly LabelledItem[],
): Promise<{ readonly metric: number; readonly perItem: readonly number[] }> {
  const output = model.outputs[0]?.name;
  if (output === undefined) throw new RangeError("The model has no outputs");
  const perItem: number[] = [];
  for await (const outputs of runItems(model, items.map(({ inputs }) => inputs))) {
    const scores = outputs[output]!.data;
    const { label } = items[perItem.length]!;
    if (!(label >= 0 && label < scores.length)) {
      throw new RangeError(`Label ${label} is not a class of output "${output}", which has ${scores.length} scores`);
    }
    perItem.push(argmax(scores) === label ? 1 : 0);
  }
  return { metric: perItem.reduce((a, b) => a + b, 0) / perItem.length, perItem };
}

/** The index of the greatest score; -1 where none is a number. */
function argmax(scores: ArrayLike<number>): number {
  let best = -1;
  for (let i = 0; i < scores.length; i++) if (scores[i]! > (scores[best] ?? -Infinity)) best = i;
  return best;
}
