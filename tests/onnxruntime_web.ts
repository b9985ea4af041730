/** onnxruntime-web as it runs in Deno: on one thread, since more would be workers from blobs, and with its binary given. */
import * as web from "onnxruntime-web/webgpu";

web.env.wasm.numThreads = 1;
web.env.wasm.wasmBinary = Deno.readFileSync(
  new URL(import.meta.resolve("onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm")),
).buffer;

export { web };
