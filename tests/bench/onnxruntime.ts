/** onnxruntime as peers: its WebGPU provider, its WebAssembly one with a single thread, and the native CPU one. */
import * as node from "onnxruntime-node";
import { web } from "../onnxruntime_web.ts";
import { type Tensor, tensor, writeOnnx } from "../../mod.ts";
import { GraphBuilder } from "../models/builder.ts";
import type { Runner } from "./runner.ts";

/** The version of onnxruntime-web. */
export const WEB_VERSION: string = web.env.versions.web ?? "unknown";

/** The version of onnxruntime-node. */
export const NODE_VERSION: string = node.env.versions.node ?? "unknown";

/** Only what fails: the warnings about nodes left on the CPU come with every WebGPU session. */
const LOG_ERRORS = 3;

/** Opens an ONNX file in onnxruntime-web. */
export async function openWeb(provider: "webgpu" | "wasm", bytes: Uint8Array, x: Tensor): Promise<Runner> {
  const session = await web.InferenceSession.create(bytes, {
    executionProviders: [provider],
    logSeverityLevel: LOG_ERRORS,
  });
  return runnerOf(session, new web.Tensor("float32", x.data as Float32Array, x.shape));
}

/** Opens an ONNX file in onnxruntime-node; 0 threads are as many as it wants. */
export async function openNode(bytes: Uint8Array, x: Tensor, threads: number): Promise<Runner> {
  const session = await node.InferenceSession.create(bytes, {
    intraOpNumThreads: threads,
    logSeverityLevel: LOG_ERRORS,
  });
  return runnerOf(session, new node.Tensor("float32", x.data as Float32Array, x.shape));
}

/**
 * Whether the native code adds pairs of 8-bit products in 16 bits, which clip (`vpmaddubsw`): on x86 without VNNI. Answered
 * by a product of the greatest numbers.
 */
export async function saturates(): Promise<boolean> {
  const inner = 16;
  const g = new GraphBuilder(1);
  const one = g.constant(tensor("f32", [], [1]));
  const zero = g.constant(tensor("u8", [], [0]));
  const x = g.add("DequantizeLinear", [g.add("QuantizeLinear", ["x", one, zero]), one, zero]);
  const weight = g.constant(tensor("i8", [inner, inner], new Int8Array(inner * inner).fill(127)));
  const y = g.add("MatMul", [x, g.add("DequantizeLinear", [weight, one])]);
  const bytes = writeOnnx(g.build({ x: [1, inner] }, y));
  await using runner = await openNode(bytes, tensor("f32", [1, inner], new Float32Array(inner).fill(255)), 1);
  return (await runner.run())[0] !== inner * 255 * 127;
}

function runnerOf(session: web.InferenceSession, input: web.Tensor): Runner {
  const feeds = { [session.inputNames[0]!]: input };
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
