/** Convolution. @module */
import { allocate, type KnownType, sizeOf, type Tensor } from "../tensor/tensor.ts";
import type { Attributes } from "../graph/graph.ts";
import { type Convolution, convolutionOf, sumsOf } from "./_convolution.ts";
import { withContinuation } from "./_continuation.ts";
import { denseLaunch, isDense } from "./_dense.ts";
import { depthwiseLaunch, directLaunch, isDepthwise } from "./_grouped.ts";
import { checkTypes, constantOf, finisher, refuseWeightZero, resultType } from "./_linear.ts";
import type { Weights } from "./_packing.ts";
import { type Window, windowOf } from "./_window.ts";
import { type Epilogue, type Op, type OpFactory, required } from "./op.ts";

/**
 * Convolution, in f32 or integers. On a GPU the images are 1-D or 2-D, and the weights and the bias must be constant.
 */
export const conv: OpFactory = (attributes, opset, epilogue = {}): Op => {
  const [images, volumes] = [planar(attributes, opset, epilogue), solid(attributes, epilogue)];
  const chosen = (inputs: readonly (KnownType | null)[]): Op => (inputs[0]?.shape.length ?? 0) > 4 ? volumes : images;
  return {
    ...images,
    infer: (inputs) => chosen(inputs).infer(inputs),
    reference: (inputs) => chosen(inputs).reference(inputs),
    macs: (inputs, outputs) => chosen(inputs).macs!(inputs, outputs),
    continues: (inputs) => chosen(inputs) === images && images.continues!(inputs),
  };
};

function checkBias(bias: KnownType | null, outputs: number): void {
  if (!bias || sizeOf(bias.shape) === outputs) return;
  throw new RangeError(`Conv needs a bias of shape [${outputs}]: current shape is [${bias.shape}]`);
}

/** Convolution of images with three axes or more, which has no kernel. */
function solid(attributes: Attributes, epilogue: Epilogue): Op {
  const plan = (inputs: readonly (KnownType | null)[]): Convolution => {
    const [x, w] = [required(inputs[0], "X"), required(inputs[1], "W")];
    checkTypes("Conv", [x, w, inputs[2] ?? null], w.shape[0]!, epilogue);
    checkBias(inputs[2] ?? null, w.shape[0]!);
    return convolutionOf("Conv", attributes, x.shape, w.shape);
  };
  const dtype = resultType(epilogue);
  return {
    infer: (inputs) => [{ dtype, shape: plan(inputs).y }],
    reference: (inputs) => {
      const own = plan(inputs);
      const [x, w, bias] = [required(inputs[0], "X"), required(inputs[1], "W"), inputs[2] ?? null];
      const { xZero = 0, wZero = 0 } = epilogue.integer ?? {};
      const finish = finisher(epilogue);
      const plane = sizeOf(own.y.slice(2));
      const data = allocate(dtype, sizeOf(own.y));
      sumsOf(own, (i) => x.data[i]! - xZero, (i) => w.data[i]! - wZero).forEach((sum, i) => {
        const n = Math.floor(i / plane) % own.y[1]!;
        data[i] = finish(sum + (bias ? bias.data[n]! : 0), n);
      });
      return [{ dtype, shape: own.y, data }];
    },
    macs: (inputs, [output]) => sizeOf(output!.shape) * sizeOf(plan(inputs).w.slice(1)),
  };
}

/** Convolution of 1-D and 2-D images. */
const planar: OpFactory = (attributes, _opset, epilogue = {}): Op => {
  const prepare = <T extends KnownType>(inputs: readonly (T | null)[]) => {
    const [x, w, bias] = [required(inputs[0], "X"), required(inputs[1], "W"), inputs[2] ?? null];
    const window = windowOf(attributes, x.shape, w.shape);
    checkTypes("Conv", [x, w, bias], window.outputs, epilogue);
    checkBias(bias, window.outputs);
    const size = x.shape.length === 3 ? [window.output[1]] : window.output;
    return { x, w, bias, window, shape: [window.batch, window.outputs, ...size] };
  };
  const dtype = resultType(epilogue);
  const op: Op = {
    infer(inputs) {
      return [{ dtype, shape: prepare(inputs).shape }];
    },

    reference(inputs) {
      const { x, w, bias, window, shape } = prepare(inputs);
      return [{ dtype, shape, data: convolve(window, [x, w, bias], epilogue) }];
    },

    macs(inputs, [output]) {
      const { channels, groups, kernel } = prepare(inputs).window;
      return sizeOf(output!.shape) * (channels / groups) * kernel[0] * kernel[1];
    },

    layouts: () => ({ inputs: ["nhwc", "plain", "plain"], outputs: ["nhwc"] }),

    lower(inputs, [output], target) {
      const { w, bias, window } = prepare(inputs);
      const weights = weightsOf(window, constantOf("Conv", "weights", w));
      const constantBias = bias && { data: constantOf("Conv", "bias", bias), scale: 1 };
      refuseWeightZero("Conv", epilogue);
      if (sizeOf(output!.shape) === 0) return [];
      const launch = isDense(window, epilogue) ? denseLaunch : isDepthwise(window) ? depthwiseLaunch : directLaunch;
      return [launch(window, weights, constantBias, { epilogue, target, other: inputs[3] ?? null })];
    },

    continues(inputs) {
      const { w, window } = prepare(inputs);
      return w.data !== undefined && (window.groups === 1 || isDepthwise(window));
    },
  };
  return withContinuation(op, epilogue);
};

function weightsOf({ outputs, channels, groups, kernel }: Window, data: Weights["data"]): Weights {
  const [inputs, taps] = [channels / groups, kernel[0] * kernel[1]];
  return { data, outputs, inputs, taps, strides: [inputs * taps, taps, 1], scale: 1 };
}

/** The definition: each output is a sum over the taps that lie inside the image. */
function convolve(
  window: Window,
  [x, w, bias]: readonly [Tensor, Tensor, Tensor | null],
  epilogue: Epilogue,
): Tensor["data"] {
  const { batch, channels, outputs, groups, kernel, stride, pad, dilation } = window;
  const [height, width] = window.input;
  const [outHeight, outWidth] = window.output;
  const { xZero = 0, wZero = 0 } = epilogue.integer ?? {};
  const finish = finisher(epilogue);
  const inputs = channels / groups;
  const y = allocate(resultType(epilogue), batch * outputs * outHeight * outWidth);
  let at = 0;
  for (let image = 0; image < batch; image++) {
    for (let n = 0; n < outputs; n++) {
      const firstChannel = Math.floor(n / (outputs / groups)) * inputs;
      for (let oy = 0; oy < outHeight; oy++) {
        for (let ox = 0; ox < outWidth; ox++) {
          let sum = bias ? bias.data[n]! : 0;
          for (let ky = 0; ky < kernel[0]; ky++) {
            const iy = oy * stride[0] - pad[0] + ky * dilation[0];
            if (iy < 0 || iy >= height) continue;
            for (let kx = 0; kx < kernel[1]; kx++) {
              const ix = ox * stride[1] - pad[1] + kx * dilation[1];
              if (ix < 0 || ix >= width) continue;
              for (let c = 0; c < inputs; c++) {
                const pixel = ((image * channels + firstChannel + c) * height + iy) * width + ix;
                const tap = ((n * inputs + c) * kernel[0] + ky) * kernel[1] + kx;
                sum += (x.data[pixel]! - xZero) * (w.data[tap]! - wZero);
              }
            }
          }
          y[at++] = finish(sum, n);
        }
      }
    }
  }
  return y;
}
