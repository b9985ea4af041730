/** Single operators, each a model of one node. */
import { writeOnnx } from "../../mod.ts";
import { GraphBuilder } from "../models/builder.ts";
import type { Convolution, Product, Subject, Weights, Workload } from "./workload.ts";

const CALIBRATION_ITEMS = 4;

/** All operators of the bench. */
export const OPERATORS: readonly Workload[] = [
  product("gemm_512", 512, 512, 512),
  product("gemm_1024", 1024, 1024, 1024),
  product("gemm_64x1024x576", 64, 576, 1024),
  product("gemm_1x1000x1280", 1, 1280, 1000, true),
  convolution("conv3x3_32x32x16_b64", 64, 32, 16, 16, 3),
  convolution("conv3x3_16x16x32_b64", 64, 16, 32, 32, 3),
  convolution("conv3x3_8x8x64_b64", 64, 8, 64, 64, 3),
  convolution("conv1x1_28x28x128", 1, 28, 128, 128, 1),
  convolution("depthwise_56x56x128", 1, 56, 128, 128, 3, true),
  convolution("depthwise_14x14x512", 1, 14, 512, 512, 3, true),
];

function product(name: string, rows: number, inner: number, columns: number, bias = false): Workload {
  const about = `[${rows},${inner}] x [${inner},${columns}]${bias ? " + bias" : ""}`;
  return {
    name,
    kind: "operator",
    about,
    load: () => subjectOf({ op: "product", rows, inner, columns, bias }),
  };
}

function convolution(
  name: string,
  batch: number,
  size: number,
  inputs: number,
  outputs: number,
  kernel: number,
  depthwise = false,
): Workload {
  const about = `${depthwise ? "depthwise " : ""}${kernel}x${kernel}, [${batch},${inputs},${size},${size}]`;
  return {
    name,
    kind: "operator",
    about: depthwise ? about : `${about} to ${outputs} channels`,
    load: () => subjectOf({ op: "convolution", batch, size, inputs, outputs, kernel, depthwise }),
  };
}

/** A model of this operator alone, and data for it. */
export function subjectOf(operator: Product | Convolution): Subject {
  const g = new GraphBuilder(1);
  const weights = weightsOf(operator, g);
  const constants = Object.values(weights).filter((value) => value !== null).map((value) => g.constant(value));
  const shape = inputShapeOf(operator);
  const graph = g.build({ x: shape }, addTo(g, operator, ["x", ...constants]));
  const [x, ...calibration] = Array.from({ length: 1 + CALIBRATION_ITEMS }, () => g.draw(shape, -1, 1));
  return {
    bytes: writeOnnx(graph),
    input: "x",
    x: x!,
    calibration,
    classes: null,
    operator: { ...operator, weights },
  };
}

function inputShapeOf(operator: Product | Convolution): number[] {
  if (operator.op === "product") return [operator.rows, operator.inner];
  return [operator.batch, operator.inputs, operator.size, operator.size];
}

/** Weights that keep the variance of the input. */
function weightsOf(operator: Product | Convolution, g: GraphBuilder): Weights {
  if (operator.op === "product") {
    const { inner, columns } = operator;
    const bound = Math.sqrt(3 / inner);
    return {
      weight: g.draw([inner, columns], -bound, bound),
      bias: operator.bias ? g.draw([columns], -0.1, 0.1) : null,
    };
  }
  const { inputs, outputs, kernel, depthwise } = operator;
  const shape = [outputs, depthwise ? 1 : inputs, kernel, kernel];
  const bound = Math.sqrt(3 / (shape[1]! * kernel * kernel));
  return { weight: g.draw(shape, -bound, bound), bias: g.draw([outputs], -0.1, 0.1) };
}

function addTo(g: GraphBuilder, operator: Product | Convolution, inputs: readonly string[]): string {
  if (operator.op === "product") return g.add(operator.bias ? "Gemm" : "MatMul", inputs);
  const { kernel, inputs: channels, depthwise } = operator;
  const pad = kernel >> 1;
  return g.add("Conv", inputs, {
    kernel_shape: [kernel, kernel],
    pads: [pad, pad, pad, pad],
    group: depthwise ? channels : 1,
  });
}
