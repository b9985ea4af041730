/** Graphs to ONNX files. @module */
import type { onnx as Onnx } from "onnx-proto";
import { CAPTURED, type Graph, isGraph, type Node, type ValueInfo } from "../graph/graph.ts";
import { VERSION } from "../graph/version.ts";
import { writeAttribute } from "./attributes.ts";
import { codeOf, schema, writeTensor } from "./tensor.ts";

// The IR version that came with an operator set: the last entry whose operator set is not newer.
// From version 4 on constants need not be listed as inputs.
const IR_VERSIONS: readonly (readonly [opset: number, ir: number])[] = [
  [7, 4],
  [10, 5],
  [11, 6],
  [12, 7],
  [15, 8],
  [19, 9],
  [21, 10],
  [23, 11],
];

/** The graph as an ONNX file that holds all its constants. */
export function writeOnnx(graph: Graph): Uint8Array {
  const { domain, version, description } = graph.info ?? {};
  const model: Onnx.IModelProto = {
    irVersion: IR_VERSIONS.findLast(([opset]) => opset <= graph.opset)?.[1] ?? 4,
    opsetImport: [{ domain: "", version: graph.opset }],
    producerName: "acqua",
    producerVersion: VERSION,
    ...(domain !== undefined && { domain }),
    ...(version !== undefined && { modelVersion: version }),
    ...(description !== undefined && { docString: description }),
    graph: writeGraph(graph),
    metadataProps: Array.from(graph.metadata, ([key, value]) => ({ key, value })),
  };
  return Uint8Array.from(schema.ModelProto.encode(model).finish());
}

function writeGraph(graph: Graph): Onnx.IGraphProto {
  return {
    name: graph.name || "graph",
    node: graph.nodes.map(writeNode),
    initializer: Array.from(graph.constants, ([name, value]) => writeTensor(value, name)),
    input: graph.inputs.map(writeValueInfo),
    output: graph.outputs.map(writeValueInfo),
  };
}

function writeNode(node: Node): Onnx.INodeProto {
  const captured = Number(node.attributes.get(CAPTURED) ?? 0);
  const own = node.inputs.length - captured;
  const attributes = [...node.attributes].filter(([name]) => name !== CAPTURED);
  return {
    name: node.name,
    opType: node.op,
    input: node.inputs.slice(0, own),
    output: [...node.outputs],
    attribute: attributes.map(([name, value]) =>
      isGraph(value)
        ? { name, type: schema.AttributeProto.AttributeType.GRAPH, g: writeBody(value, node.inputs.slice(own)) }
        : writeAttribute(name, value)
    ),
  };
}

/** A body that reads the values which its last inputs stand for, and has those inputs no more. */
function writeBody(body: Graph, captured: readonly string[]): Onnx.IGraphProto {
  const own = body.inputs.length - captured.length;
  const names = new Map(captured.map((name, i) => [body.inputs[own + i]!.name, name]));
  const rename = (name: string): string => names.get(name) ?? name;
  const { input, ...graph } = writeGraph({
    ...body,
    nodes: body.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename) })),
    outputs: body.outputs.map((output) => ({ ...output, name: rename(output.name) })),
  });
  return { ...graph, input: (input ?? []).slice(0, own) };
}

function writeValueInfo({ name, dtype, shape }: ValueInfo): Onnx.IValueInfoProto {
  const dim = shape?.map((size) => typeof size === "string" ? { dimParam: size } : { dimValue: size });
  return { name, type: { tensorType: { elemType: codeOf(dtype), ...(dim && { shape: { dim } }) } } };
}
