/** The part of a changed graph that computes something else than the graph it was made from. @module */
import type { Graph, Node } from "./graph.ts";
import { Rewriter } from "./rewriter.ts";

/** The end of a graph, from values that are known on to the outputs. */
export interface Suffix {
  /** The nodes that must run. Its inputs are the values in `cut`. */
  readonly graph: Graph;
  /** Names of the values that it starts from, as the original graph computes them. */
  readonly cut: readonly string[];
  /** Names of the outputs that are the same in both graphs: they are not among the outputs of `graph`. */
  readonly unchanged: readonly string[];
}

/** The values of `changed` that `original` computes alike: same name, same node, same inputs all the way up. */
export function sameValues(changed: Graph, original: Graph): Set<string> {
  const same = new Set(changed.inputs.map(({ name }) => name));
  for (const [name, constant] of changed.constants) if (original.constants.get(name) === constant) same.add(name);
  const nodes = new Map(original.nodes.map((node) => [node.name, node]));
  for (const node of changed.nodes) {
    const other = nodes.get(node.name);
    if (!other || !isSameNode(node, other)) continue;
    if (node.inputs.every((name) => !name || same.has(name))) {
      for (const name of node.outputs) if (name) same.add(name);
    }
  }
  return same;
}

function isSameNode(one: Node, other: Node): boolean {
  return one === other || (one.op === other.op && one.attributes === other.attributes &&
    one.inputs.join("\n") === other.inputs.join("\n") && one.outputs.join("\n") === other.outputs.join("\n"));
}

/** The computed values that nodes of `changed` read and `original` computes alike, where their readers differ. */
export function cutValues(changed: Graph, original: Graph): string[] {
  const same = sameValues(changed, original);
  const differing = changed.nodes.filter((node) => !node.outputs.every((name) => !name || same.has(name)));
  const read = new Set(differing.flatMap(({ inputs }) => inputs));
  return [...read].filter((name) => name && same.has(name) && !changed.constants.has(name));
}

/**
 * What must run of `changed` where some values of `original` are known.
 *
 * Nodes are followed from the outputs back to values that both graphs compute alike and that are known, or to the inputs.
 *
 * @param known Whether the value of that name is at hand; inputs of the graph always are.
 */
export function suffixOf(changed: Graph, original: Graph, known: (value: string) => boolean): Suffix {
  const same = sameValues(changed, original);
  const inputs = new Set(changed.inputs.map(({ name }) => name));
  const producers = new Map(changed.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const unchanged = changed.outputs.map(({ name }) => name).filter((name) => same.has(name));
  const outputs = changed.outputs.filter(({ name }) => !same.has(name));
  const cut = new Set<string>();
  const nodes = new Set<Node>();
  const open = outputs.map(({ name }) => name);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (!name || changed.constants.has(name)) continue;
    if (inputs.has(name) || (same.has(name) && known(name))) {
      cut.add(name);
      continue;
    }
    const node = producers.get(name)!;
    if (nodes.has(node)) continue;
    nodes.add(node);
    open.push(...node.inputs);
  }
  const rewriter = new Rewriter(changed);
  rewriter.nodes = changed.nodes.filter((node) => nodes.has(node));
  const declared = new Map(changed.inputs.map((input) => [input.name, input]));
  const names = [...cut];
  const graph = rewriter.finish({
    outputs,
    inputs: names.map((name) => declared.get(name) ?? { name, dtype: "f32", shape: null }),
  });
  return { graph, cut: names, unchanged };
}
