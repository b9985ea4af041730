/** What kernels that look at all elements of a tensor, or of each row of it, have in common. @module */
import type { Operand } from "../gpu/launch.ts";
import type { Layout } from "../gpu/layout.ts";
import { sizeOf, stridesOf, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { type AxisGroup, axisGroups, fiveGroups } from "./_axes.ts";

/** The elements of a tensor as rows: those that agree in the index of every kept axis. */
export interface Rows {
  /** The sizes of the kept axes. */
  readonly shape: readonly number[];
  /** Elements of a row. */
  readonly length: number;
}

/** The rows of a tensor. */
export function rowsOf({ shape }: TensorType, kept: readonly number[]): Rows {
  const rows = kept.map((axis) => shape[axis]!);
  return { shape: rows, length: sizeOf(shape) / Math.max(1, sizeOf(rows)) };
}

/** Calls `visit` for each element with the number of its row. */
export function walkRows(x: Tensor, kept: readonly number[], visit: (row: number, element: number) => void): void {
  const strides = stridesOf(x.shape);
  const steps = stridesOf(rowsOf(x, kept).shape);
  for (let i = 0; i < x.data.length; i++) {
    const row = kept.reduce((sum, axis, k) => sum + Math.floor(i / strides[axis]!) % x.shape[axis]! * steps[k]!, 0);
    visit(row, x.data[i]!);
  }
}

/** The layout that the kernels read: the present one, but for transposed ones. */
export function layoutFor({ layout }: Operand): Layout {
  return layout === "cols" ? "plain" : layout;
}

/** How a kernel walks rows: the fields of its uniform up to `width`, and whether it reads whole blocks of four. */
export interface RowWalk {
  /** Whether r counts blocks of four elements. */
  readonly fours: boolean;
  /** Whether the last block of a run is not whole. */
  readonly masked: boolean;
  /** Rows. */
  readonly count: number;
  /** What a row has to be read in: blocks or elements. */
  readonly reads: number;
  /** count, reduced, k1, k2, r1, the steps of k0, k1, k2, r0, r1, and width. */
  readonly fields: readonly number[];
}

/**
 * The walk over the rows of `x`.
 *
 * @param kept The kept axes, in the order in which they lie in memory.
 * @param what What is computed, for messages.
 * @throws {TypeError} Where the elements are not f32, or the axes alternate too often.
 */
export function walkOf(what: string, x: Operand, kept: readonly number[]): RowWalk {
  if (x.dtype !== "f32") throw new TypeError(`${what} takes f32: current type is ${x.dtype}`);
  const rows = rowsOf(x, kept);
  const reduced = new Set(x.shape.keys().filter((axis) => !kept.includes(axis)));
  const steps = stridesOf(rows.shape);
  const stepsOut = x.shape.map((_, axis) => reduced.has(axis) ? 0 : steps[kept.indexOf(axis)]!);
  const groups = fiveGroups(what, axisGroups(x, reduced, stepsOut, false));
  const [k0, r0, k1, r1, k2] = groups;
  const fours = k2.size === 1 && r1.stepIn === 1 && [k0, r0, k1].every(({ stepIn }) => stepIn % 4 === 0);
  const unit = fours ? 4 : 1;
  const step = ({ size, stepIn }: AxisGroup): number => size === 1 ? 0 : stepIn / unit;
  const run = fours ? Math.ceil(r1.size / 4) : r1.size;
  const count = sizeOf(rows.shape);
  const reads = r0.size * run;
  return {
    fours,
    masked: fours && r1.size % 4 !== 0,
    count,
    reads,
    fields: [
      count,
      reads,
      k1.size,
      k2.size,
      run,
      step(k0),
      step(k1),
      step(k2),
      step(r0),
      fours ? 1 : r1.stepIn,
      r1.size,
    ],
  };
}
