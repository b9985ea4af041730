/** How far the outputs of a model lie from those of another, without labels. @module */

/** `"kl"`: outputs are scores of classes; `"nmse"`: they are any numbers. */
export type DivergenceKind = "kl" | "nmse";

/** The outputs of a model for one item: the elements of each output, and the length of its last axis. */
export interface ItemOutput {
  /** The elements. */
  readonly data: ArrayLike<number>;
  /** Elements along the last axis: the number of classes where they are scores. */
  readonly last: number;
}

/**
 * The mean distance of one item's outputs from the reference: of scores, the Kullback-Leibler divergence of their softmax;
 * else the squared error as a share of the squares.
 */
export function divergence(
  reference: readonly ItemOutput[],
  outputs: readonly ItemOutput[],
  kind: DivergenceKind,
): number {
  if (kind === "kl") return klOf(reference[0]!, outputs[0]!.data);
  return reference.reduce((sum, { data }, i) => sum + nmse(data, outputs[i]!.data), 0) / reference.length;
}

/** The squared error as a share of the reference's squares. */
export function nmse(reference: ArrayLike<number>, values: ArrayLike<number>): number {
  let [error, power] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    error += (reference[i]! - values[i]!) ** 2;
    power += reference[i]! ** 2;
  }
  return error === 0 ? 0 : error / Math.max(power, 1e-30);
}

/** The mean over rows of sum p (log p - log q), for p and q the softmax of reference and values. */
function klOf({ data, last }: ItemOutput, values: ArrayLike<number>): number {
  let sum = 0;
  for (let start = 0; start < data.length; start += last) {
    const [p, q] = [logSoftmax(data, start, last), logSoftmax(values, start, last)];
    for (let i = 0; i < last; i++) sum += Math.exp(p[i]!) * (p[i]! - q[i]!);
  }
  return Math.max(0, sum * last / data.length);
}

/** The logarithms of the softmax of `count` scores from `start` on. */
export function logSoftmax(scores: ArrayLike<number>, start: number, count: number): Float64Array {
  let most = -Infinity;
  for (let i = 0; i < count; i++) most = Math.max(most, scores[start + i]!);
  let sum = 0;
  for (let i = 0; i < count; i++) sum += Math.exp(scores[start + i]! - most);
  const shift = most + Math.log(sum);
  return Float64Array.from({ length: count }, (_, i) => scores[start + i]! - shift);
}
