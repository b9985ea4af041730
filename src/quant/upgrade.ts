/**
 * Raising a graph to the first operator set with quantization along an axis.
 *
 * @module
 */
import type { AttributeValue, Graph, Node } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { i64, type KnownType, normalizeAxis, type Tensor, tensor } from "../tensor/tensor.ts";

/** QuantizeLinear and DequantizeLinear take an axis from this version on. */
export const QUANTIZED_OPSET = 13;

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
 * The same graph in opset 13, or the graph itself where it is there already.
 *
 * @param types The types of its values.
 * @throws {RangeError} Where an operator cannot be carried over; the node is named.
 */
export function upgrade(graph: Graph, types: ReadonlyMap<string, KnownType>): Graph {
  if (graph.opset >= QUANTIZED_OPSET) return graph;
  const rewriter = new Rewriter(graph);
  rewriter.nodes = [];
  for (const node of graph.nodes) {
    if ((REFUSED[node.op] ?? 0) > graph.opset) {
      throw new RangeError(
        `Cannot raise node "${node.name}" (${node.op}) from opset ${graph.opset} to ${QUANTIZED_OPSET}`,
      );
    }
    const moved = Object.hasOwn(MOVED, node.op) ? MOVED[node.op]! : null;
    if (moved && graph.opset < moved.since) rewriter.nodes.push(withInputs(node, moved.attributes, rewriter));
    else if (node.op === "Softmax") pushSoftmax(node, types, rewriter);
    else rewriter.nodes.push(node);
  }
  return rewriter.finish({ opset: QUANTIZED_OPSET });
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

/** Before opset 13 Softmax took all axes from `axis` on as one. */
function pushSoftmax(node: Node, types: ReadonlyMap<string, KnownType>, rewriter: Rewriter): void {
  const input = node.inputs[0]!;
  const rank = types.get(input)!.shape.length;
  const axis = normalizeAxis((node.attributes.get("axis") as number | undefined) ?? 1, rank);
  if (axis === rank - 1) {
    rewriter.nodes.push({ ...node, attributes: new Map([["axis", -1]]) });
    return;
  }
  const shape = rewriter.node("Shape", [input]);
  const flat = rewriter.node("Flatten", [input], { axis });
  const soft = rewriter.node("Softmax", [flat], { axis: -1 });
  rewriter.node("Reshape", [soft, shape], {}, node.outputs[0]!);
}
