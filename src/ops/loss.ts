/** Losses of classification: NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss. @module */
import type { Attributes } from "../graph/graph.ts";
import type { KnownType, Tensor, TensorType } from "../tensor/tensor.ts";
import { eachLine, linesOf } from "./_nd.ts";
import { requireType } from "./_pointwise.ts";
import { type Op, type OpFactory, required, stringOf } from "./op.ts";

/** NegativeLogLikelihoodLoss: minus the log-probability of the wanted class, weighted by class. */
export const negativeLogLikelihoodLoss: OpFactory = (attributes): Op =>
  loss("NegativeLogLikelihoodLoss", attributes, (x) => x);

/** SoftmaxCrossEntropyLoss: the same of scores; with their log-probabilities. */
export const softmaxCrossEntropyLoss: OpFactory = (attributes): Op =>
  loss("SoftmaxCrossEntropyLoss", attributes, logSoftmax);

function logSoftmax({ dtype, shape, data }: Tensor): Tensor {
  const out = new Float32Array(data.length);
  const lines = linesOf(shape, 1);
  eachLine(lines, (at) => {
    let [greatest, sum] = [-Infinity, 0];
    for (let i = 0; i < lines.length; i++) greatest = Math.max(greatest, data[at(i)]!);
    for (let i = 0; i < lines.length; i++) sum += Math.exp(data[at(i)]! - greatest);
    for (let i = 0; i < lines.length; i++) out[at(i)] = data[at(i)]! - greatest - Math.log(sum);
  });
  return { dtype, shape, data: out };
}

function loss(name: string, attributes: Attributes, prepare: (x: Tensor) => Tensor): Op {
  const reduction = stringOf(attributes, "reduction", "mean");
  if (!["none", "sum", "mean"].includes(reduction)) {
    throw new TypeError(`${name} "reduction" must be none, sum or mean: current value is "${reduction}"`);
  }
  const ignored = attributes.get("ignore_index");
  const typesOf = (x: KnownType, target: KnownType): TensorType[] => {
    requireType(name, x, ["f32"]);
    return [{ dtype: "f32", shape: reduction === "none" ? target.shape : [] }, { dtype: "f32", shape: x.shape }];
  };
  return {
    infer: ([x, target]) => typesOf(required(x, "input"), required(target, "target")),
    reference: ([input, wanted, weights]) => {
      const [x, target] = [required(input, "input"), required(wanted, "target")];
      const logs = prepare(x);
      const [losses, shares] = [new Float64Array(target.data.length), new Float64Array(target.data.length)];
      eachLine(linesOf(x.shape, 1), (at, line) => {
        const label = target.data[line]!;
        if (label === ignored) return;
        shares[line] = weights ? weights.data[label]! : 1;
        losses[line] = -logs.data[at(label)]! * shares[line]!;
      });
      const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);
      const result = reduction === "none" ? losses : [reduction === "sum" ? sum(losses) : sum(losses) / sum(shares)];
      const [type] = typesOf(x, target);
      return [{ ...type!, data: Float32Array.from(result) }, logs];
    },
  };
}
