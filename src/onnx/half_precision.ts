/** Files that store weights, or compute in part, in half precision. Here all of that is FP32. @module */
import type { onnx as Onnx } from "onnx-proto";
import { sizeOf } from "../tensor/tensor.ts";
import { schema } from "./tensor.ts";

const { FLOAT16 } = schema.TensorProto.DataType;

/** What it costs that constants and casts of a file are in half precision; nothing where none are. */
export function halfPrecisionWarnings(graph: Onnx.IGraphProto): string[] {
  const warnings: string[] = [];
  const attributes = (graph.node ?? []).flatMap((node) =>
    (node.attribute ?? []).map((attribute) => ({ name: node.output?.[0], tensor: attribute.t }))
  );
  const stored = (graph.initializer ?? []).map((tensor) => ({ name: tensor.name, tensor }));
  const half = [...stored, ...attributes].filter(({ tensor }) => tensor?.dataType === FLOAT16);
  if (half.length > 0) {
    const elements = half.reduce((sum, { tensor }) => sum + sizeOf((tensor!.dims ?? []).map(Number)), 0);
    warnings.push(
      `${half.length} constants, "${
        half[0]!.name
      }" first, are stored in half precision and read as FP32: in 8 bits they ` +
        `take half of their ${
          2 * elements
        } bytes, in float twice as many. Their values were rounded by up to 0.05 % when ` +
        "the file was made, and 8 bits round them again: an FP32 file loses less",
    );
  }
  const casts = (graph.node ?? []).filter(({ opType, attribute }) =>
    opType === "Cast" && attribute?.some(({ name, i }) => name === "to" && Number(i) === FLOAT16)
  );
  if (casts.length > 0) {
    warnings.push(
      `${casts.length} nodes, "${
        casts[0]!.name || casts[0]!.output?.[0]
      }" first, cast to half precision: they cast to ` +
        "FP32 instead, and what follows is computed and written in FP32",
    );
  }
  return warnings;
}
