/** The kernel behind Conv, Gemm and matrix products with constant weights: an implicit matrix product. @module */
import { foldGrid, type Launch, type Operand, uniform } from "../gpu/launch.ts";
import { roundUp } from "../gpu/layout.ts";
import { continuationConstants, withImmediates } from "./_continuation.ts";
import { blocksOf, epilogueFields, type Field, outputBlocks, outputConstants, storedType } from "./_linear.ts";
import { type Bias, packBias, packDense, packDense8, packMultiplier, type Weights } from "./_packing.ts";
import type { Window } from "./_window.ts";
import type { Epilogue, IntegerEpilogue, Target } from "./op.ts";

/** Which results a workgroup of a linear kernel computes. */
export interface Tile {
  /** Rows of one invocation, `lanesDown` apart. */
  readonly rows: number;
  /** Adjacent columns of one invocation. */
  readonly columns: number;
  /** Invocations along the rows. */
  readonly lanesDown: number;
  /** Invocations along the columns. */
  readonly lanesAcross: number;
}

/** A tile, and the key that the target was asked for it by. */
export interface ChosenTile extends Tile {
  /** The kernel and the shape. */
  readonly tuned: string;
}

/** A matrix of results, and how many steps along the inner axis each takes. */
export interface Extent {
  /** Rows. */
  readonly rows: number;
  /** Columns. */
  readonly columns: number;
  /** Blocks of 16 bytes that are multiplied for one result. */
  readonly steps: number;
  /** How many such matrices there are. */
  readonly batch?: number;
  /** What the columns of a tile must divide; 0 for anything. */
  readonly divisor?: number;
  /** The most invocations along the columns. */
  readonly lanesAcross?: number;
}

/** Few, since each costs a compilation; 16x16 is the fastest on lavapipe where there is enough to do. */
const TILE_ROWS = [16, 8, 4, 1];
const TILE_COLUMNS = [16, 8, 4];

/** Largest tile on GPUs, where more accumulators leave too few threads in flight. */
const GPU_CELLS = 64;

/** Nanoseconds of the kernels on lavapipe: loading a block of weights and of a row, storing a block, starting a row. */
const COST = { weight: 10, row: 14, store: 75, start: 40 };

/** Nanoseconds of lavapipe for the products of two blocks: of four f32, of sixteen i8. */
const PRODUCT = { f32: 1.6, i8: 8.6 };

/** How many variants are worth timing. */
const CANDIDATES = 4;

/**
 * The tile that should compute a matrix of results soonest: the one that the target knows to be fastest, else the one
 * that costs least by the times of lavapipe.
 *
 * @param kernel The name of the kernel, under which the target knows it.
 */
export function chooseTile(kernel: string, extent: Extent, epilogue: Epilogue, target: Target): ChosenTile {
  const { rows, columns, steps, batch = 1, divisor = 0 } = extent;
  const ranked = tilesFor(extent, epilogue, target)
    .map((tile) => ({ tile, cost: costOf(tile, extent, epilogue, target) }))
    .sort((a, b) => a.cost - b.cost)
    .slice(0, CANDIDATES)
    .map(({ tile }) => tile);
  const names = ranked.map((tile) => `${tile.rows}x${tile.columns} ${tile.lanesDown}x${tile.lanesAcross}`);
  const tuned = [kernel, batch, rows, columns, steps, divisor, storedType(epilogue)].join(" ");
  return { ...ranked[target.choose?.(tuned, names) ?? 0]!, tuned };
}

function tilesFor(
  { divisor = 0, lanesAcross = Infinity }: Extent,
  epilogue: Epilogue,
  { lanes }: Target,
): Tile[] {
  const narrowest = blockColumns(epilogue);
  return TILE_ROWS.flatMap((rows) =>
    TILE_COLUMNS.filter((columns) => columns >= narrowest && divisor % columns === 0)
      .filter((columns) => lanes === 8 || rows * columns <= GPU_CELLS)
      .flatMap((columns) =>
        [1, 2, 4, 8].filter((across) => across <= lanesAcross)
          .map((across): Tile => ({ rows, columns, lanesDown: lanes / across, lanesAcross: across }))
      )
  );
}

