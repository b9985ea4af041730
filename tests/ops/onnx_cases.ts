/** The ONNX backend node tests: models of one operator, with inputs and the outputs that it must give. */
import { parseTarGzip } from "nanotar";
import onnxProto from "onnx-proto";
import type { Node } from "../../src/graph/graph.ts";
import { OPSETS, readOnnx, UnsupportedModelError } from "../../src/onnx/read.ts";
import { readTensor } from "../../src/onnx/tensor.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const { onnx: schema } = onnxProto;

/** One node test. */
export interface NodeCase {
  /** The name of its folder. */
  readonly name: string;
  /** The operator with its attributes. */
  readonly node: Node;
  /** The operator set that gives it its meaning. */
  readonly opset: number;
  /** What the node reads; `null` for an input that is left out. */
  readonly inputs: readonly (Tensor | null)[];
  /** What the node must compute; `null` where the test does not say. */
  readonly outputs: readonly (Tensor | null)[];
}

/** The node tests of some operators, by operator. */
export interface NodeCases {
  /** Those that can be read. */
  readonly cases: readonly NodeCase[];
  /** Names of those whose types cannot be read, with the reason. */
  readonly unreadable: ReadonlyMap<string, string>;
}

/** The node tests of an archive (.tar.gz of folders with model.onnx and test_data_set_0). */
export async function readNodeCases(archive: Uint8Array, ops: ReadonlySet<string>): Promise<Map<string, NodeCases>> {
  const folders = new Map<string, Map<string, Uint8Array>>();
  for (const { name, data } of await parseTarGzip(archive)) {
    const [, folder, file] = /([^/]+)\/(model\.onnx|test_data_set_0\/.*\.pb)$/.exec(name) ?? [];
    if (!folder || !file || !data) continue;
    const files = folders.get(folder) ?? new Map<string, Uint8Array>();
    folders.set(folder, files.set(file, data));
  }
  const found = new Map<string, { cases: NodeCase[]; unreadable: Map<string, string> }>();
  for (const [name, files] of [...folders].sort(([a], [b]) => a < b ? -1 : 1)) {
    const op = operatorOf(files);
    if (!op || !ops.has(op)) continue;
    const entry = found.get(op) ?? { cases: [], unreadable: new Map<string, string>() };
    found.set(op, entry);
    const result = readCase(name, files);
    if (typeof result === "string") entry.unreadable.set(name, result);
    else entry.cases.push(result);
  }
  return found;
}

/** The operator of a model with a single node of the default domain. */
function operatorOf(files: ReadonlyMap<string, Uint8Array>): string | null {
  const nodes = schema.ModelProto.decode(files.get("model.onnx") ?? new Uint8Array()).graph?.node ?? [];
  return nodes.length === 1 && !nodes[0]!.domain ? nodes[0]!.opType ?? null : null;
}

function readCase(name: string, files: ReadonlyMap<string, Uint8Array>): NodeCase | string {
  const proto = schema.ModelProto.decode(files.get("model.onnx")!);
  for (const set of proto.opsetImport) {
    // Operator sets after 23 only add element types to the operators that are read here.
    set.version = Math.min(Number(set.version), OPSETS[1]);
  }
  const valuesOf = (kind: "input" | "output"): Map<string, Tensor> =>
    new Map((proto.graph?.[kind] ?? []).map((info, i) => {
      const stored = files.get(`test_data_set_0/${kind}_${i}.pb`);
      return [info.name ?? "", readTensor(schema.TensorProto.decode(stored ?? new Uint8Array()))];
    }));
  try {
    const { nodes: [node], opset } = readOnnx(schema.ModelProto.encode(proto).finish(), { file: name });
    if (!node) return "it has no node";
    const [inputs, outputs] = [valuesOf("input"), valuesOf("output")];
    return {
      name,
      node,
      opset,
      inputs: node.inputs.map((input) => inputs.get(input) ?? null),
      outputs: node.outputs.map((output) => outputs.get(output) ?? null),
    };
  } catch (error) {
    if (error instanceof UnsupportedModelError) return error.problems.join("; ");
    throw new Error(`Cannot read node test ${name}`, { cause: error });
  }
}
