/** Kernels of convolutions whose channels fall into groups. @module */
import { foldGrid, type Launch, uniform } from "../gpu/launch.ts";
import { roundUp } from "../gpu/layout.ts";
import { windowFields } from "./_dense.ts";
import { blocksOf, epilogueFields, outputBlocks, outputConstants } from "./_linear.ts";
import { type Bias, packBias, packDepthwise, packDirect, packMultiplier, type Weights } from "./_packing.ts";
import type { Window } from "./_window.ts";
import type { Epilogue, Target } from "./op.ts";

/** Output columns that one invocation of the depthwise kernels computes. */
const COLUMNS = 4;

/** The widest register window of the depthwise kernels, in input columns. */
const MAX_LOADED = 16;

function loadedColumns({ kernel, stride }: Window): number {
  return (COLUMNS - 1) * stride[1] + kernel[1];
}

/** Whether the depthwise kernels can do this window: one channel a group, taps side by side. */
export function isDepthwise(window: Window): boolean {
  const { channels, outputs, groups, dilation } = window;
  return groups === channels && groups === outputs && dilation[1] === 1 && loadedColumns(window) <= MAX_LOADED;
}

/** The launch of a depthwise convolution over nhwc tensors. */
export function depthwiseLaunch(
  window: Window,
  weights: Weights,
  bias: Bias | null,
  { epilogue, target }: { epilogue: Epilogue; target: Target },
): Launch {
  const { integer } = epilogue;
  const { batch, channels, output, kernel, stride } = window;
  const blocks = blocksOf(channels, integer !== undefined);
  const padded = blocks * (integer ? 16 : 4);
  const strips = Math.ceil(output[1] / COLUMNS);
  const items = batch * output[0] * strips * blocks;
  return {
    shader: integer ? "depthwise_i8" : "depthwise_f32",
    constants: {
      LANES: target.lanes,
      COLUMNS,
      KERNEL_X: kernel[1],
      STRIDE_X: stride[1],
      LOADED: loadedColumns(window),
      ...outputConstants(epilogue),
    },
    bindings: [
      { input: 0 },
      { packed: packDepthwise(weights, padded, integer !== undefined) },
      { packed: packBias(weights, bias, padded, integer) },
      ...(integer ? [{ packed: packMultiplier(integer, channels, padded) }] : []),
      { output: 0 },
    ],
    params: uniform(
      ["u32", items, channels, blocks, strips, outputBlocks(channels, epilogue)],
      ...windowFields(window),
      ...epilogueFields(epilogue),
    ),
    workgroups: foldGrid(Math.ceil(items / target.lanes)),
  };
}

/** The launch of any other grouped convolution over nhwc tensors: right, not fast. */
export function directLaunch(
  window: Window,
  weights: Weights,
  bias: Bias | null,
  { epilogue, target }: { epilogue: Epilogue; target: Target },
): Launch {
  const { integer } = epilogue;
  const { batch, channels, outputs, groups, output } = window;
  const blocks = Math.ceil(outputs / 4);
  const items = batch * output[0] * output[1] * blocks;
  return {
    shader: integer ? "conv_direct_i8" : "conv_direct_f32",
    constants: { LANES: target.lanes, ...outputConstants(epilogue) },
    bindings: [
      { input: 0 },
      { packed: packDirect(weights, blocks * 4, integer !== undefined) },
      { packed: packBias(weights, bias, blocks * 4, integer) },
      ...(integer ? [{ packed: packMultiplier(integer, outputs, blocks * 4) }] : []),
      { output: 0 },
    ],
    params: uniform(
      ["u32", items, outputs, blocks, outputs / groups, weights.inputs],
      ["u32", roundUp(channels, integer ? 16 : 4), outputBlocks(outputs, epilogue)],
      ...windowFields(window),
      ...epilogueFields(epilogue),
    ),
    workgroups: foldGrid(Math.ceil(items / target.lanes)),
  };
}
