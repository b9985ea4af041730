/** ResNet-18 (He et al. 2015, arXiv:1512.03385, table 1) with weights drawn from a seed. */
import type { Graph } from "../../mod.ts";
import { GraphBuilder } from "./builder.ts";

/** What may differ from the published model. */
export interface ResNetOptions {
  /** Channels of the first stage; each further one has twice as many. Default 64. */
  readonly width?: number;
  /** Number of classes. Default 1000. */
  readonly classes?: number;
  /** Seed of the weights. Default 1. */
  readonly seed?: number;
}

/**
 * Images `x` of `[N, 3, height, width]` to class scores `[N, classes]`; BatchNormalization is left as PyTorch exports it in
 * training mode, a node of its own. 11.7 million parameters by default.
 */
export function resnet18({ width = 64, classes = 1000, seed = 1 }: ResNetOptions = {}): Graph {
  const g = new GraphBuilder(seed);

  /** He initialization: a layer with a rectifier keeps the variance of its input. */
  function convolution(
    x: string,
    inputs: number,
    outputs: number,
    kernel: number,
    stride: number,
    gain: number,
  ): string {
    const bound = Math.sqrt(6 / (inputs * kernel * kernel));
    const weight = g.weight([outputs, inputs, kernel, kernel], -bound, bound);
    const pad = kernel >> 1;
    const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad] };
    const y = g.add("Conv", [x, weight], attributes);
    const scale = g.weight([outputs], 0.8 * gain, 1.2 * gain);
    const shift = g.weight([outputs], -0.1, 0.1);
    const mean = g.weight([outputs], -0.1, 0.1);
    const variance = g.weight([outputs], 0.8, 1.2);
    return g.add("BatchNormalization", [y, scale, shift, mean, variance]);
  }

  /** Two convolutions beside a shortcut; the branch is scaled down so that the sum does not grow with depth. */
  function block(x: string, inputs: number, outputs: number, stride: number): string {
    const first = g.add("Relu", [convolution(x, inputs, outputs, 3, stride, 1)]);
    const branch = convolution(first, outputs, outputs, 3, 1, 0.5);
    const shortcut = inputs === outputs ? x : convolution(x, inputs, outputs, 1, stride, 0.7);
    return g.add("Relu", [g.add("Add", [branch, shortcut])]);
  }

  const stem = g.add("Relu", [convolution("x", 3, width, 7, 2, 1)]);
  let x = g.add("MaxPool", [stem], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  let channels = width;
  for (const [stage, outputs] of [width, 2 * width, 4 * width, 8 * width].entries()) {
    x = block(x, channels, outputs, stage === 0 ? 1 : 2);
    x = block(x, outputs, outputs, 1);
    channels = outputs;
  }
  const pooled = g.add("Flatten", [g.add("GlobalAveragePool", [x])]);
  const bound = Math.sqrt(3 / channels);
  const weight = g.weight([classes, channels], -bound, bound);
  const scores = g.add("Gemm", [pooled, weight, g.weight([classes], -0.1, 0.1)], { transB: 1 });
  return g.build({ x: ["N", 3, "height", "width"] }, scores);
}
