/**
 * What kind of network a graph is, by the blocks that it is built of.
 *
 * Networks with attention are quantized as transformers: in 8 bits their products of matrices hold, and what normalizations
 * and activations are made of does not.
 *
 * @module
 */
import type { Graph, Node } from "../graph/graph.ts";
import { recognize } from "../runtime/recognize.ts";
import { specialize } from "../runtime/specialize.ts";
import type { KnownType } from "../tensor/tensor.ts";
import { computedInputs, type Flow, flowOf, readersOf } from "./flow.ts";
import { gelu, hardSwishes } from "./fusion.ts";
import { squeezeExcitations } from "./ignored_patterns.ts";
import { isComputedProduct } from "./operator_classes.ts";

/** How many blocks of each kind a graph has. */
export interface NetworkKind {
  /** Attention: a softmax between two products of computed matrices. */
  readonly attention: number;
  /** Layer normalizations, as one operator or spelled out. */
  readonly layerNormalization: number;
  /** GELU activations, spelled out by Erf or Tanh. */
  readonly gelu: number;
  /** Hard-swish activations, as one operator or spelled out. */
  readonly hardSwish: number;
  /** Squeeze-and-excitation blocks. */
  readonly squeezeExcitation: number;
  /** Whether it is quantized as a transformer: it has attention. */
  readonly transformer: boolean;
}

/** Operators that scores pass on their way from the first product to the softmax, and weights to the second one. */
const AROUND_SOFTMAX = new Set([
  ...["Mul", "Div", "Add", "Sub", "Where", "Clip", "Cast", "Reshape", "Transpose", "Squeeze", "Unsqueeze"],
  ...["Dropout", "Identity", "Slice", "Concat", "Max"],
]);

/** Recognises the blocks of a graph. */
export function networkKindOf(graph: Graph, types: ReadonlyMap<string, KnownType>): NetworkKind {
  const flow = flowOf(graph, types);
  const values = [...graph.inputs.map((input) => input.name), ...flow.nodes.flatMap((node) => node.outputs)];
  const attention = flow.nodes.filter((node) => node.op === "Softmax" && isAttention(node, flow)).length;
  return {
    attention,
    layerNormalization: layerNormalizations(graph, types),
    gelu: values.filter((value) => gelu.match(flow, value, true)).length + tanhGelus(flow),
    hardSwish: flow.nodes.filter((node) => node.op === "HardSwish").length +
      values.filter((value) => hardSwishes.some((piece) => piece.match(flow, value, true))).length,
    squeezeExcitation: squeezeExcitations(flow).length,
    transformer: attention > 0,
  };
}

function isAttention(softmax: Node, flow: Flow): boolean {
  const leadsTo = (node: Node, steps: (node: Node) => Node[], depth = 0): boolean =>
    depth < 8 &&
    steps(node).some((other) =>
      isComputedProduct(other, flow) || (AROUND_SOFTMAX.has(other.op) && leadsTo(other, steps, depth + 1))
    );
  const back = (node: Node): Node[] => computedInputs(flow, node).flatMap((value) => flow.producers.get(value) ?? []);
  const forth = (node: Node): Node[] => node.outputs.flatMap((value) => readersOf(flow, value).map((use) => use.node));
  return leadsTo(softmax, back) && leadsTo(softmax, forth);
}

function layerNormalizations(graph: Graph, types: ReadonlyMap<string, KnownType>): number {
  const inputs = Object.fromEntries(graph.inputs.map(({ name }) => [name, types.get(name)!]));
  const { graph: recognized } = recognize(specialize(graph, inputs));
  return recognized.nodes.filter((node) => node.op === "LayerNormalization").length;
}

/** `x * (1 + tanh(x * (a + b * x^2)))`, times one half somewhere. */
function tanhGelus(flow: Flow): number {
  return flow.nodes.filter((tanh) => {
    if (tanh.op !== "Tanh") return false;
    const arguments_ = valuesBehind(tanh.inputs[0]!, flow);
    return readersOf(flow, tanh.outputs[0]!).some(({ node: add }) =>
      add.op === "Add" && computedInputs(flow, add).length === 1 &&
      readersOf(flow, add.outputs[0]!).some(({ node: product }) =>
        product.op === "Mul" &&
        computedInputs(flow, product).some((value) =>
          value !== add.outputs[0] && [...valuesBehind(value, flow)].some((own) => arguments_.has(own))
        )
      )
    );
  }).length;
}

/** A value, and what it is computed of by a few steps of arithmetic. */
function valuesBehind(value: string, flow: Flow, depth = 0, found = new Set<string>()): Set<string> {
  found.add(value);
  const node = flow.producers.get(value);
  if (!node || depth > 5 || !["Mul", "Add", "Div", "Pow"].includes(node.op)) return found;
  for (const input of computedInputs(flow, node)) valuesBehind(input, flow, depth + 1, found);
  return found;
}
