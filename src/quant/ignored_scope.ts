/** Naming operations that stay in float. @module */
import type { Graph } from "../graph/graph.ts";

/** Operations that are not quantized. A single string stands for a list of one. */
export interface IgnoredScope {
  /** Exact node names. */
  readonly names?: string | readonly string[];
  /** Regular expressions that a node name must match from its start. */
  readonly patterns?: string | readonly string[];
  /** ONNX operator types. */
  readonly types?: string | readonly string[];
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
  const rules = [
    ...list(scope.names).map((name) => ({ rule: `name "${name}"`, match: (node: string) => node === name })),
    ...list(scope.patterns).map((pattern) => {
      const regexp = new RegExp(`^(?:${pattern})`);
      return { rule: `pattern "${pattern}"`, match: (node: string) => regexp.test(node) };
    }),
    ...list(scope.types).map((type) => ({
      rule: `type "${type}"`,
      match: (_: string, op: string) => op === type,
    })),
  ];
  const ignored = new Set<string>();
  const idle = rules.filter(({ match }) => {
    const own = graph.nodes.filter((node) => match(node.name, node.op));
    for (const node of own) ignored.add(node.name);
    return own.length === 0;
  });
  if (idle.length > 0 && (scope.validate ?? true)) {
    throw new RangeError(`The ignored scope matches no operation: ${idle.map(({ rule }) => rule).join(", ")}`);
  }
  return ignored;
}

function list(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}
