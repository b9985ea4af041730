/** Matrix products of two computed operands. @module */
import { type Launch, type Packed, uniform } from "../gpu/launch.ts";
import { roundUp } from "../gpu/layout.ts";
import { broadcastShapes, stridesOf } from "../tensor/tensor.ts";
import { chooseTile, tileConstants } from "./_dense.ts";
import { blocksOf, epilogueFields, outputConstants } from "./_linear.ts";
import { type Bias, packMultiplier, packVector } from "./_packing.ts";
import type { Epilogue, Target } from "./op.ts";
import type { View } from "./view.ts";

/** The shapes of a product `[..., rows, inner] x [..., inner, columns]`. */
export interface Product {
  /** Leading axes of the result. */
  readonly batch: readonly number[];
  /** Leading axes of the left operand. */
  readonly leftBatch: readonly number[];
  /** Leading axes of the right operand. */
  readonly rightBatch: readonly number[];
  /** Rows of the left operand. */
  readonly rows: number;
  /** Columns of the left operand, rows of the right one. */
  readonly inner: number;
  /** Columns of the right operand. */
  readonly columns: number;
}

/** Where the vectors along the inner axis lie, or those of the result along its columns: in blocks. */
export interface Steps {
  /** The first block. */
  readonly first: number;
  /** From one vector to the next: from row to row, or from column to column of the right operand. */
  readonly vector: number;
  /** Along each leading axis. */
  readonly batch: readonly number[];
  /** Set for a right operand in f32 whose blocks run along the columns instead; `vector` is from inner to inner element. */
  readonly rows?: true;
}

/** One axis of a batch: its size, and the steps of operands and result. */
interface Axis {
  readonly size: number;
  readonly left: number;
  readonly right: number;
  readonly y: number;
}

/**
 * The product of two operands; a vector counts as one row on the left and as one column on the right.
 *
 * @throws {RangeError} Where the shapes do not fit.
 */
export function productOf(a: readonly number[], b: readonly number[]): Product {
  if (a.length === 0 || b.length === 0) {
    throw new RangeError(`MatMul takes no scalars: the shapes are [${a}] and [${b}]`);
  }
  const left = a.length === 1 ? [1, a[0]!] : a;
  const right = b.length === 1 ? [b[0]!, 1] : b;
  const [rows, inner] = [left.at(-2)!, left.at(-1)!];
  if (inner !== right.at(-2)) {
    throw new RangeError(`MatMul needs inner sizes that agree: the shapes are [${a}] and [${b}]`);
  }
  const [leftBatch, rightBatch] = [left.slice(0, -2), right.slice(0, -2)];
  const batch = broadcastShapes(leftBatch, rightBatch);
  return { batch, leftBatch, rightBatch, rows, inner, columns: right.at(-1)! };
}

/** For each leading axis of the result, the step along it of an operand, whose own leading axes may be fewer or of size 1. */
export function batchSteps(batch: readonly number[], own: readonly number[], steps: readonly number[]): number[] {
  return batch.map((_, axis) => {
    const at = axis - batch.length + own.length;
    return at < 0 || own[at] === 1 ? 0 : steps[at]!;
  });
}

/** The steps of matrices that lie one after another, each of `count` vectors of `blocks` blocks. */
export function denseSteps(batch: readonly number[], count: number, blocks: number): Steps {
  return { first: 0, vector: blocks, batch: stridesOf(batch).map((stride) => stride * count * blocks) };
}

/**
 * The steps of a view whose matrices are its last two axes, or `null` where its vectors are not whole blocks.
 *
 * @param along Along which axis the vectors run.
 * @param block Elements in a block.
 * @param padded Whether the last block of each vector must end in padding.
 */
export function stepsOf(
  { shape, strides, first, padded: padding }: View,
  along: -1 | -2,
  block: number,
  padded = true,
): Steps | null {
  const rank = shape.length;
  const inner = rank + along;
  const steps = strides.map((stride, axis) => shape[axis] === 1 ? 0 : stride / block);
  const ends = !padded || shape[inner]! % block === 0 || padding?.axis === inner;
  const whole = steps.every((step, axis) => axis === inner || Number.isInteger(step)) && first % block === 0;
  if (!ends || !whole || (shape[inner] !== 1 && strides[inner] !== 1)) return null;
  return { first: first / block, vector: steps[rank - 3 - along]!, batch: steps.slice(0, -2) };
}

