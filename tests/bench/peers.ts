/** Whom acqua is timed beside. */
import { NODE_VERSION, openNode, openWeb, saturates, WEB_VERSION } from "./onnxruntime.ts";
import type { Precision, Runner } from "./runner.ts";
import { openTensorFlow, TENSORFLOW_VERSION } from "./tensorflow.ts";
import type { Subject } from "./workload.ts";

/** A runtime that opens models. */
export interface Peer {
  /** What it is and how it is set up. */
  readonly about: string;
  /** Opens a file of a subject; `null` where the peer is not meant for it. Throws where it cannot. */
  open(subject: Subject, bytes: Uint8Array, precision: Precision): Promise<Runner | null>;
  /** Why the results of this peer differ on this machine by no fault of the file, or `null` where they must not. */
  inexact?(precision: Precision): Promise<string | null>;
}

const nativeInexact = async (precision: Precision) =>
  precision === "INT8" && await saturates() ? "its 8-bit products saturate on this CPU" : null;

/** All peers, by the names that `--peers` takes. */
export const PEERS: Readonly<Record<string, Peer>> = {
  "ort-webgpu": {
    about: `onnxruntime-web ${WEB_VERSION}, WebGPU`,
    open: ({ x }, bytes) => openWeb("webgpu", bytes, x),
  },
  "ort-wasm": {
    about: `onnxruntime-web ${WEB_VERSION}, WebAssembly, 1 thread`,
    open: ({ x }, bytes) => openWeb("wasm", bytes, x),
  },
  "tfjs": {
    about: `@tensorflow/tfjs-backend-webgpu ${TENSORFLOW_VERSION}, single operators in its own order of axes`,
    open: async ({ operator, x }, _, precision) =>
      operator && precision === "FP32" ? await openTensorFlow(operator, x) : null,
  },
  "ort-node": {
    about: `onnxruntime-node ${NODE_VERSION}, native CPU code, its default threads`,
    open: ({ x }, bytes) => openNode(bytes, x, 0),
    inexact: nativeInexact,
  },
  "ort-node-1": {
    about: `onnxruntime-node ${NODE_VERSION}, native CPU code, 1 thread`,
    open: ({ x }, bytes) => openNode(bytes, x, 1),
    inexact: nativeInexact,
  },
};
