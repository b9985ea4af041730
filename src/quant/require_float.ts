/** Telling models that are quantized already from those that can be. @module */
import { type Graph, type Node, producersOf } from "../graph/graph.ts";
import { LINEAR_OPERATORS } from "../graph/quantizers.ts";

/**
 * Checks that a graph has no quantizers yet.
 *
 * @throws {RangeError} Where it has: how much of it is quantized, the first node that shows it, and what can be done.
 */
export function requireFloat(graph: Graph): void {
  const first = graph.nodes.find((node) => node.op === "QuantizeLinear" || node.op === "DequantizeLinear");
  if (!first) return;
  const producers = producersOf(graph);
  const linear = graph.nodes.filter((node) => LINEAR_OPERATORS.has(node.op));
  const quantized = linear.filter((node) => isQuantized(node, producers));
  const float = linear.filter((node) => !quantized.includes(node));
  if (float.length === 0 || quantized.length === 0) {
    throw new RangeError(`Cannot quantize the model: it is quantized already, as ${told(first)} shows. ${ADVICE}`);
  }
  throw new RangeError(
    `Cannot quantize the model: it is quantized in part. ${quantized.length} of its ${linear.length} Conv, MatMul and ` +
      `Gemm nodes read 8-bit data or weights, ${told(quantized[0]!)} first; ${
        told(float[0]!)
      } is the first in float. ` +
      ADVICE,
  );
}

const ADVICE = "Give the FP32 model that it was made from, or run this one as it is; where the FP32 model is lost, " +
  "extractQuantizers(graph).model.graph is a float graph with the rounded weights that can be quantized anew";

function told({ name, op }: Node): string {
  return `node "${name}" (${op})`;
}

function isQuantized({ inputs }: Node, producers: ReadonlyMap<string, Node>): boolean {
  return inputs.slice(0, 2).some((name) => producers.get(name)?.op === "DequantizeLinear");
}
