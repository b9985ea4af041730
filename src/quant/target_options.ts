/** Options that make quantizers as a reader of the file can take them. @module */
import type { ExportTarget } from "../graph/targets.ts";
import type { QuantizationConstraints, QuantizeOptions } from "./options.ts";

/** TensorRT knows symmetric i8 alone, and scales along an axis for weights alone (see `forTarget`). */
const TENSORRT_ACTIVATIONS: QuantizationConstraints = { mode: "symmetric", signednessToForce: true, perChannel: false };
const TENSORRT_WEIGHTS: QuantizationConstraints = { mode: "symmetric", signednessToForce: true };

/**
 * The options with what a target demands, so that the model that is measured is the one that its file holds: `exportGraph`
 * has nothing left to convert.
 *
 * onnxruntime reads activations with a scale for each channel, but its integer convolutions take one scale (QLinearConv of
 * the ONNX standard), so that it runs such convolutions, depthwise ones and those after them, in float: unless the options
 * ask for it, they have one. OpenVINO takes all that `quantize` makes.
 *
 * @throws {RangeError} Where an option asks for what the target cannot have.
 */
export function optionsFor<T extends Omit<QuantizeOptions, "onProgress">>(target: ExportTarget, options: T): T {
  if (target === "openvino") return options;
  const advanced = options.advanced ?? {};
  const { activationsQuantizationParams: activations, weightsQuantizationParams: weights } = advanced;
  if (target === "onnxruntime") {
    const one = { perChannel: false, ...activations };
    return { ...options, advanced: { ...advanced, activationsQuantizationParams: one } };
  }
  return {
    ...options,
    advanced: {
      ...advanced,
      activationsQuantizationParams: demanded("activationsQuantizationParams", activations, TENSORRT_ACTIVATIONS),
      weightsQuantizationParams: demanded("weightsQuantizationParams", weights, TENSORRT_WEIGHTS),
    },
  };
}

function demanded(
  name: string,
  given: QuantizationConstraints = {},
  demands: QuantizationConstraints,
): QuantizationConstraints {
  for (const [key, wanted] of Object.entries(demands)) {
    const current = given[key as keyof QuantizationConstraints];
    if (current === undefined || current === wanted) continue;
    throw new RangeError(
      `Option "${name}.${key}" must be ${JSON.stringify(wanted)} for TensorRT: current value is ${
        JSON.stringify(current)
      }`,
    );
  }
  return { ...given, ...demands };
}
