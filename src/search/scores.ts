/** Outputs that are scores of classes, and those that are their probabilities. @module */
import { type Graph, producersOf } from "../graph/graph.ts";
import { type ItemOutput, logSoftmax } from "./divergence.ts";

/** Whether the first output of a graph holds probabilities: it is a Softmax. */
export function givesProbabilities(graph: Graph): boolean {
  return producersOf(graph).get(graph.outputs[0]?.name ?? "")?.op === "Softmax";
}

/** The outputs of an item, the first one as scores where it holds probabilities. */
export function asScores(outputs: readonly ItemOutput[], probabilities: boolean): readonly ItemOutput[] {
  const [first, ...others] = outputs;
  return probabilities && first ? [{ data: logarithms(first.data), last: first.last }, ...others] : outputs;
}

/** Probabilities as scores: their logarithms, the least positive f32 standing for 0. */
export function logarithms(probabilities: ArrayLike<number>): Float32Array {
  return Float32Array.from(probabilities, (p) => Math.log(Math.max(p, 1.2e-38)));
}

/** Scores as probabilities: the softmax. */
export function softmax(scores: ArrayLike<number>): Float32Array {
  return Float32Array.from(logSoftmax(scores, 0, scores.length), Math.exp);
}
