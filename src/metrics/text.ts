/** Metrics of texts and of models that write them. @module */

/** The least number of insertions, deletions and substitutions that turn one sequence into the other (Levenshtein). */
export function editDistance<T>(from: ArrayLike<T>, to: ArrayLike<T>): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (from[i] === to[j] ? 0 : 1)));
    }
    row = next;
  }
  return row[to.length]!;
}

/** A text that a model gave, and the right one. */
export interface TextPair {
  /** What the model gave. */
  readonly predicted: string;
  /** What is right. */
  readonly truth: string;
}

/** The word error rate: edits of words over the words there should be, all texts together; lower is better. */
export function wordErrorRate(texts: readonly TextPair[]): number {
  return errorRate(texts, (text) => text.split(/\s+/).filter((word) => word !== ""));
}

/** The character error rate: edits of characters over the characters there should be, all texts together; lower is better. */
export function characterErrorRate(texts: readonly TextPair[]): number {
  return errorRate(texts, (text) => [...text]);
}

function errorRate(texts: readonly TextPair[], parts: (text: string) => readonly string[]): number {
  let [edits, length] = [0, 0];
  for (const { predicted, truth } of texts) {
    const right = parts(truth);
    edits += editDistance(parts(predicted), right);
    length += right.length;
  }
  return edits / length;
}

/** The share of texts that are right to the last character. */
export function exactMatch(texts: readonly TextPair[]): number {
  return texts.filter(({ predicted, truth }) => predicted === truth).length / texts.length;
}

/**
 * What a language model would have given the right token, as `-log(softmax(scores)[token])` in nats; lower is better.
 *
 * @throws {RangeError} Where the token is not the index of a score.
 */
export function tokenLoss(scores: ArrayLike<number>, token: number): number {
  if (scores[token] === undefined) throw new RangeError(`Token ${token} has no score: there are ${scores.length}`);
  let [greatest, sum] = [-Infinity, 0];
  for (let i = 0; i < scores.length; i++) greatest = Math.max(greatest, scores[i]!);
  for (let i = 0; i < scores.length; i++) sum += Math.exp(scores[i]! - greatest);
  return Math.log(sum) + greatest - scores[token];
}

/** The perplexity of losses in nats: `exp(mean)`; lower is better. */
export function perplexity(losses: ArrayLike<number>): number {
  return Math.exp(Array.from(losses).reduce((a, b) => a + b, 0) / losses.length);
}
