/**
 * What quantization does with each operator in 8 bits: the classes of NNCF for ONNX and its CPU configuration, which it
 * takes for every device in 8 bits.
 *
 * Activations are no moving operators: a quantizer stays behind the Relu, where values are not negative and its steps finer.
 *
 * @module
 */
import type { Node } from "../graph/graph.ts";
import { type Flow, isComputed } from "./flow.ts";
import type { QuantizationConstraints } from "./options.ts";

/**
 * `"quantizable"`: its inputs are quantized. `"moving"`: quantizers pass through. `"concat"`: they pass through to all inputs,
 * with one range where a linear operator follows. `"embedding"`: rows of a constant table. `"float"`: it stays in float.
 */
export type OperatorClass = "quantizable" | "moving" | "concat" | "embedding" | "float";

/** How a quantizer can be made. */
export interface QuantizerForm {
  /** Whether zero lies in the middle of the range. */
  readonly mode: "symmetric" | "asymmetric";
  /** Whether each channel has its own scale. */
  readonly perChannel: boolean;
  /** Whether the lowest integer is left out. */
  readonly narrowRange: boolean;
}

const QUANTIZABLE = new Set([
  ...["Conv", "ConvTranspose", "DeformConv", "MatMul", "Gemm"],
  ...["Add", "Sum", "Sub", "Mul", "Div", "Max", "Min", "Mod"],
  ...["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "And", "Or", "Xor", "Not"],
  ...["Pow", "Sqrt", "Reciprocal", "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum", "ReduceL2"],
  ...["Resize", "BatchNormalization", "HardSigmoid"],
]);

const MOVING = new Set([
  ...["GlobalMaxPool", "MaxPool", "ReduceMax", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Split", "Tile"],
  ...["CenterCropPad", "Slice", "Pad", "Gather", "GatherND", "GatherElements", "DepthToSpace", "SpaceToDepth"],
  ...["ScatterElements", "ScatterND", "Scatter", "CastLike", "Dropout", "Flatten", "Expand", "Identity"],
]);

/** Operators with two operands: beside a constant one, a quantizer of their own is of no use. */
export const ELEMENTWISE: ReadonlySet<string> = new Set([
  ...["Add", "Sum", "Mul", "Sub", "Div", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"],
  ...["Mod", "Or", "Not", "And", "Xor", "Max", "Min", "Mean"],
]);

/** Operators that stay in float in transformers, where little but products of matrices bears 8 bits. */
export const FLOAT_IN_TRANSFORMERS: ReadonlySet<string> = new Set([
  ...["Add", "Sum", "Pow", "Squeeze", "Sub", "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceL2", "ReduceSum"],
  ...["Div", "Max", "Sqrt", "Reciprocal", "BatchNormalization", "Greater", "Less", "Equal", "Mul"],
]);

/** Operators that multiply by weights. */
export const LINEAR: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "DeformConv", "Gemm", "MatMul"]);

/** The class of a node. */
export function classOf(node: Node, flow: Flow): OperatorClass {
  if (node.op === "Concat") return "concat";
  if (node.op === "Gather" && flow.graph.constants.get(node.inputs[0]!)?.dtype === "f32") return "embedding";
  if (node.op === "Pad" && !padsWithElements(node, flow)) return "float";
  if (MOVING.has(node.op)) return "moving";
  return QUANTIZABLE.has(node.op) ? "quantizable" : "float";
}

/** Whether a Pad adds elements of its input or zeros: other constants would have to be quantized behind it. */
function padsWithElements({ attributes, inputs }: Node, { types }: Flow): boolean {
  if ((attributes.get("mode") ?? "constant") !== "constant") return true;
  return (inputs[2] ? types.get(inputs[2])?.data?.[0] : attributes.get("value") ?? 0) === 0;
}

/** Whether a moving node leaves the channels, axis 1, as they are. */
export function keepsChannels({ op }: Node): boolean {
  return op === "MaxPool" || op === "GlobalMaxPool" || op === "Dropout" || op === "Identity";
}

/** Whether a convolution works on each channel alone. One filter for each: then its input may have a scale for each. */
export function isDepthwise({ op, inputs, attributes }: Node, { graph }: Flow): boolean {
  const shape = graph.constants.get(inputs[1] ?? "")?.shape;
  const group = attributes.get("group") ?? 1;
  return op === "Conv" && group !== 1 && shape?.[1] === 1 && shape[0] === group;
}

/** The inputs of a node that hold weights. */
export function weightInputs({ op, inputs }: Node, flow: Flow): number[] {
  const candidates = op === "MatMul" || op === "Gemm" ? [0, 1] : LINEAR.has(op) ? [1] : [];
  if (classOf({ op, inputs } as Node, flow) === "embedding") candidates.push(0);
  return candidates.filter((i) => flow.graph.constants.get(inputs[i] ?? "")?.dtype === "f32");
}

/** The axis of the output channels of a node's weights at one of its inputs; of an embedding, that of its rows. */
export function channelAxisOf({ op, attributes }: Node, input: number, rank: number): number {
  if (op === "Conv" || op === "DeformConv" || op === "Gather") return 0;
  if (op === "ConvTranspose") return 1;
  if (rank < 2) return 0;
  const transposed = op === "Gemm" && attributes.get(input === 0 ? "transA" : "transB") === 1;
  return (input === 0) === transposed ? rank - 1 : rank - 2;
}

/** The forms that the inputs of a node can be quantized in, best first. */
export function activationForms(node: Node, flow: Flow): QuantizerForm[] {
  const wholes = isDepthwise(node, flow) ? [true, false] : [false];
  const modes = node.op === "Attention" ? ["symmetric" as const] : ["symmetric", "asymmetric"] as const;
  return wholes.flatMap((perChannel) => modes.map((mode) => ({ mode, perChannel, narrowRange: false })));
}

/** The forms that an output of the graph can be quantized in, best first. */
export function outputForms(): QuantizerForm[] {
  return (["symmetric", "asymmetric"] as const).map((mode) => ({ mode, perChannel: false, narrowRange: false }));
}

/** The forms that weights can be quantized in, best first. */
export function weightForms(node: Node): QuantizerForm[] {
  const forms = (["symmetric", "asymmetric"] as const).flatMap((mode) =>
    [true, false].map((perChannel) => ({ mode, perChannel, narrowRange: mode === "symmetric" }))
  );
  return node.op === "Gather" ? [...forms, { mode: "symmetric", perChannel: false, narrowRange: false }] : forms;
}

/**
 * The forms that meet the constraints.
 *
 * @throws {RangeError} Where there are none: the node and the constraints are named.
 */
export function constrained(
  forms: readonly QuantizerForm[],
  constraints: QuantizationConstraints,
  node: Node,
  what: "activations" | "weights",
): QuantizerForm[] {
  const keys = ["mode", "perChannel", "narrowRange"] as const;
  const met = forms.filter((form) =>
    keys.every((key) => constraints[key] === undefined || constraints[key] === form[key])
  );
  const unsigned = what === "weights" && constraints.signednessToForce === false;
  if (met.length === 0 || unsigned) {
    const given = [...keys, "signednessToForce" as const].filter((key) => constraints[key] !== undefined);
    throw new RangeError(
      `Cannot quantize the ${what} of node "${node.name}" (${node.op}) with ` +
        given.map((key) => `${key} ${constraints[key]}`).join(", "),
    );
  }
  return met;
}

/** Whether a node multiplies two computed matrices, as attention does. */
export function isComputedProduct(node: Node, flow: Flow): boolean {
  return (node.op === "MatMul" || node.op === "Gemm") && node.inputs.slice(0, 2).every((v) => isComputed(flow, v));
}
