/** What in ranges and scales should make their user look. @module */
import type { Graph } from "../graph/graph.ts";
import type { QuantizationParameters } from "../tensor/quantization.ts";
import type { Ranges } from "./parameters.ts";

/** A quantizer with the ranges that its numbers come from. */
export interface Ranged {
  /** The name of the value or constant. */
  readonly value: string;
  /** Whether it is computed or a constant. */
  readonly kind: "activation" | "weight";
  /** Its ranges. */
  readonly ranges: Ranges;
  /** What was made of them. */
  readonly parameters: QuantizationParameters;
}

/** Inputs of a Concat that share a scale may differ by this factor; beyond, the narrowest keeps less than four bits. */
const MOST_UNEQUAL = 16;

/** A range of fewer steps of its scale than this is said to underflow. */
const FEWEST_STEPS = 16;

/**
 * Sentences on ranges that come from a single item, values and channels that never change, scales that are too coarse for
 * their numbers, and Concat inputs whose ranges are far apart.
 *
 * @param items How many calibration items there were.
 */
export function rangeWarnings(graph: Graph, quantizers: readonly Ranged[], items: number): string[] {
  const computed = quantizers.some(({ kind }) => kind === "activation");
  return [
    ...(items === 1 && computed
      ? ["All ranges come from a single calibration item: other inputs may lie outside of them"]
      : []),
    ...quantizers.flatMap(constantWarnings),
    ...quantizers.flatMap(underflowWarnings),
    ...concatWarnings(graph, quantizers),
  ];
}

function constantWarnings({ value, kind, ranges: { min, max } }: Ranged): string[] {
  const weight = kind === "weight";
  const fixed = Array.from(min, (least, c) => (max[c] === 0 && least >= 0) || (!weight && least === max[c]));
  const count = fixed.filter(Boolean).length;
  if (count === 0) return [];
  const subject = weight ? `Weights "${value}"` : `"${value}"`;
  if (min.length > 1) {
    const what = weight ? "have channels of nothing but zeros" : "has channels that never change";
    return [`${subject} ${what}: ${count} of ${min.length}, number ${fixed.indexOf(true)} first`];
  }
  return [
    weight
      ? `${subject} are nothing but zeros`
      : `${subject} is ${max[0]} over all calibration items: its range says nothing about others`,
  ];
}

function underflowWarnings({ value, kind, ranges: { min, max }, parameters: { scale } }: Ranged): string[] {
  const steps = Array.from(scale, (step, c) => Math.max(max[c]!, -min[c]!) / step);
  const coarse = steps.flatMap((own, c) => own > 0 && own < FEWEST_STEPS ? [c] : []);
  const first = coarse[0];
  if (first === undefined) return [];
  const where = scale.length > 1 ? ` in ${coarse.length} of ${scale.length} channels, number ${first} first` : "";
  const subject = kind === "weight" ? `Weights "${value}" are` : `"${value}" is`;
  return [
    `${subject} so small${where} that it takes ${
      steps[first]!.toPrecision(2)
    } steps of the least scale that is used, ` +
    `${scale[first]!.toPrecision(2)}`,
  ];
}

function concatWarnings(graph: Graph, quantizers: readonly Ranged[]): string[] {
  const magnitudes = new Map(quantizers.map(({ value, ranges: { min, max } }) => [
    value,
    min.reduce((all, least, c) => Math.max(all, -least, max[c]!), 0),
  ]));
  return graph.nodes.filter(({ op }) => op === "Concat").flatMap(({ name, inputs }) => {
    const known = inputs.flatMap((value) => {
      const magnitude = magnitudes.get(value) ?? 0;
      return magnitude > 0 ? [{ value, magnitude }] : [];
    }).sort((a, b) => a.magnitude - b.magnitude);
    const [least, greatest] = [known[0], known.at(-1)];
    if (!least || !greatest || greatest.magnitude <= MOST_UNEQUAL * least.magnitude) return [];
    const factor = (greatest.magnitude / least.magnitude).toPrecision(2);
    return [
      `The inputs of Concat "${name}" differ in range by a factor of ${Number(factor)}: "${least.value}" reaches ` +
      `${least.magnitude.toPrecision(2)}, "${greatest.value}" ${greatest.magnitude.toPrecision(2)}; ` +
      `with one scale the first loses precision`,
    ];
  });
}
