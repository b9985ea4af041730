/** TensorFlow.js with its WebGPU backend, for single operators. */
import "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "../../mod.ts";
import type { Runner } from "./runner.ts";
import type { Convolution, Operator, Product } from "./workload.ts";

/** The version of TensorFlow.js. */
export const TENSORFLOW_VERSION: string = tf.version_core;

/**
 * Opens an operator. Its weights are uploaded here; the input is uploaded by each run, from the order that TensorFlow.js
 * likes best.
 */
export async function openTensorFlow(operator: Operator, x: Tensor): Promise<Runner> {
  if (!await tf.setBackend("webgpu")) throw new Error("TensorFlow.js found no WebGPU adapter");
  await tf.ready();
  return operator.op === "product" ? openProduct(operator, x) : openConvolution(operator, x);
}

function openProduct({ weights }: Product & Operator, { data, shape }: Tensor): Runner {
  const weight = upload(weights.weight.data, weights.weight.shape);
  const bias = weights.bias && upload(weights.bias.data, weights.bias.shape);
  return runnerOf(
    () => upload(data, shape),
    (x) => bias ? tf.fused.matMul({ a: x as tf.Tensor2D, b: weight as tf.Tensor2D, bias }) : tf.matMul(x, weight),
    [weight, bias],
  );
}

function openConvolution(operator: Convolution & Operator, x: Tensor): Runner {
  const { batch, size, inputs, outputs, kernel, depthwise, weights } = operator;
  const image = permute(x.data, [batch, inputs, size, size], [0, 2, 3, 1]);
  const filterShape = [outputs, depthwise ? 1 : inputs, kernel, kernel];
  const filterOrder = depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0];
  const filter = upload(
    permute(weights.weight.data, filterShape, filterOrder),
    filterOrder.map((axis) => filterShape[axis]!),
  ) as tf.Tensor4D;
  const bias = weights.bias && upload(weights.bias.data, weights.bias.shape);
  const convolve = depthwise ? tf.fused.depthwiseConv2d : tf.fused.conv2d;
  return {
    ...runnerOf(
      () => upload(image, [batch, size, size, inputs]),
      (x) => convolve({ x: x as tf.Tensor4D, filter, strides: 1, pad: "same", ...(bias && { bias }) }),
      [filter, bias],
    ),
    restore: (output) => permute(output, [batch, size, size, outputs], [0, 3, 1, 2]),
  };
}

function upload(data: ArrayLike<number>, shape: readonly number[]): tf.Tensor {
  return tf.tensor(data as Float32Array, [...shape], "float32");
}

function runnerOf(
  input: () => tf.Tensor,
  compute: (x: tf.Tensor) => tf.Tensor,
  constants: readonly (tf.Tensor | null)[],
): Runner {
  return {
    run: async () => {
      const x = input();
      const y = compute(x);
      const data = await y.data();
      tf.dispose([x, y]);
      return data as Float32Array;
    },
    [Symbol.asyncDispose]: () => {
      for (const constant of constants) constant?.dispose();
      return Promise.resolve();
    },
  };
}

/** A dense array of rank 4 with its axes in another order. */
export function permute(data: ArrayLike<number>, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, dim) => product * dim, 1));
  const [a, b, c, d] = order.map((axis) => ({ size: shape[axis]!, stride: strides[axis]! }));
  const result = new Float32Array(data.length);
  let next = 0;
  for (let i = 0; i < a!.size; i++) {
    for (let j = 0; j < b!.size; j++) {
      for (let k = 0; k < c!.size; k++) {
        const start = i * a!.stride + j * b!.stride + k * c!.stride;
        for (let l = 0; l < d!.size; l++) result[next++] = data[start + l * d!.stride]!;
      }
    }
  }
  return result;
}
