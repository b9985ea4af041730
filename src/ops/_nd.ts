/** Walking tensors of any rank. @module */
import { sizeOf } from "../tensor/tensor.ts";

/** A tensor as [outer, length, inner] around one of its axes. */
export interface Lines {
  /** Elements of the axes before. */
  readonly outer: number;
  /** Size of the axis. */
  readonly length: number;
  /** Elements of the axes after. */
  readonly inner: number;
}

/** The lines of a tensor along an axis. */
export function linesOf(shape: readonly number[], axis: number): Lines {
  return { outer: sizeOf(shape.slice(0, axis)), length: shape[axis] ?? 1, inner: sizeOf(shape.slice(axis + 1)) };
}

/** Calls `visit` for each line with a function from positions on it to row-major indices. */
export function eachLine(
  { outer, length, inner }: Lines,
  visit: (at: (i: number) => number, line: number) => void,
): void {
  for (let line = 0; line < outer * inner; line++) {
    const start = Math.floor(line / inner) * length * inner + line % inner;
    visit((i) => start + i * inner, line);
  }
}

/** Calls `visit` for each position of a shape in row-major order. The array is the same each time. */
export function eachPosition(
  shape: readonly number[],
  visit: (position: readonly number[], index: number) => void,
): void {
  const position = new Array<number>(shape.length).fill(0);
  const size = sizeOf(shape);
  for (let index = 0; index < size; index++) {
    visit(position, index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++position[axis]! < shape[axis]!) break;
      position[axis] = 0;
    }
  }
}

/** The row-major index of a position. */
export function indexOf(position: readonly number[], strides: readonly number[]): number {
  let index = 0;
  for (let axis = 0; axis < strides.length; axis++) index += position[axis]! * strides[axis]!;
  return index;
}
