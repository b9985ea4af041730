/** What the tests of plans share. */
import assert from "node:assert/strict";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { planOf } from "../../src/runtime/model.ts";
import type { ExecutionPlan } from "../../src/runtime/plan.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, type GraphParts, interpret, node, run } from "../graphs.ts";

/** The steps as `node precision: inputs -> outputs`. */
export function lines({ steps }: ExecutionPlan): string[] {
  return steps.map(({ node, precision, inputs, outputs }) => `${node} ${precision}: ${inputs} -> ${outputs}`);
}

/** Checks the steps of a graph, and that they compute what its nodes say. */
export async function check(
  parts: GraphParts,
  inputs: Record<string, Tensor>,
  steps: readonly string[],
  tolerance: { atol?: number; rtol?: number } = {},
): Promise<void> {
  const graph: Graph = graphOf(parts);
  assert.deepEqual(lines(planOf(graph, inputs)), steps);
  assertSame(await run(graph, inputs), interpret(graph, inputs), tolerance);
}

/** Parameters of quantizers. The scales are powers of two, so that the float and the integer way round alike. */
export const quantizers = {
  xs: f32(1 / 128),
  xz: tensor("u8", [], [130]),
  ys: f32(1 / 64),
  yz: tensor("u8", [], [10]),
};

/** QuantizeLinear and DequantizeLinear in a row; the integers between are called like the output, with a q. */
export function pair(value: string, output: string, scale: string, zero: string): Node[] {
  const integers = `${output.replace(/d$/, "")}q`;
  return [
    node("QuantizeLinear", [value, scale, zero], integers),
    node("DequantizeLinear", [integers, scale, zero], output),
  ];
}
