/** Opening ONNX files that this runtime can run. @module */
import type { Graph } from "../graph/graph.ts";
import { readOnnx } from "../onnx/read.ts";
import { OPS } from "../ops/mod.ts";

/**
 * Reads an ONNX model.
 *
 * @param options.file The name that errors call the file by.
 * @throws {UnsupportedModelError} Where it uses what is not supported: everything that is missing is named at once.
 * @throws {SyntaxError} Where the bytes are no ONNX model, or a broken one.
 */
export function readModel(bytes: Uint8Array, options: { readonly file?: string } = {}): Graph {
  return readOnnx(bytes, { ...options, supports: (op) => Object.hasOwn(OPS, op) });
}
