/** acqua as one of those that are timed. */
import {
  applyPlan,
  type Backend,
  openBackend,
  openModel,
  planOf,
  quantize,
  readModel,
  type Tensor,
  writeOnnx,
} from "../../mod.ts";
import type { Runner } from "./runner.ts";
import type { Subject } from "./workload.ts";

/** Bytes of device memory that a model takes, and what they must stay below: its file and four times its largest value. */
export interface DeviceBytes {
  readonly activations: number;
  readonly constants: number;
  readonly limit: number;
}

/** acqua with a model open. */
export interface AcquaRunner extends Runner {
  /** What the model takes once it has run. */
  deviceBytes(): DeviceBytes;
}

/** Opens a file of a subject on a backend of its own, so that its memory can be told. */
export async function openAcqua({ input, x }: Subject, bytes: Uint8Array): Promise<AcquaRunner> {
  const graph = readModel(bytes);
  const output = graph.outputs[0]!.name;
  const backend = await openBackend("webgpu");
  const model = openModel(graph, backend);
  const inputs = { [input]: x };
  return {
    run: async () => (await model.run(inputs))[output]!.data as Float32Array,
    deviceBytes: () => ({
      activations: model.bytes,
      constants: backend.constantBytes,
      limit: bytes.length + 4 * largestValue(planOf(graph, inputs), inputs),
    }),
    async [Symbol.asyncDispose]() {
      await model[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

/** The INT8 file of a subject, with all that can be quantized in 8 bits. */
export async function int8Of({ bytes, input, calibration }: Subject, backend: Backend): Promise<Uint8Array> {
  const items = calibration.map((item) => ({ [input]: item }));
  return writeOnnx(applyPlan(await quantize(readModel(bytes), items, { backend }), new Set()));
}

/** Bytes of the largest value that a run reads or computes. */
function largestValue(
  { steps, types }: ReturnType<typeof planOf>,
  inputs: Readonly<Record<string, Tensor>>,
): number {
  const names = [...Object.keys(inputs), ...steps.flatMap(({ outputs }) => outputs.filter((name) => name !== ""))];
  return Math.max(...names.map((name) => {
    const { dtype, shape } = types.get(name)!;
    return shape.reduce((size, dim) => size * dim, dtype === "i8" ? 1 : 4);
  }));
}
