/** Outside judges of a file: onnxruntime in WebAssembly, and native with and without its own optimizations. */
import * as node from "onnxruntime-node";
import { web } from "../onnxruntime_web.ts";
import type { ItemInputs } from "../../mod.ts";

/** Only what fails. */
const LOG_ERRORS = 3;

/** A session that is closed when it is disposed. */
export interface Judge extends AsyncDisposable {
  /** The first output for one item, its inputs with their batch axis. */
  run(inputs: ItemInputs): Promise<Float32Array>;
}

/**
 * Who judges: `"wasm"` runs fused integer kernels with exact sums; `"as written"` is native and runs each QuantizeLinear and
 * DequantizeLinear by itself; `"native"` fuses, and on x86 CPUs without VNNI adds pairs of products in 16 bits, which clip.
 */
export type JudgeName = "wasm" | "as written" | "native";

/** Opens a file in a judge. */
export async function openJudge(name: JudgeName, bytes: Uint8Array): Promise<Judge> {
  const runtime = name === "wasm" ? web : node;
  const session = await runtime.InferenceSession.create(bytes, {
    logSeverityLevel: LOG_ERRORS,
    ...(name === "wasm" && { executionProviders: ["wasm"] }),
    ...(name === "as written" && { graphOptimizationLevel: "disabled" }),
  });
  return {
    run: async (inputs) => {
      const feeds = Object.entries(inputs).map(([key, { data, shape }]) =>
        [key, new runtime.Tensor("float32", data as Float32Array, shape)] as const
      );
      const output = (await session.run(Object.fromEntries(feeds)))[session.outputNames[0]!]!;
      return output.data as Float32Array;
    },
    [Symbol.asyncDispose]: () => session.release(),
  };
}
