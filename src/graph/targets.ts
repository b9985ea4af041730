/**
 * The conventions of those who read QDQ files, where they differ.
 *
 * - **onnxruntime** fuses a Conv into QLinearConv only where its input and its output are of one type, an addition only
 *   where all three are, and where the bias is int32 at scale `x * weights` (`ConvNodeGroupSelector::Check` and
 *   `BinaryNodeGroupSelector::Check` in core/optimizer/qdq_transformer/selectors_actions/qdq_selectors.cc; pull requests
 *   22889 and 28229). Its x86 kernels want unsigned activations, and its own conversion of signed ones stops at values with
 *   several readers (qdq_s8_to_u8.cc). So all activations are u8: a signed scale with zero point z is the same scale with
 *   z + 128.
 * - **OpenVINO** makes a FakeQuantize of each QuantizeLinear and Convert, Subtract, Multiply of each DequantizeLinear
 *   (src/frontends/onnx/frontend/src/op), which its low precision transformations turn into integers: u8 or i8, a zero
 *   point costs a Subtract. So symmetric ranges are i8 without a zero point, as NNCF writes them, and biases stay float:
 *   a Convert from int32 is no dequantization to those transformations, only a constant to fold.
 * - **TensorRT** takes zero points of 0 alone, given and not left out, no UINT8, scales along an axis for weights alone, and
 *   no int32 in DequantizeLinear (`QuantDequantLinearHelper` in builtin_op_importers.cpp of onnx-tensorrt; issues
 *   microsoft/onnxruntime 14229, NVIDIA/TensorRT 2774; "Working with Quantized Types" of the TensorRT documentation). So
 *   all is symmetric i8 and biases are float. What was unsigned, behind a Relu, has half as many steps there.
 *
 * @module
 */
import { type QuantizationParameters, rangeOf } from "../tensor/quantization.ts";
import type { QdqForm } from "./apply_plan.ts";
import { type Graph, type Node, producersOf } from "./graph.ts";
import {
  clampOf,
  MOVING_OPERATORS,
  type QuantizedGraph,
  type Quantizer,
  type Site,
  symmetricParameters,
} from "./quantizers.ts";

/** Who reads a file. */
export type ExportTarget = "onnxruntime" | "openvino" | "tensorrt";

/** All targets. */
export const EXPORT_TARGETS: readonly ExportTarget[] = ["onnxruntime", "openvino", "tensorrt"];

/** How each target wants its nodes written. */
export const QDQ_FORMS: Readonly<Record<ExportTarget, Required<QdqForm>>> = {
  onnxruntime: { biases: "i32", guardsFloat: true },
  openvino: { biases: "f32", guardsFloat: false },
  tensorrt: { biases: "f32", guardsFloat: false },
};

/**
 * The model with quantizers that a target can read.
 *
 * For onnxruntime and OpenVINO every number stays the same, and only integers are counted from elsewhere. For TensorRT
 * asymmetric ranges become symmetric ones that hold them, and unsigned ones signed: measure the model that this gives, not
 * the one before. A model that fits already is returned as it is.
 */
export function forTarget(model: QuantizedGraph, target: ExportTarget): QuantizedGraph {
  const nonNegative = nonNegativeIn(model.graph);
  const convert = (quantizer: Quantizer): Quantizer => {
    switch (target) {
      case "onnxruntime":
        return withParameters(quantizer, quantizer.kind === "activation" ? unsigned(quantizer.parameters) : null);
      case "openvino":
        return withParameters(quantizer, signedWhereSymmetric(quantizer.parameters));
      case "tensorrt":
        return quantizer.kind === "weight"
          ? withParameters(quantizer, symmetricWeights(quantizer, model.graph))
          : symmetric(quantizer, nonNegative);
    }
    return target satisfies never;
  };
  const quantizers = model.quantizers.map(convert);
  return quantizers.every((own, i) => own === model.quantizers[i]) ? model : { ...model, quantizers };
}

