/** Orders that are the same in every run. @module */

/** Numbers from 0 to 1, exclusive of 1, from a seed (mulberry32, Ettinger 2017, public domain). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Items in a random order that a seed fixes (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = randomFrom(seed);
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/** The numbers from 0 to `count - 1` in a random order that a seed fixes. */
export function shuffledIndices(count: number, seed: number): number[] {
  return shuffled(Array.from({ length: count }, (_, i) => i), seed);
}
