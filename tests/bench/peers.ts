/** onnxruntime-web as a peer, in the same process: its WebGPU provider, and its WebAssembly one with a single thread. */
import * as ort from "onnxruntime-web/webgpu";
import type { Tensor } from "../../mod.ts";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = Deno.readFileSync(
  new URL(import.meta.resolve("onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm")),
).buffer;

/** The version of onnxruntime-web. */
export const PEER_VERSION: string = ort.env.versions.web ?? "unknown";

/** A model ready to run: takes its only input, returns its first output. */
export interface Runner extends AsyncDisposable {
  /** From input in host memory to output in host memory. */
  run(): Promise<ArrayLike<number>>;
}

/** Opens an ONNX file in onnxruntime-web. */
export async function openPeer(provider: "webgpu" | "wasm", bytes: Uint8Array, input: Tensor): Promise<Runner> {
  const session = await ort.InferenceSession.create(bytes, { executionProviders: [provider], logSeverityLevel: 3 });
  const feeds = { [session.inputNames[0]!]: new ort.Tensor("float32", input.data as Float32Array, input.shape) };
  return {
    run: async () => {
      const output = (await session.run(feeds))[session.outputNames[0]!]!;
      const data = output.data as Float32Array;
      output.dispose();
      return data;
    },
    [Symbol.asyncDispose]: () => session.release(),
  };
}
