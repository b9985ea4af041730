/** The kernel behind Conv, Gemm and matrix products with constant weights: an implicit matrix product. @module */
import { foldGrid, type Launch, uniform } from "../gpu/launch.ts";
import { roundUp } from "../gpu/layout.ts";
import { blocksOf, epilogueFields, type Field, outputBlocks, outputConstants, resultType } from "./_linear.ts";
import { type Bias, packBias, packDense, packMultiplier, type Weights } from "./_packing.ts";
import type { Window } from "./_window.ts";
import type { Epilogue, Target } from "./op.ts";

/** Rows and columns of results that one invocation computes. */
export interface Tile {
  /** Rows, `lanes` apart. */
  readonly rows: number;
  /** Adjacent columns. */
  readonly columns: number;
}

/** Few, since each costs a compilation; 16x16 is the fastest on lavapipe, where loads are dear. */
const TILE_ROWS = [16, 4, 1];
const TILE_COLUMNS = [16, 8, 4];

/** Largest tile on GPUs, where more accumulators leave too few threads in flight. */
const GPU_CELLS = 64;

/**
 * The tile that should compute a matrix of results soonest.
 *
 * The costs are nanoseconds of one step along the inner axis on lavapipe: loading a weight and a row, and one product.
 *
 * The options tell what is done with the sums, what the columns of a tile must divide, and how many such matrices there
 * are.
 */
export function chooseTile(
  rows: number,
  columns: number,
  target: Target,
  { epilogue, divisor = 0, batch = 1 }: { epilogue: Epilogue; divisor?: number; batch?: number },
): Tile {
  const integer = epilogue.integer !== undefined;
  const narrowest = blockColumns(epilogue);
  const [weight, row, product] = [18, 38, integer ? 9 : 2];
  const workers = target.lanes === 8 ? 4 : 512;
  let best: Tile = { rows: 1, columns: narrowest };
  let least = Infinity;
  for (const r of TILE_ROWS) {
    for (const c of TILE_COLUMNS) {
      if (c < narrowest || divisor % c !== 0 || (target.lanes !== 8 && r * c > GPU_CELLS)) continue;
      const groups = batch * Math.ceil(rows / (target.lanes * r)) * Math.ceil(columns / c);
      const cost = Math.ceil(groups / workers) * (c * weight + r * row + r * c * product);
      if (cost < least) [best, least] = [{ rows: r, columns: c }, cost];
    }
  }
  return best;
}

/** Columns that are stored at once: a whole block of 16 bytes. */
function blockColumns(epilogue: Epilogue): 4 | 16 {
  return resultType(epilogue) === "i8" ? 16 : 4;
}

/** Constants of the kernels for a tile. */
export function tileConstants({ rows, columns }: Tile, { integer }: Epilogue): Record<string, number> {
  const fours = columns / 4;
  if (!integer) return { TM: rows, TN: columns, TN4: fours };
  return { TM: rows, TN: columns, TN16: Math.ceil(fours / 4), QUADS: Math.min(4, fours) };
}

/** Whether the kernel can do this window: groups must be whole blocks of channels. */
export function isDense({ channels, outputs, groups }: Window, epilogue: Epilogue): boolean {
  return groups === 1 ||
    ((channels / groups) % (epilogue.integer ? 16 : 4) === 0 && (outputs / groups) % blockColumns(epilogue) === 0);
}

/** The launch that computes `output 0 = epilogue(conv(input 0, weights) + bias)` over nhwc tensors. */
export function denseLaunch(
  window: Window,
  weights: Weights,
  bias: Bias | null,
  { epilogue, target }: { epilogue: Epilogue; target: Target },
): Launch {
  const { integer } = epilogue;
  const { outputs, groups } = window;
  const pixels = window.batch * window.output[0] * window.output[1];
  const tile = chooseTile(pixels, outputs, target, {
    epilogue,
    divisor: groups === 1 ? 0 : outputs / groups,
  });
  const padded = roundUp(outputs, tile.columns);
  const [x, y] = foldGrid(Math.ceil(pixels / (target.lanes * tile.rows)));
  return {
    shader: integer ? "conv_i8" : "conv_f32",
    constants: {
      LANES: target.lanes,
      ...tileConstants(tile, epilogue),
      ...(integer ? { WORDS: weights.inputs > 4 ? 4 : 1 } : {}),
      ...outputConstants(epilogue),
    },
    bindings: [
      { input: 0 },
      { packed: packDense(weights, padded, integer !== undefined) },
      { packed: packBias(weights, bias, padded, integer) },
      ...(integer ? [{ packed: packMultiplier(integer, outputs, padded) }] : []),
      { output: 0 },
    ],
    params: uniform(
      ["u32", pixels, outputs, padded, groups === 1 ? padded : outputs / groups],
      ["u32", blocksOf(weights.inputs, integer !== undefined), blocksOf(window.channels, integer !== undefined)],
      ["u32", outputBlocks(outputs, epilogue)],
      ...windowFields(window),
      ...epilogueFields(epilogue),
    ),
    workgroups: [x, y, padded / tile.columns],
  };
}

/** The fields of a uniform that describe a window. */
export function windowFields(window: Window): Field[] {
  return [
    ["u32", ...window.input, ...window.output, ...window.kernel, ...window.stride],
    ["i32", ...window.pad],
    ["u32", ...window.dilation],
  ];
}