/** Joins neighbouring axes that operands and result walk in one stride, and drops those of size 1. */
function collapse(axes: readonly Axis[]): Axis[] {
  const out: Axis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const last = out.at(-1);
    const joined = last && (["left", "right", "y"] as const).every((key) => last[key] === axis[key] * axis.size);
    if (joined) out[out.length - 1] = { ...axis, size: last.size * axis.size };
    else out.push(axis);
  }
  return out;
}

/** What a product launch reads. */
export interface ProductOptions {
  /** Input number of the left operand, and where its rows lie. */
  readonly left: { readonly input: number; readonly steps: Steps };
  /** Input number of the right operand, and where its columns lie. */
  readonly right: { readonly input: number; readonly steps: Steps };
  /** Where the rows of the result lie, in blocks of four elements. */
  readonly y: Steps;
  /** One number for each column. */
  readonly bias: Bias | null;
  /** What is done with the sums. */
  readonly epilogue: Epilogue;
  /** Where it runs. */
  readonly target: Target;
}

/**
 * The launch that computes output 0.
 *
 * @throws {RangeError} Where more than three leading axes are broadcast in turn, or the product is too large.
 */
export function productLaunch(product: Product, { left, right, y, bias, epilogue, target }: ProductOptions): Launch {
  const { integer, scale = 1 } = epilogue;
  const { batch, inner, columns } = product;
  const blocks = blocksOf(inner, integer !== undefined);
  const steps = {
    left: batchSteps(batch, product.leftBatch, left.steps.batch),
    right: batchSteps(batch, product.rightBatch, right.steps.batch),
  };
  let axes = collapse(batch.map((size, i) => ({
    size,
    left: steps.left[i]!,
    right: steps.right[i]!,
    y: y.batch[i]!,
  })));
  let rows = product.rows;
  const [only] = axes;
  const isRows = axes.length === 1 && only!.right === 0 && (rows === 1 ||
    (only!.left === left.steps.vector * rows && only!.y === y.vector * rows));
  const [leftRow, yRow] = isRows && rows === 1 ? [only!.left, only!.y] : [left.steps.vector, y.vector];
  if (isRows) {
    rows *= only!.size;
    axes = [];
  }
  if (axes.length > 3) {
    throw new RangeError(`MatMul runs on a GPU with up to 3 leading axes: the result has batch [${product.batch}]`);
  }
  while (axes.length < 3) axes.unshift({ size: 1, left: 0, right: 0, y: 0 });
  const shader = integer ? "matmul_i8" : "matmul_f32";
  const matrices = axes.reduce((size, axis) => size * axis.size, 1);
  const tile = chooseTile(shader, { rows, columns, steps: blocks, batch: matrices }, epilogue, target);
  const padded = roundUp(columns, tile.columns * tile.lanesAcross);
  const workgroups = [
    Math.ceil(rows / (tile.lanesDown * tile.rows)),
    padded / (tile.columns * tile.lanesAcross),
    matrices,
  ] as const;
  if (workgroups.some((count) => count > 65535)) {
    throw new RangeError(`MatMul is too large for one launch: it needs [${workgroups}] workgroups, at most 65535 each`);
  }
  const multiplier: Packed[] = integer ? [packMultiplier(integer, columns, padded)] : [];
  return {
    shader,
    constants: {
      ...tileConstants(tile, epilogue),
      ...outputConstants(epilogue),
      ...(integer ? {} : { RIGHT_ROWS: right.steps.rows ? 1 : 0 }),
    },
    bindings: [
      { input: left.input },
      { input: right.input },
      { packed: packVector(bias, padded, integer !== undefined) },
      ...multiplier.map((packed) => ({ packed })),
      { output: 0 },
    ],
    params: uniform(
      ["u32", rows, columns, blocks, inner, axes[1]!.size, axes[2]!.size],
      ["u32", left.steps.first, leftRow, ...axes.map((axis) => axis.left)],
      ["u32", right.steps.first, right.steps.vector, ...axes.map((axis) => axis.right)],
      ["u32", yRow, ...axes.map((axis) => axis.y)],
      integer ? ["i32", integer.xZero, integer.wZero] : ["f32", scale],
      ...epilogueFields(epilogue),
    ),
    workgroups,
    tuned: tile.tuned,
  };
}
