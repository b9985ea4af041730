/** Fixing the shapes of a graph: type inference and folding of what is then constant. @module */
import type { Graph, Node } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { OPS } from "../ops/mod.ts";
import { numberOf, type Op, UnknownElementsError } from "../ops/op.ts";
import { expandControl } from "./control.ts";
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

/** A node that cannot be prepared before one of its inputs is computed. */
export class DataDependentError extends NodeError {
  /** The name of that input. */
  readonly value: string;
  /** The types of all values that are computed before the node. */
  readonly types: ReadonlyMap<string, KnownType>;

  /** An error that names the node, and the value that it needs. */
  constructor(node: Node, cause: Error, value: string, types: ReadonlyMap<string, KnownType>) {
    super(`Cannot run node "${node.name}" (${node.op}): ${cause.message}`, { cause });
    this.value = value;
    this.types = types;
  }
}

/**
 * The operator of a node, its attributes bound.
 *
 * @throws {NodeError} Where the operator or an attribute is not supported.
 */
export function operatorOf(node: Node, opset: number): Op {
  const factory = Object.hasOwn(OPS, node.op) ? OPS[node.op] : undefined;
  if (!factory) throw new NodeError(`Cannot run node "${node.name}": operator "${node.op}" is not supported`);
  const parts = (node.op === "Split" || node.outputs.length > 1) && !node.attributes.has("num_outputs");
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

/** Whether a node keeps constants in the form that kernels want: quantized weights stay integers. */
export function keepsIntegers({ op, attributes }: Node): boolean {
  return op === "DequantizeLinear" && numberOf(attributes, "block_size", 0) === 0;
}

/**
 * Infers every type from those of the inputs, and computes what does not depend on the data.
 *
 * @param inputs The types of the graph's inputs, by name.
 * @throws {NodeError} Where a node does not fit the shapes that reach it.
 * @throws {DataDependentError} Where elements must be known that are computed from the data.
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
  const ahead = graph.nodes.toReversed();
  for (let node = ahead.pop(); node; node = ahead.pop()) {
    const known = node.inputs.map((name) => name ? types.get(name) ?? null : null);
    const body = explained(node, () => expandControl(node!, known, rewriter));
    if (body) {
      for (const name of body.constants) types.set(name, rewriter.constants.get(name)!);
      ahead.push(...body.nodes.toReversed());
      continue;
    }
    const op = operatorOf(node, graph.opset);
    const folded = explained(node, () => fold(node!, op, known));
    if (folded) {
      node.outputs.forEach((name, i) => {
        if (!name) return;
        types.set(name, folded[i]!);
        rewriter.constants.set(name, folded[i]!);
      });
      continue;
    }
    const outputs = inferTypes(node, op, known, types);
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

function inferTypes(
  node: Node,
  op: Op,
  known: readonly (KnownType | null)[],
  types: ReadonlyMap<string, KnownType>,
): TensorType[] {
  try {
    return op.infer(known);
  } catch (cause) {
    const input = cause instanceof UnknownElementsError ? known.indexOf(cause.input) : -1;
    if (input >= 0) throw new DataDependentError(node, cause as Error, node.inputs[input]!, types);
    return explained(node, () => {
      throw cause;
    });
  }
}

function fold(node: Node, op: Op, inputs: readonly (KnownType | null)[]): Tensor[] | null {
  if (node.op === "Shape" || node.op === "Size") return op.reference([{ ...inputs[0]!, data: new Float32Array(0) }]);
  if (keepsIntegers(node) || inputs.some((input) => input && !input.data)) return null;
  return op.reference(inputs as (Tensor | null)[]);
}