function withParameters(quantizer: Quantizer, parameters: QuantizationParameters | null): Quantizer {
  return !parameters || parameters === quantizer.parameters ? quantizer : { ...quantizer, parameters };
}

function every(values: Int32Array, wanted: number): boolean {
  return values.every((value) => value === wanted);
}

function shifted(parameters: QuantizationParameters, dtype: "i8" | "u8"): QuantizationParameters {
  if (parameters.dtype === dtype) return parameters;
  const by = dtype === "u8" ? 128 : -128;
  return { ...parameters, dtype, zeroPoint: parameters.zeroPoint.map((zero) => zero + by) };
}

function unsigned(parameters: QuantizationParameters): QuantizationParameters {
  return shifted(parameters, "u8");
}

function signedWhereSymmetric(parameters: QuantizationParameters): QuantizationParameters {
  return parameters.dtype === "u8" && every(parameters.zeroPoint, 128) ? shifted(parameters, "i8") : parameters;
}

/** A symmetric i8 quantizer of one scale whose range holds that of the given one. */
function symmetric(quantizer: Quantizer, nonNegative: (value: string) => boolean): Quantizer {
  const own = signedWhereSymmetric(quantizer.parameters);
  if (own.dtype === "i8" && own.axis === null && every(own.zeroPoint, 0)) return withParameters(quantizer, own);
  const [low, high] = rangeOf(own.dtype);
  const farthest = (s: number, c: number): number => Math.max(own.zeroPoint[c]! - low, high - own.zeroPoint[c]!) * s;
  const scale = Math.fround(Math.max(...Array.from(own.scale, farthest)) / 127);
  const parameters: QuantizationParameters = {
    dtype: "i8",
    axis: null,
    scale: Float32Array.of(scale),
    zeroPoint: Int32Array.of(0),
  };
  const rectifies = every(own.zeroPoint, low);
  const rectified = (site: Site): Site => nonNegative(site.value) ? site : { ...site, rectified: true };
  return { ...quantizer, parameters, sites: rectifies ? quantizer.sites.map(rectified) : quantizer.sites };
}

/** Symmetric i8 weights: the given ones, or new ones that reach as far as the constant in each channel. */
function symmetricWeights({ parameters, sites }: Quantizer, { constants }: Graph): QuantizationParameters {
  const own = signedWhereSymmetric(parameters);
  if (own.dtype === "i8" && every(own.zeroPoint, 0)) return own;
  return symmetricParameters(constants.get(sites[0]!.value)!, own.axis);
}

const NON_NEGATIVE: ReadonlySet<string> = new Set([
  ...["Relu", "Sigmoid", "HardSigmoid", "Softmax", "Softplus", "Exp", "Abs", "Sqrt", "ReduceL2"],
]);

/** Operators that give no negative number where they are given none, besides those that move data. */
const KEEPING: ReadonlySet<string> = new Set(["Add", "Mul", "AveragePool", "GlobalAveragePool", "ReduceMean"]);

/** Whether a value cannot be negative. Inputs of the graph are taken to lie in the range that was seen. */
function nonNegativeIn(graph: Graph): (value: string) => boolean {
  const producers = producersOf(graph);
  const known = new Map<string, boolean>();
  const ofNode = (node: Node): boolean => {
    if (NON_NEGATIVE.has(node.op)) return true;
    const bounds = clampOf(node, graph.constants);
    if (bounds && bounds[0] >= 0) return true;
    if (KEEPING.has(node.op) || node.op === "Concat") return node.inputs.every(nonNegative);
    return MOVING_OPERATORS.has(node.op) && nonNegative(node.inputs[0]!);
  };
  const nonNegative = (value: string): boolean => {
    let own = known.get(value);
    if (own === undefined) {
      const constant = graph.constants.get(value);
      const producer = producers.get(value);
      own = constant ? constant.data.every((v: number) => v >= 0) : producer ? ofNode(producer) : true;
      known.set(value, own);
    }
    return own;
  };
  return nonNegative;
}
