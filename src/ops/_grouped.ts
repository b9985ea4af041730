/** Kernels of convolutions whose channels fall into groups. @module */
import { foldGrid, type Launch, uniform } from "../gpu/launch.ts";
import { roundUp } from "../gpu/layout.ts";
import { continuationConstants, withImmediates } from "./_continuation.ts";
import { countingOf, type LinearOptions, windowFields } from "./_dense.ts";
import { blocksOf, epilogueFields, outputBlocks, outputConstants } from "./_linear.ts";
import { type Bias, packBias, packDepthwise, packDirect, packMultiplier, type Weights } from "./_packing.ts";
import type { Window } from "./_window.ts";
import type { Target } from "./op.ts";

/** Results of one invocation of the depthwise kernels: columns, and rows by preference. */
const COLUMNS = 4;
const ROWS = [4, 2, 1];

/** Nanoseconds on lavapipe: loading a block, storing one, a product. */
const COST = { load: 10, store: 75, product: 2 };

/** The largest window of input blocks that fits into registers, or near. */
const MAX_WINDOW = 64;

/** The input rows and columns that one invocation loads. */
function loadedBy({ kernel, stride, dilation }: Window, rows: number): { loadedY: number; loadedX: number } {
  return {
    loadedY: (rows - 1) * stride[0] + (kernel[0] - 1) * dilation[0] + 1,
    loadedX: (COLUMNS - 1) * stride[1] + kernel[1],
  };
}

function fitsWindow(window: Window, rows: number): boolean {
  const { loadedY, loadedX } = loadedBy(window, rows);
  return loadedY * loadedX <= MAX_WINDOW;
}

/** Whether the depthwise kernels can do this window: one channel a group, taps side by side. */
export function isDepthwise(window: Window): boolean {
  const { channels, outputs, groups, dilation } = window;
  return groups === channels && groups === outputs && dilation[1] === 1 && fitsWindow(window, 1);
}

/** The rows of results that an invocation should own: more share loads, but leave the last invocations less to do. */
function rowsFor(window: Window, blocks: number, { lanes }: Target): number {
  const { batch, output: [height, width], kernel } = window;
  const costOf = (rows: number): number => {
    const { loadedY, loadedX } = loadedBy(window, rows);
    const results = rows * COLUMNS;
    const own = (loadedY * loadedX + kernel[0] * kernel[1]) * COST.load +
      results * (kernel[0] * kernel[1] * COST.product + COST.store);
    const items = batch * Math.ceil(height / rows) * Math.ceil(width / COLUMNS) * blocks;
    return Math.ceil(items / (lanes === 8 ? 2 * lanes : 512 * lanes)) * own;
  };
  const fitting = ROWS.filter((rows) => fitsWindow(window, rows));
  return fitting.reduce((best, rows) => costOf(rows) < costOf(best) ? rows : best);
}

/** The launch of a depthwise convolution over nhwc tensors. */
export function depthwiseLaunch(
  window: Window,
  weights: Weights,
  bias: Bias | null,
  { epilogue, target, other = null }: LinearOptions,
): Launch {
  const { integer } = epilogue;
  const { batch, channels, output, kernel, stride, dilation } = window;
  const blocks = blocksOf(channels, integer !== undefined);
  const padded = blocks * (integer ? 16 : 4);
  const rows = rowsFor(window, blocks, target);
  const { loadedY, loadedX } = loadedBy(window, rows);
  const [rowStrips, strips] = [Math.ceil(output[0] / rows), Math.ceil(output[1] / COLUMNS)];
  const items = batch * rowStrips * strips * blocks;
  const { biased, counted } = countingOf(epilogue, target);
  return {
    shader: integer ? "depthwise_i8" : "depthwise_f32",
    constants: {
      LANES: target.lanes,
      ROWS: rows,
      COLUMNS,
      KERNEL_Y: kernel[0],
      KERNEL_X: kernel[1],
      STRIDE_Y: stride[0],
      STRIDE_X: stride[1],
      DILATION_Y: dilation[0],
      LOADED_Y: loadedY,
      LOADED_X: loadedX,
      RESULTS: rows * COLUMNS,
      WINDOW: loadedY * loadedX,
      ...(integer ? { TAPS: kernel[0] * kernel[1], BIASED: Number(biased) } : {}),
      ...outputConstants(epilogue),
      ...continuationConstants(epilogue, other),
    },
    bindings: [
      { input: 0 },
      { packed: packDepthwise(weights, padded, integer !== undefined) },
      { packed: packBias(weights, bias, padded, counted) },
      ...(integer ? [{ packed: packMultiplier(integer, channels, padded) }] : []),
      { input: other ? 3 : 0 },
      { output: 0 },
    ],
    params: uniform(...withImmediates(epilogue, [
      ["u32", items, channels, blocks, strips, rowStrips, outputBlocks(channels, epilogue)],
      ...windowFields(window),
      ...epilogueFields(epilogue),
    ])),
    workgroups: foldGrid(Math.ceil(items / target.lanes)),
  };
}

/** The launch of any other grouped convolution over nhwc tensors: right, not fast. */
export function directLaunch(
  window: Window,
  weights: Weights,
  bias: Bias | null,
  { epilogue, target }: LinearOptions,
): Launch {
  const { integer, then } = epilogue;
  if (then) throw new TypeError("The kernel of grouped convolutions runs no program on its results");
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
