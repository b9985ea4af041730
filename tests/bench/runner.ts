/** What is timed, whoever runs it. */

/** FP32, or the INT8 file that acqua makes of a model. */
export type Precision = "FP32" | "INT8";

/** A model ready to run on the input of its subject. */
export interface Runner extends AsyncDisposable {
  /** From input in host memory to the first output in host memory. */
  run(): Promise<Float32Array>;
  /** Brings a result into the order of ONNX, where the peer has another. Never timed. */
  readonly restore?: (output: Float32Array) => Float32Array;
}
