/** Sets that are joined as ties between their members become known. @module */

/** Disjoint sets of items; an item that was not joined is a set by itself. */
export class UnionFind<T> {
  readonly #parents = new Map<T, T>();

  /** The item that stands for the set of another. */
  find(item: T): T {
    let root = item;
    for (let up = this.#parents.get(root); up !== undefined; up = this.#parents.get(root)) root = up;
    return root;
  }

  /** Joins the sets of two items. */
  union(a: T, b: T): void {
    const [rootA, rootB] = [this.find(a), this.find(b)];
    if (rootA !== rootB) this.#parents.set(rootB, rootA);
  }
}
