/**
 * Raising a graph to the first operator set with quantization.
 *
 * @module
 */
import type { AttributeValue, Graph, Node } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { i64, type KnownType, normalizeAxis, type Tensor, tensor } from "../tensor/tensor.ts";

/** The operator sets with QuantizeLinear and DequantizeLinear: with one scale for a tensor, and with scales along an axis. */
export const QUANTIZED_OPSETS = { perTensor: 10, perChannel: 13 } as const;

/** Attributes that became inputs: the version, and for each input after the first the attribute that it replaces. */
const MOVED: Readonly<Record<string, { readonly since: number; readonly attributes: readonly string[] }>> = {
  Slice: { since: 10, attributes: ["starts", "ends", "axes"] },
  Clip: { since: 11, attributes: ["min", "max"] },
  Pad: { since: 11, attributes: ["pads", "value"] },
  Squeeze: { since: 13, attributes: ["axes"] },
  Unsqueeze: { since: 13, attributes: ["axes"] },
  ReduceSum: { since: 13, attributes: ["axes"] },
  Split: { since: 13, attributes: ["split"] },
};

const FLOATS = new Set(["min", "max", "value"]);

/** Operators that changed otherwise between the versions. */
const REFUSED: Readonly<Record<string, number>> = { Upsample: 10, Resize: 11, TopK: 11, LogSoftmax: 13, Hardmax: 13 };

/**
 * The same graph in the given operator set, or the graph itself where it is there already.
 *
 * @param types The types of its values. Without that of its input a Softmax is carried over in the most general way.
 * @throws {RangeError} Where an operator cannot be carried over; the node is named.
 */
export function upgrade(
  graph: Graph,
  types: ReadonlyMap<string, KnownType>,
  opset: number = QUANTIZED_OPSETS.perChannel,
): Graph {
  if (graph.opset >= opset) return graph;
  const changesAt = (since: number | undefined): boolean =>
    since !== undefined && graph.opset < since && since <= opset;
  const rewriter = new Rewriter(graph);
  rewriter.nodes = [];
  for (const node of graph.nodes) {
    if (Object.hasOwn(REFUSED, node.op) && changesAt(REFUSED[node.op])) {
      throw new RangeError(
        `Cannot raise node "${node.name}" (${node.op}) from opset ${graph.opset} to ${opset}`,
      );
    }
    const moved = Object.hasOwn(MOVED, node.op) ? MOVED[node.op]! : null;
    if (moved && changesAt(moved.since)) rewriter.nodes.push(withInputs(node, moved.attributes, rewriter));
    else if (node.op === "Softmax" && changesAt(ONE_AXIS_SOFTMAX)) pushSoftmax(node, types, rewriter);
    else rewriter.nodes.push(node);
  }
  return rewriter.finish({ opset });
}

function withInputs(node: Node, names: readonly string[], rewriter: Rewriter): Node {
  const inputs = [node.inputs[0]!];
  const attributes = new Map(node.attributes);
  for (const name of names) {
    const value = attributes.get(name);
    attributes.delete(name);
    inputs.push(value === undefined ? "" : rewriter.constant(`${node.name}_${name}`, asTensor(name, value)));
  }
  while (inputs.at(-1) === "") inputs.pop();
  return { ...node, inputs, attributes };
}

function asTensor(name: string, value: AttributeValue): Tensor {
  return FLOATS.has(name) ? tensor("f32", [], [value as number]) : i64(value as readonly number[]);
}

/** Before this version Softmax took all axes from `axis` on as one. */
const ONE_AXIS_SOFTMAX = 13;

function pushSoftmax(node: Node, types: ReadonlyMap<string, KnownType>, rewriter: Rewriter): void {
  const input = node.inputs[0]!;
  const rank = types.get(input)?.shape.length;
  const given = (node.attributes.get("axis") as number | undefined) ?? 1;
  const axis = rank === undefined ? given : normalizeAxis(given, rank);
  if (axis === (rank ?? 0) - 1) {
    rewriter.nodes.push({ ...node, attributes: new Map([["axis", -1]]) });
    return;
  }
  const shape = rewriter.node("Shape", [input]);
  const flat = rewriter.node("Flatten", [input], { axis });
  const soft = rewriter.node("Softmax", [flat], { axis: -1 });
  rewriter.node("Reshape", [soft, shape], {}, node.outputs[0]!);
}
