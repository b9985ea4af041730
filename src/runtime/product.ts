/** What a product of two computed matrices, as in attention, can take in: factors, and the joining of heads. @module */
import type { Node } from "../graph/graph.ts";
import { numbersOf } from "../ops/op.ts";
import type { Surroundings } from "./linear.ts";

/** Whether a node is a product of matrices neither of which is constant. */
export function isComputedProduct({ op, inputs }: Node, { producers, typed: { graph, types } }: Surroundings): boolean {
  return op === "MatMul" && inputs.every((name) => {
    const producer = producers.get(name);
    const stored = producer?.op === "DequantizeLinear" ? producer.inputs[0]! : name;
    return types.get(name)!.shape.length > 1 && !graph.constants.has(stored);
  });
}

/** The number that a node multiplies a value by, or `null` where it does anything else. */
export function scaleOf(
  { op, inputs, outputs }: Node,
  value: string,
  { typed: { graph, types } }: Surroundings,
): number | null {
  if (op !== "Mul" && !(op === "Div" && inputs[0] === value)) return null;
  const constant = graph.constants.get(inputs[inputs[0] === value ? 1 : 0]!);
  const same = types.get(value)!.shape.length === types.get(outputs[0]!)!.shape.length;
  if (constant?.dtype !== "f32" || constant.data.length !== 1 || !same) return null;
  return op === "Mul" ? constant.data[0]! : 1 / constant.data[0]!;
}

/** What a product can read in place of an operand that is a multiple of it, and the factor; the operand itself and 1 else. */
export function scaledOperand(
  name: string,
  around: Surroundings,
  taken: ReadonlySet<Node>,
): [factor: number, from: string] {
  const producer = around.producers.get(name);
  if (!producer || taken.has(producer) || around.outputs.has(name) || around.uses.get(name)!.length > 1) {
    return [1, name];
  }
  const from = producer.inputs.find((input) => !around.typed.graph.constants.has(input)) ?? name;
  const scale = from === name ? null : scaleOf(producer, from, around);
  return scale === null ? [1, name] : [scale, from];
}

/** Whether a node swaps axes -3 and -2. */
export function isSwapOfHeads({ op, attributes }: Node): boolean {
  const perm = numbersOf(attributes, "perm");
  const rank = perm?.length ?? 0;
  return op === "Transpose" && rank > 2 &&
    perm!.every((axis, i) => axis === (i === rank - 3 ? rank - 2 : i === rank - 2 ? rank - 3 : i));
}
