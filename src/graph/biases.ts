/** Where the bias of a linear operator is: its own third input, or an addition behind it. @module */
import type { Tensor } from "../tensor/tensor.ts";
import type { Graph, Node, Use } from "./graph.ts";
import type { Reader } from "./quantizers.ts";

/** A constant that is added to every result of a Conv, Gemm or MatMul. */
export interface Bias {
  /** The name of the constant. */
  readonly name: string;
  /** The constant; its last axis, for a Conv its only one, runs along the output channels. */
  readonly value: Tensor;
  /** Who reads it: the node itself, or an Add that is the only reader of its result. */
  readonly reader: Reader;
}

/**
 * The bias of a Conv, Gemm or MatMul, or `null` where it has none that is constant.
 *
 * @param uses The uses of all values, of `usesOf`.
 */
export function biasOf(graph: Graph, uses: ReadonlyMap<string, readonly Use[]>, node: Node): Bias | null {
  if (node.op !== "MatMul") {
    const name = node.inputs[2];
    const value = name ? graph.constants.get(name) : undefined;
    return name && value ? { name, value, reader: { node: node.name, input: 2 } } : null;
  }
  const output = node.outputs[0]!;
  const [use, ...others] = uses.get(output) ?? [];
  if (use?.node.op !== "Add" || others.length > 0 || graph.outputs.some((own) => own.name === output)) return null;
  const input = 1 - use.input;
  const name = use.node.inputs[input]!;
  const value = graph.constants.get(name);
  return value ? { name, value, reader: { node: use.node.name, input } } : null;
}
