/** Copies whose positions come from tables of indices. @module */
import { type Binding, foldGrid, type Launch, uniform } from "../gpu/launch.ts";
import { elementSize } from "../gpu/layout.ts";
import type { DType } from "../tensor/tensor.ts";

/** A tensor [outer, rows, columns, inner] of which rows and columns are picked by index. Steps are in elements. */
export interface IndexedCopy {
  /** The type of the elements. */
  readonly dtype: DType;
  /** Indices of the outermost axis. */
  readonly outer: number;
  /** Rows of the input and of the output. */
  readonly rows: readonly [input: number, output: number];
  /** Columns of the input and of the output; `null` where there is only one. */
  readonly columns: readonly [input: number, output: number] | null;
  /** Elements that lie together, with padding. */
  readonly inner: number;
  /** The indices as i32: those of rows, then those of columns. */
  readonly table: Binding;
}

/** The launch of an indexed copy from input 0 to output 0. */
export function indexedLaunch({ dtype, outer, rows, columns, inner, table }: IndexedCopy): Launch {
  const [columnsIn, columnsOut] = columns ?? [1, 1];
  let bytes = elementSize(dtype) as number;
  let unit = 1;
  while (bytes < 16 && inner % (unit * 4) === 0) [bytes, unit] = [bytes * 4, unit * 4];
  const own = inner / unit;
  const size = outer * rows[1] * columnsOut * own;
  const count = bytes === 1 ? Math.ceil(size / 4) : size;
  return {
    shader: bytes === 1 ? "gather_8" : bytes === 4 ? "gather_32" : "gather_128",
    constants: { TABLES: columns ? 2 : 1 },
    bindings: [{ input: 0 }, table, { output: 0 }],
    params: uniform(
      ["u32", count, own, rows[1], columnsOut],
      ["u32", rows[0] * columnsIn * own, columnsIn * own, own],
      ["i32", rows[0]],
    ),
    workgroups: foldGrid(Math.ceil(count / 64)),
  };
}
