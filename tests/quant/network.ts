/** A network to quantize. */
import type { Graph, Node } from "../../src/graph/graph.ts";
import type { CalibrationItem } from "../../src/quant/statistics.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { graphOf, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";

/** A residual network with normalization, a depthwise convolution, hard-swish and a classifier. */
export function network(seed: number, opset = 13): Graph {
  const channels = (
    name: string,
    low: number,
    high: number,
    i: number,
  ): [string, Tensor] => [name, random([8], seed + i, low, high)];
  const norm = (name: string, i: number): [string, Tensor][] => [
    channels(`${name}.g`, 0.5, 1.5, i),
    channels(`${name}.b`, -0.5, 0.5, i + 1),
    channels(`${name}.m`, -0.2, 0.2, i + 2),
    channels(`${name}.v`, 0.5, 1.5, i + 3),
  ];
  const normalize = (input: string, output: string): Node =>
    node("BatchNormalization", [input, ...["g", "b", "m", "v"].map((part) => `${output}.${part}`)], output);
  const same = { pads: [1, 1, 1, 1] };
  return graphOf({
    inputs: { x: ["N", 3, 8, 8] },
    nodes: [
      node("Conv", ["x", "w1"], "c1", same),
      normalize("c1", "n1"),
      node("Relu", ["n1"], "r1"),
      node("Conv", ["r1", "w2"], "c2", { ...same, group: 8 }),
      normalize("c2", "n2"),
      node("HardSwish", ["n2"], "h2"),
      node("Conv", ["h2", "w3", "b3"], "c3"),
      node("Add", ["c3", "r1"], "a"),
      node("Relu", ["a"], "r4"),
      node("MaxPool", ["r4"], "m", { kernel_shape: [2, 2], strides: [2, 2] }),
      node("Conv", ["m", "w5", "b3"], "c5", same),
      node("Relu", ["c5"], "r5"),
      node("GlobalAveragePool", ["r5"], "p"),
      node("Flatten", ["p"], "f"),
      node("Gemm", ["f", "w6", "b6"], "y", { transB: 1 }),
    ],
    constants: {
      w1: random([8, 3, 3, 3], seed, -0.5, 0.5),
      w2: random([8, 1, 3, 3], seed + 1, -0.7, 0.7),
      w3: random([8, 8, 1, 1], seed + 2, -0.6, 0.6),
      b3: random([8], seed + 3),
      w5: random([8, 8, 3, 3], seed + 4, -0.3, 0.3),
      w6: random([5, 8], seed + 5),
      b6: random([5], seed + 6),
      ...Object.fromEntries([...norm("n1", 10), ...norm("n2", 20)]),
    },
    outputs: ["y"],
    opset,
  });
}

/** Inputs for it. */
export const images = (seed: number, count = 4): CalibrationItem[] =>
  Array.from({ length: count }, (_, i) => ({ x: random([1, 3, 8, 8], seed + i) }));
