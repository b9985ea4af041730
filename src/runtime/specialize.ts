/** Fixing the shapes of a graph: type inference and folding of what is then constant. @module */
import type { Graph, Node } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { OPS } from "../ops/mod.ts";
import type { Op } from "../ops/op.ts";
import type { KnownType, Tensor, TensorType } from "../tensor/tensor.ts";

/** A graph all of whose types are known. */
export interface TypedGraph {
  /** The graph, without nodes whose results are known. */
  readonly graph: Graph;
  /** The type of every value; constants carry their elements. */
  readonly types: ReadonlyMap<string, KnownType>;
}

/** A node that cannot be computed for the given shapes: the message names the node and says why. */
export class NodeError extends Error {
  /** Tells it from other errors. */
  override readonly name = "NodeError";
}

/**
 * The operator of a node, its attributes bound.
 *
 * @throws {NodeError} Where the operator or an attribute is not supported.
 */
export function operatorOf(node: Node, opset: number): Op {
  const factory = Object.hasOwn(OPS, node.op) ? OPS[node.op] : undefined;
  if (!factory) throw new NodeError(`Cannot run node "${node.name}": operator "${node.op}" is not supported`);
  const parts = node.op === "Split" && !node.attributes.has("num_outputs");
  const attributes = parts ? new Map([...node.attributes, ["num_outputs", node.outputs.length]]) : node.attributes;
  return explained(node, () => factory(attributes, opset));
}

/** Runs `action`, naming the node in any error. */
export function explained<T>(node: Node, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof NodeError) throw cause;
    throw new NodeError(`Cannot run node "${node.name}" (${node.op}): ${(cause as Error).message}`, { cause });
  }
}

/** Quantized weights stay integers: the kernels want them so. */
const NEVER_FOLDED = new Set(["DequantizeLinear"]);

/**
 * Infers every type from those of the inputs, and computes what does not depend on the data.
 *
 * @param inputs The types of the graph's inputs, by name.
 * @throws {NodeError} Where a node does not fit the shapes that reach it.
 */
export function specialize(graph: Graph, inputs: Readonly<Record<string, TensorType>>): TypedGraph {
  const types = new Map<string, KnownType>(graph.constants);
  for (const { name } of graph.inputs) {
    const type = inputs[name];
    if (!type) throw new RangeError(`Input "${name}" is missing`);
    types.set(name, { dtype: type.dtype, shape: type.shape });
  }
  const rewriter = new Rewriter(graph);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const op = operatorOf(node, graph.opset);
    const known = node.inputs.map((name) => name ? types.get(name) ?? null : null);
    const folded = explained(node, () => fold(node, op, known));
    if (folded) {
      node.outputs.forEach((name, i) => {
        types.set(name, folded[i]!);
        rewriter.constants.set(name, folded[i]!);
      });
      continue;
    }
    const outputs = explained(node, () => op.infer(known));
    const surplus = node.outputs.findIndex((name, i) => name && !outputs[i]);
    if (surplus >= 0) {
      throw new NodeError(`Cannot run node "${node.name}" (${node.op}): its output ${surplus} is not supported`);
    }
    node.outputs.forEach((name, i) => name && types.set(name, outputs[i]!));
    nodes.push(node);
  }
  rewriter.nodes = nodes;
  return { graph: rewriter.finish(), types };
}

function fold(node: Node, op: Op, inputs: readonly (KnownType | null)[]): Tensor[] | null {
  if (node.op === "Shape") return op.reference([{ ...inputs[0]!, data: new Float32Array(0) }]);
  if (NEVER_FOLDED.has(node.op) || inputs.some((input) => input && !input.data)) return null;
  return op.reference(inputs as (Tensor | null)[]);
}
