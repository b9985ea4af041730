/** onnxruntime as a model of ours, so that one metric judges both. */
import { web } from "../onnxruntime_web.ts";
import { type Graph, type Model, type Tensor, tensor } from "../../mod.ts";

/**
 * Opens a file in the WebAssembly build of onnxruntime, whose integer products do not saturate, as the native one's do on CPUs
 * without VNNI.
 *
 * @param graph The graph that the file was written from: it names inputs, outputs and their types.
 */
export async function openInOnnxruntime(bytes: Uint8Array, { inputs, outputs }: Graph): Promise<Model> {
  const session = await web.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 3 });
  return {
    inputs,
    outputs,
    bytes: 0,
    run: async (feeds) => {
      const results = await session.run(
        Object.fromEntries(inputs.map(({ name }) => [name, toOnnxruntime(feeds[name]!)])),
      );
      return Object.fromEntries(outputs.map(({ name }) => {
        const { data, dims } = results[name]!;
        return [name, tensor("f32", dims, data as Float32Array)];
      }));
    },
    [Symbol.asyncDispose]: () => session.release(),
  };
}

function toOnnxruntime({ dtype, shape, data }: Tensor): web.Tensor {
  if (dtype === "i64") return new web.Tensor("int64", BigInt64Array.from(data as Float64Array, BigInt), shape);
  return new web.Tensor("float32", data as Float32Array, shape);
}
