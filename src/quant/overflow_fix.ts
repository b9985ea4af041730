/**
 * Weights that keep to half of their range.
 *
 * CPUs without VNNI add two products of u8 and i8 in 16 bits, which saturate where both are large; half of the range of the
 * weights is enough to prevent it.
 *
 * @module
 */
import { type Graph, type Node, usesOf } from "../graph/graph.ts";
import type { OverflowFix } from "./options.ts";
import { weightedLayers, weightedOf } from "./weighted.ts";

/**
 * The names of the weights that keep to half of the range.
 *
 * `"enable"`: all. `"first_layer_only"`: from each input of the graph, on each path, those of the first convolution with
 * quantized weights; depthwise ones, whose sums are short, do not count. `"disable"`: none.
 *
 * @param quantized The names of all quantized weights.
 */
export function halfRangeWeights(graph: Graph, quantized: ReadonlySet<string>, fix: OverflowFix): Set<string> {
  switch (fix) {
    case "disable":
      return new Set();
    case "enable":
      return new Set(weightedLayers(graph).map(({ name }) => name).filter((name) => quantized.has(name)));
    case "first_layer_only":
      return firstConvolutions(graph, quantized);
  }
  return fix satisfies never;
}

function firstConvolutions(graph: Graph, quantized: ReadonlySet<string>): Set<string> {
  const uses = usesOf(graph);
  const found = new Set<string>();
  const seen = new Set<string>();
  const open = graph.inputs.map(({ name }) => name);
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    for (const { node, input } of uses.get(value) ?? []) {
      const weights = input === 0 ? convolutionWeights(graph, node) : null;
      if (weights && quantized.has(weights)) found.add(weights);
      else open.push(...node.outputs.filter((name) => name));
    }
  }
  return found;
}

/** The weights of a convolution that is not depthwise. */
function convolutionWeights(graph: Graph, node: Node): string | null {
  const layer = node.op === "Conv" ? weightedOf(graph, node) : null;
  return layer && (layer.groups === 1 || layer.groups !== layer.inputs) ? layer.name : null;
}
