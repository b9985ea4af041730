/** The ONNX backend node tests: whole models, with inputs and the outputs that they must give. */
import { parseTarGzip } from "nanotar";
import onnxProto, { type onnx as Onnx } from "onnx-proto";

const { onnx: schema } = onnxProto;

/** One test of the suite, as it lies in the archive. */
export interface NodeTest {
  /** The name of its folder. */
  readonly name: string;
  /** The operator that it is about: that of its only node; for an expanded function, that of the test it is made from. */
  readonly operator: string;
  /** The file. */
  readonly bytes: Uint8Array;
  /** What is in the file. */
  readonly model: Onnx.ModelProto;
  /** The files of the inputs, in the order of the graph's. */
  readonly inputs: readonly Uint8Array[];
  /** The files of the outputs, in the order of the graph's. */
  readonly outputs: readonly Uint8Array[];
}

/** The tests of an archive (.tar.gz of folders with model.onnx and test_data_set_0), by name. */
export async function readNodeTests(archive: Uint8Array): Promise<NodeTest[]> {
  const folders = new Map<string, Map<string, Uint8Array>>();
  for (const { name, data } of await parseTarGzip(archive)) {
    const [, folder, file] = /([^/]+)\/(model\.onnx|test_data_set_0\/.*\.pb)$/.exec(name) ?? [];
    if (!folder || !file) continue;
    const files = folders.get(folder) ?? new Map<string, Uint8Array>();
    folders.set(folder, files.set(file, data ?? new Uint8Array()));
  }
  const models = new Map(
    Array.from(folders, ([name, files]) => [name, schema.ModelProto.decode(files.get("model.onnx")!)]),
  );
  const operatorOf = (name: string): string => {
    const whole = models.get(name.replace(/_expanded.*$/, "")) ?? models.get(name)!;
    return whole.graph?.node?.[0]?.opType ?? "";
  };
  return [...folders].sort(([a], [b]) => a < b ? -1 : 1).map(([name, files]) => {
    const model = models.get(name)!;
    const listOf = (kind: "input" | "output"): Uint8Array[] =>
      (model.graph?.[kind] ?? []).map((_, i) => files.get(`test_data_set_0/${kind}_${i}.pb`) ?? new Uint8Array());
    return {
      name,
      operator: operatorOf(name),
      bytes: files.get("model.onnx")!,
      model,
      inputs: listOf("input"),
      outputs: listOf("output"),
    };
  });
}
