/** Small models for the tests of reading and writing. */
import onnxProto, { type onnx as Onnx } from "onnx-proto";

/** The ONNX schema. */
export const schema: typeof Onnx = onnxProto.onnx;

/** Codes of element types. */
export const { DataType } = schema.TensorProto;

/** Codes of attribute types. */
export const { AttributeType } = schema.AttributeProto;

/** An input or output of the given type, f32 by default. */
export function value(
  name: string,
  dims: readonly (number | string | null)[] | null = [2],
  elemType: number = DataType.FLOAT,
): Onnx.IValueInfoProto {
  const dim = dims?.map((size) =>
    size === null ? {} : typeof size === "string" ? { dimParam: size } : { dimValue: size }
  );
  return { name, type: { tensorType: { elemType, ...(dim && { shape: { dim } }) } } };
}

/** A node with one output. */
export function node(
  opType: string,
  input: string[],
  output: string,
  attribute: Onnx.IAttributeProto[] = [],
): Onnx.INodeProto {
  return { opType, input, output: [output], attribute };
}

/** The bytes of a model: `y = Relu(x)` where the graph says nothing else. */
export function model(
  graph: Onnx.IGraphProto = {},
  rest: Onnx.IModelProto = {},
): Uint8Array {
  return schema.ModelProto.encode({
    irVersion: 7,
    opsetImport: [{ domain: "", version: 13 }],
    ...rest,
    graph: { name: "g", node: [node("Relu", ["x"], "y")], input: [value("x")], output: [value("y")], ...graph },
  }).finish();
}