function costOf(
  tile: Tile,
  { rows, columns, steps, batch = 1 }: Extent,
  epilogue: Epilogue,
  { lanes }: Target,
): number {
  const product = epilogue.integer ? PRODUCT.i8 : PRODUCT.f32;
  const groups = batch * Math.ceil(rows / (tile.lanesDown * tile.rows)) *
    Math.ceil(columns / (tile.lanesAcross * tile.columns));
  const step = tile.columns * COST.weight + tile.rows * COST.row + tile.rows * tile.columns * product;
  const stores = tile.rows * tile.columns / blockColumns(epilogue);
  return Math.ceil(groups / (lanes === 8 ? 2 : 512)) * (steps * step + stores * COST.store + tile.rows * COST.start);
}

/** Columns that are stored at once: a whole block of 16 bytes. */
function blockColumns(epilogue: Epilogue): 4 | 16 {
  return storedType(epilogue) === "i8" ? 16 : 4;
}

/** Constants of the kernels for a tile. */
export function tileConstants(
  { rows, columns, lanesDown, lanesAcross }: Tile,
  { integer }: Epilogue,
): Record<string, number> {
  const own = { LANES: lanesDown * lanesAcross, LANES_M: lanesDown, LANES_N: lanesAcross, TM: rows, TN: columns };
  const fours = columns / 4;
  return { ...own, TN4: fours, ...(integer ? { TN16: Math.ceil(fours / 4), QUADS: Math.min(4, fours) } : {}) };
}

/**
 * Whether integer kernels multiply x + 128 instead of x, and the epilogue whose zero point is moved likewise. On CPU adapters
 * they do: where one operand has no sign the products were 16 % faster on lavapipe (50 against 43 GOP/s).
 */
export function countingOf(
  { integer }: Epilogue,
  { lanes }: Target,
): { biased: boolean; counted: IntegerEpilogue | undefined } {
  const biased = lanes === 8;
  return { biased, counted: integer && { ...integer, xZero: integer.xZero + (biased ? 128 : 0) } };
}

/** Whether the kernel can do this window: groups must be whole blocks of channels. */
export function isDense({ channels, outputs, groups }: Window, epilogue: Epilogue): boolean {
  return groups === 1 ||
    ((channels / groups) % (epilogue.integer ? 16 : 4) === 0 && (outputs / groups) % blockColumns(epilogue) === 0);
}

/** What a kernel with constant weights does with its sums, and where it runs. */
export interface LinearOptions {
  /** What is done with the sums. */
  readonly epilogue: Epilogue;
  /** Where it runs. */
  readonly target: Target;
  /** The operator's input 3, which a continuation reads. */
  readonly other?: Operand | null;
}

/** The launch that computes `output 0 = epilogue(conv(input 0, weights) + bias)` over nhwc tensors. */
export function denseLaunch(
  window: Window,
  weights: Weights,
  bias: Bias | null,
  { epilogue, target, other = null }: LinearOptions,
): Launch {
  const { integer } = epilogue;
  const { outputs, groups, kernel } = window;
  const pixels = window.batch * window.output[0] * window.output[1];
  const blocks = blocksOf(weights.inputs, integer !== undefined);
  const shader = integer ? "conv_i8" : "conv_f32";
  const extent: Extent = {
    rows: pixels,
    columns: outputs,
    steps: kernel[0] * kernel[1] * blocks,
    ...(groups === 1 ? {} : { divisor: outputs / groups, lanesAcross: 1 }),
  };
  const tile = chooseTile(shader, extent, epilogue, target);
  const wide = tile.columns * tile.lanesAcross;
  const padded = roundUp(outputs, wide);
  const [x, y] = foldGrid(Math.ceil(pixels / (tile.lanesDown * tile.rows)));
  const { biased, counted } = countingOf(epilogue, target);
  return {
    shader,
    constants: {
      ...tileConstants(tile, epilogue),
      ...(integer ? { WORDS: weights.inputs > 4 ? 4 : 1, BIASED: Number(biased) } : {}),
      ...outputConstants(epilogue),
      ...continuationConstants(epilogue, other),
    },
    bindings: [
      { input: 0 },
      { packed: integer ? packDense8(weights, padded, biased) : packDense(weights, padded) },
      { packed: packBias(weights, bias, padded, counted) },
      ...(integer ? [{ packed: packMultiplier(integer, outputs, padded) }] : []),
      { input: other ? 3 : 0 },
      { output: 0 },
    ],
    params: uniform(...withImmediates(epilogue, [
      ["u32", pixels, outputs, padded, groups === 1 ? padded : outputs / groups],
      ["u32", blocks, blocksOf(window.channels, integer !== undefined)],
      ["u32", outputBlocks(outputs, epilogue)],
      ...windowFields(window),
      ...epilogueFields(epilogue),
    ])),
    workgroups: [x, y, padded / wide],
    tuned: tile.tuned,
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
