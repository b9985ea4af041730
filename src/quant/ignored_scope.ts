/** Naming operations that stay in float. @module */
import { type Graph, type Node, producersOf, usesOf } from "../graph/graph.ts";

/** All operations on the paths between some of them, those included. A single string stands for a list of one. */
export interface Subgraph {
  /** Names of the nodes where paths start. */
  readonly inputs: string | readonly string[];
  /** Names of the nodes where they end. */
  readonly outputs: string | readonly string[];
}

/** Operations that are not quantized. A single one stands for a list of one. */
export interface IgnoredScope {
  /** Exact node names. */
  readonly names?: string | readonly string[];
  /** Regular expressions that a node name must match from its start. */
  readonly patterns?: string | readonly string[];
  /** ONNX operator types. */
  readonly types?: string | readonly string[];
  /** Parts of the graph. */
  readonly subgraphs?: Subgraph | readonly Subgraph[];
  /** Whether a rule that matches nothing is an error. Default true. */
  readonly validate?: boolean;
}

/**
 * The names of the nodes in a scope.
 *
 * @throws {RangeError} Where a rule matches no node, unless `validate` is false; all such rules are named.
 * @throws {SyntaxError} Where a pattern is not a regular expression.
 */
export function ignoredNodes(graph: Graph, scope: IgnoredScope): Set<string> {
  const all = (match: (node: Node) => boolean) => (): string[] => graph.nodes.filter(match).map((node) => node.name);
  const rules = [
    ...list(scope.names).map((name) => ({ rule: `name "${name}"`, find: all((node) => node.name === name) })),
    ...list(scope.patterns).map((pattern) => {
      const regexp = new RegExp(`^(?:${pattern})`);
      return { rule: `pattern "${pattern}"`, find: all((node) => regexp.test(node.name)) };
    }),
    ...list(scope.types).map((type) => ({ rule: `type "${type}"`, find: all((node) => node.op === type) })),
    ...list(scope.subgraphs).map((subgraph) => {
      const [inputs, outputs] = [list(subgraph.inputs), list(subgraph.outputs)];
      return {
        rule: `subgraph from "${inputs.join('", "')}" to "${outputs.join('", "')}"`,
        find: () => between(graph, inputs, outputs),
      };
    }),
  ];
  const ignored = new Set<string>();
  const idle = rules.filter(({ find }) => {
    const own = find();
    for (const name of own) ignored.add(name);
    return own.length === 0;
  });
  if (idle.length > 0 && (scope.validate ?? true)) {
    throw new RangeError(`The ignored scope matches no operation: ${idle.map(({ rule }) => rule).join(", ")}`);
  }
  return ignored;
}

/** The names of the nodes on all paths from some nodes to others: what is below the first and above the last. */
function between(graph: Graph, inputs: readonly string[], outputs: readonly string[]): string[] {
  const [producers, uses] = [producersOf(graph), usesOf(graph)];
  const below = reach(graph, inputs, (node) => node.outputs.flatMap((v) => (uses.get(v) ?? []).map((use) => use.node)));
  const above = reach(graph, outputs, (node) => node.inputs.flatMap((value) => producers.get(value) ?? []));
  return [...below].filter((node) => above.has(node)).map((node) => node.name);
}

function reach(graph: Graph, from: readonly string[], steps: (node: Node) => Node[]): Set<Node> {
  const found = new Set<Node>();
  const open = graph.nodes.filter((node) => from.includes(node.name));
  for (let node = open.pop(); node; node = open.pop()) {
    if (found.has(node)) continue;
    found.add(node);
    open.push(...steps(node));
  }
  return found;
}

function list<T extends string | object>(value: T | readonly T[] | undefined): readonly T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value as T];
}
