/** Computing once what a graph spells out several times. @module */
import type { Graph, Node } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Constants up to this size are compared by their elements, larger ones by their names. */
const SMALL = 64;

/**
 * Merges nodes that do the same with the same inputs: three reshapes and quantizers of one value, say, as files have
 * them in front of queries, keys and values. Graph outputs keep their nodes.
 */
export function shareEqual(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const first = new Map<string, Node>();
  const renamed = new Map<string, string>();
  const identity = (name: string): string => {
    const constant = graph.constants.get(name);
    return constant && constant.data.length <= SMALL ? contentOf(constant) : JSON.stringify(name);
  };
  rewriter.nodes = graph.nodes.flatMap((original) => {
    const node = original.inputs.some((name) => renamed.has(name))
      ? { ...original, inputs: original.inputs.map((name) => renamed.get(name) ?? name) }
      : original;
    const attributes = attributesOf(node);
    if (attributes === null) return [node];
    const key = [node.op, attributes, ...node.inputs.map(identity), node.outputs.map((name) => name !== "")].join();
    const known = first.get(key);
    if (!known || node.outputs.some((name) => outputs.has(name))) {
      first.set(key, known ?? node);
      return [node];
    }
    node.outputs.forEach((name, i) => name && renamed.set(name, known.outputs[i]!));
    return [];
  });
  return renamed.size > 0 ? rewriter.finish() : graph;
}

function contentOf({ dtype, shape, data }: Tensor): string {
  // -0 prints as 0, and is not the same divisor.
  return `${dtype}[${shape}](${Array.from(data, (v) => Object.is(v, -0) ? "-0" : v)})`;
}

/** The attributes of a node as text; `null` where one is a tensor. */
function attributesOf({ attributes }: Node): string | null {
  const entries = [...attributes].sort(([a], [b]) => a < b ? -1 : 1);
  const plain = entries.every(([, value]) => typeof value !== "object" || Array.isArray(value));
  return plain ? JSON.stringify(entries) : null;
}
