/** Matrix products of two computed operands. @module */
import { type Launch, type Packed, uniform } from "../gpu/launch.ts";
import { roundUp } from "../gpu/layout.ts";
import { broadcastShapes, stridesOf } from "../tensor/tensor.ts";
import { chooseTile, countedZero, tileConstants } from "./_dense.ts";
import { blocksOf, epilogueFields, outputBlocks } from "./_linear.ts";
import { type Bias, packMultiplier, packVector } from "./_packing.ts";
import type { Epilogue, Target } from "./op.ts";

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

/** One axis of a batch: its size, and the steps of the operands in matrices. */
interface Axis {
  readonly size: number;
  readonly left: number;
  readonly right: number;
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

/** For each matrix of the result, the numbers of the matrices that it is made from. */
export function batchSteps({ batch, leftBatch, rightBatch }: Product): Axis[] {
  const stepsOf = (own: readonly number[]): number[] => {
    const strides = stridesOf(own);
    return batch.map((_, axis) => {
      const at = axis - batch.length + own.length;
      return at < 0 || own[at] === 1 ? 0 : strides[at]!;
    });
  };
  const [left, right] = [stepsOf(leftBatch), stepsOf(rightBatch)];
  return batch.map((size, axis) => ({ size, left: left[axis]!, right: right[axis]! }));
}

/** Joins neighbouring axes that both operands walk in one stride, and drops those of size 1. */
function collapse(axes: readonly Axis[]): Axis[] {
  const out: Axis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const last = out.at(-1);
    if (last && last.left === axis.left * axis.size && last.right === axis.right * axis.size) {
      out[out.length - 1] = { ...axis, size: last.size * axis.size };
    } else out.push(axis);
  }
  return out;
}

/** What a product launch reads. */
export interface ProductOptions {
  /** Input number of the operand in `rows` order. */
  readonly left: number;
  /** Input number of the operand whose columns lie one after another. */
  readonly right: number;
  /** One number for each column. */
  readonly bias: Bias | null;
  /** What is done with the sums. */
  readonly epilogue: Epilogue;
  /** Where it runs. */
  readonly target: Target;
}

/**
 * The launch that computes output 0 in `rows` order.
 *
 * @throws {RangeError} Where more than three leading axes are broadcast in turn, or the product is too large.
 */
export function productLaunch(product: Product, { left, right, bias, epilogue, target }: ProductOptions): Launch {
  const { integer } = epilogue;
  const { inner, columns } = product;
  const blocks = blocksOf(inner, integer !== undefined);
  let axes = collapse(batchSteps(product));
  let rows = product.rows;
  if (axes.length === 1 && axes[0]!.right === 0) {
    rows *= axes[0]!.size;
    axes = [];
  }
  if (axes.length > 3) {
    throw new RangeError(`MatMul runs on a GPU with up to 3 leading axes: the result has batch [${product.batch}]`);
  }
  while (axes.length < 3) axes.unshift({ size: 1, left: 0, right: 0 });
  const shader = integer ? "matmul_i8" : "matmul_f32";
  const batch = axes.reduce((size, axis) => size * axis.size, 1);
  const tile = chooseTile(shader, { rows, columns, steps: blocks, batch }, epilogue, target);
  const padded = roundUp(columns, tile.columns * tile.lanesAcross);
  const workgroups = [
    Math.ceil(rows / (tile.lanesDown * tile.rows)),
    padded / (tile.columns * tile.lanesAcross),
    batch,
  ] as const;
  if (workgroups.some((count) => count > 65535)) {
    throw new RangeError(`MatMul is too large for one launch: it needs [${workgroups}] workgroups, at most 65535 each`);
  }
  const multiplier: Packed[] = integer ? [packMultiplier(integer, columns, padded)] : [];
  return {
    shader,
    constants: {
      ...tileConstants(tile, epilogue),
      ...(integer ? { FLOAT_OUT: integer.out ? 0 : 1 } : {}),
    },
    bindings: [
      { input: left },
      { input: right },
      { packed: packVector(bias, padded, integer !== undefined) },
      ...multiplier.map((packed) => ({ packed })),
      { output: 0 },
    ],
    params: uniform(
      ["u32", rows, columns, blocks, outputBlocks(columns, epilogue), axes[1]!.size, axes[2]!.size],
      ["u32", ...axes.map((axis) => axis.left * product.rows * blocks)],
      ["u32", ...axes.map((axis) => axis.right * columns * blocks)],
      ...(integer ? [["u32", inner], ["i32", integer.xZero, integer.wZero]] as const : []),
      ...epilogueFields(epilogue),
    ),
    workgroups,
  };
}
