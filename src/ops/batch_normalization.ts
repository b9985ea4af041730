/** BatchNormalization. @module */
import { tensor } from "../tensor/tensor.ts";
import { requireType } from "./_pointwise.ts";
import { numberOf, type Op, type OpFactory, required } from "./op.ts";

const PARAMETERS = ["scale", "B", "input_mean", "input_var"] as const;

/**
 * `(x - mean) / sqrt(variance + epsilon) * scale + bias`, by channel (axis 1), with given statistics.
 *
 * Only constant statistics occur in a trained model, where it is a Mul and an Add: hence it has no kernel.
 */
export const batchNormalization: OpFactory = (attributes): Op => {
  const epsilon = numberOf(attributes, "epsilon", 1e-5);
  for (const [name, wanted] of [["training_mode", 0], ["spatial", 1]] as const) {
    const value = numberOf(attributes, name, wanted);
    if (value !== wanted) {
      throw new TypeError(`BatchNormalization: "${name}" must be ${wanted}: current value is ${value}`);
    }
  }
  return {
    infer: ([input, ...parameters]) => {
      const x = required(input, "X");
      requireType("BatchNormalization", x, ["f32"]);
      const channels = x.shape[1] ?? 1;
      PARAMETERS.forEach((name, i) => {
        const { shape } = required(parameters[i], name);
        if (shape.length !== 1 || shape[0] !== channels) {
          throw new RangeError(`BatchNormalization: "${name}" must be of shape [${channels}]: it is [${shape}]`);
        }
      });
      return [{ dtype: "f32", shape: x.shape }];
    },
    reference: ([input, ...parameters]) => {
      const { shape, data } = required(input, "X");
      const [scale, bias, mean, variance] = PARAMETERS.map((name, i) => required(parameters[i], name).data);
      const channels = shape[1] ?? 1;
      const inner = shape.slice(2).reduce((a, b) => a * b, 1);
      const y = Float32Array.from(data, (x, i) => {
        const c = Math.floor(i / inner) % channels;
        return (x - mean![c]!) / Math.sqrt(variance![c]! + epsilon) * scale![c]! + bias![c]!;
      });
      return [tensor("f32", shape, y)];
    },
  };
};
