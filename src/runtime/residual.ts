/** Additions in front of layer normalizations, as encoders have them around every block, as part of these. @module */
import { type Node, producersOf, usesOf } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import type { TypedGraph } from "./specialize.ts";

/**
 * Makes LayerNormalization nodes read both operands of a sum that nothing else reads: the second as their fourth input.
 *
 * Constants stay with the operator before, which adds them for nothing, and quantized values with the Add, which reads
 * them as integers.
 */
export function addInNormalizations({ graph, types }: TypedGraph): TypedGraph {
  if (!graph.nodes.some((node) => node.op === "LayerNormalization")) return { graph, types };
  const [producers, uses] = [producersOf(graph), usesOf(graph)];
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const rewriter = new Rewriter(graph);
  rewriter.nodes = graph.nodes.map((node): Node => {
    const value = node.inputs[0]!;
    const sum = producers.get(value);
    if (node.op !== "LayerNormalization" || node.outputs.length > 1 || node.inputs.length > 3 || sum?.op !== "Add") {
      return node;
    }
    const whole = sum.inputs.every((name) =>
      `${types.get(name)!.shape}` === `${types.get(value)!.shape}` && !graph.constants.has(name) &&
      producers.get(name)?.op !== "DequantizeLinear"
    );
    if (!whole || outputs.has(value) || uses.get(value)!.length > 1) return node;
    const [x, added] = sum.inputs;
    return { ...node, inputs: [x!, node.inputs[1]!, node.inputs[2] ?? "", added!] };
  });
  return { graph: rewriter.finish(), types };
}
