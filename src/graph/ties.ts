/** Nodes that are tied to each other, transitively. @module */
import type { Graph } from "./graph.ts";
import type { Group } from "./quantizers.ts";

/** Ties between nodes, by name, as they become known (disjoint sets). */
export class Ties {
  readonly #members = new Set<string>();
  readonly #parents = new Map<string, string>();

  /** Whether a node was tied, if only to itself. */
  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** Ties nodes to each other. */
  tie(names: readonly string[]): void {
    for (const name of names) {
      this.#members.add(name);
      const [root, own] = [this.#rootOf(names[0]!), this.#rootOf(name)];
      if (own !== root) this.#parents.set(own, root);
    }
  }

  /** The tied nodes of a graph in its order, and in a group those that belong together. */
  groups({ nodes }: Pick<Graph, "nodes">): Group[] {
    const groups = new Map<string, string[]>();
    for (const { name } of nodes) {
      if (!this.has(name)) continue;
      const root = this.#rootOf(name);
      const own = groups.get(root);
      if (own) own.push(name);
      else groups.set(root, [name]);
    }
    return Array.from(groups.values(), (own) => ({ id: own[0]!, nodes: own }));
  }

  #rootOf(name: string): string {
    let root = name;
    for (let up = this.#parents.get(root); up !== undefined; up = this.#parents.get(root)) root = up;
    return root;
  }
}
