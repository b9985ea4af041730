/** Bodies of nodes: graphs that read values of the graph around them. @module */
import { CAPTURED, type Graph, isGraph, type Node, type ValueInfo } from "../graph/graph.ts";

/**
 * The node with all values that its bodies read of the graph around them as further inputs, of it and of each body, and
 * their number as its attribute {@linkcode CAPTURED}. A node without bodies stays as it is.
 */
export function captureValues(node: Node): Node {
  const bodies = [...node.attributes].flatMap(([name, value]): [string, Graph][] =>
    isGraph(value) ? [[name, value]] : []
  );
  if (bodies.length === 0) return node;
  const captured = [...new Set(bodies.flatMap(([, body]) => freeValuesOf(body)))];
  const further = captured.map((name): ValueInfo => ({ name, dtype: "f32", shape: null }));
  return {
    ...node,
    inputs: [...node.inputs, ...captured],
    attributes: new Map([
      ...node.attributes,
      ...bodies.map(([name, body]) => [name, { ...body, inputs: [...body.inputs, ...further] }] as const),
      [CAPTURED, captured.length],
    ]),
  };
}

function freeValuesOf({ inputs, outputs, nodes, constants }: Graph): string[] {
  const own = new Set([
    ...inputs.map(({ name }) => name),
    ...constants.keys(),
    ...nodes.flatMap((node) => node.outputs),
  ]);
  const read = [...nodes.flatMap((node) => node.inputs), ...outputs.map(({ name }) => name)];
  return read.filter((name) => name && !own.has(name));
}
