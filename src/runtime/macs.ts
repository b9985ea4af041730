/** How many multiply-adds each node of a graph takes. @module */
import type { Graph } from "../graph/graph.ts";
import type { TensorType } from "../tensor/tensor.ts";
import { operatorOf, specialize } from "./specialize.ts";

/** The multiply-adds of each Conv, MatMul and Gemm, by node name, for inputs of these types. */
export function macsOfNodes(graph: Graph, inputs: Readonly<Record<string, TensorType>>): Map<string, number> {
  const { graph: typed, types } = specialize(graph, inputs);
  const macs = new Map<string, number>();
  for (const node of typed.nodes) {
    const op = operatorOf(node, typed.opset);
    if (!op.macs) continue;
    const own = op.macs(
      node.inputs.map((name) => name ? types.get(name) ?? null : null),
      node.outputs.map((name) => types.get(name)!),
    );
    if (own > 0) macs.set(node.name, own);
  }
  return macs;
}
