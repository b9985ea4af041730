/** BatchNormalization. @module */
import { type KnownType, type Tensor, tensor } from "../tensor/tensor.ts";
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
  const spatial = numberOf(attributes, "spatial", 1);
  if (spatial !== 1) throw new TypeError(`BatchNormalization: "spatial" must be 1: current value is ${spatial}`);
  const op: Op = {
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
  return numberOf(attributes, "training_mode", 0) === 0 ? op : training(op, numberOf(attributes, "momentum", 0.9));
};

/** With the statistics of the data, and those given moved towards them, as further outputs. */
function training(op: Op, momentum: number): Op {
  return {
    infer: (inputs) => {
      const [, , , mean, variance] = inputs;
      // Without the elements of the statistics that are given: those that are returned have moved.
      const typeOf = ({ dtype, shape }: KnownType) => ({ dtype, shape });
      return [
        ...op.infer(inputs),
        typeOf(required(mean, "input_mean")),
        typeOf(required(variance, "input_var")),
      ];
    },
    reference: ([input, scale, bias, mean, variance]) => {
      const x = required(input, "X");
      const own = statisticsOf(x);
      const moved = (old: Tensor, values: readonly number[]): Tensor =>
        tensor("f32", old.shape, values.map((value, c) => old.data[c]! * momentum + value * (1 - momentum)));
      const list = (values: readonly number[]): Tensor => tensor("f32", [values.length], values);
      const [means, variances] = [own.map((c) => c.mean), own.map((c) => c.variance)];
      const results = op.reference([x, scale!, bias!, list(means), list(variances)]);
      return [
        ...results,
        moved(required(mean, "input_mean"), means),
        moved(required(variance, "input_var"), variances),
      ];
    },
  };
}

function statisticsOf({ shape, data }: Tensor): { mean: number; variance: number }[] {
  const channels = shape[1] ?? 1;
  const inner = shape.slice(2).reduce((a, b) => a * b, 1);
  return Array.from({ length: channels }, (_, c) => {
    const own = Array.from(data).filter((_, i) => Math.floor(i / inner) % channels === c);
    const mean = own.reduce((a, b) => a + b, 0) / own.length;
    return { mean, variance: own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / own.length };
  });
}
