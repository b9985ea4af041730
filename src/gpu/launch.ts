/** Kernel launches as data: what to run, not how. @module */
import type { KnownType } from "../tensor/tensor.ts";
import type { Layout } from "./layout.ts";
import type { ShaderName } from "./shaders.ts";

/** An input or output of an operator as a kernel sees it. */
export interface Operand extends KnownType {
  /** How it lies in memory. */
  readonly layout: Layout;
}

/** Constant data in the form that one kernel wants. */
export interface Packed {
  /** The tensor (or other object) that it is made from. With `key` it identifies the data: what is packed once serves every plan. */
  readonly source: object;
  /** Tells apart the forms that one source is packed in. */
  readonly key: string;
  /** Makes the data; called when no copy is on the device yet. */
  readonly pack: () =>
    | Float32Array<ArrayBuffer>
    | Int32Array<ArrayBuffer>
    | Int8Array<ArrayBuffer>
    | Uint32Array<ArrayBuffer>;
}

/** What is bound at one binding of a kernel. */
export type Binding =
  | { readonly input: number }
  | { readonly output: number }
  | { readonly packed: Packed };

/** One dispatch of one kernel. */
export interface Launch {
  /** The kernel: the file name in shaders/ without its ending. */
  readonly shader: ShaderName;
  /** Values for `const NAME: u32 = ...;` lines of the shader; part of the pipeline's identity. */
  readonly constants: Readonly<Record<string, number>>;
  /** What is bound at 0, 1, 2, ... of group 0. The uniform `params`, where there is one, comes right after them. */
  readonly bindings: readonly Binding[];
  /** The bytes of the uniform `params`, or `null`. */
  readonly params: ArrayBuffer | null;
  /** Size of the grid, in workgroups. */
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** The key of the choice between variants of the kernel that shaped it, where there was one. */
  readonly tuned?: string;
}

/** Builds the bytes of a uniform of 32-bit scalars, padded to whole blocks of 16 bytes. */
export function uniform(...fields: readonly (readonly ["u32" | "i32" | "f32", ...number[]])[]): ArrayBuffer {
  const count = fields.reduce((sum, [, ...values]) => sum + values.length, 0);
  const buffer = new ArrayBuffer(Math.ceil(count / 4) * 16);
  const view = new DataView(buffer);
  let offset = 0;
  for (const [type, ...values] of fields) {
    for (const value of values) {
      if (type === "f32") view.setFloat32(offset, value, true);
      else if (type === "i32") view.setInt32(offset, value, true);
      else view.setUint32(offset, value, true);
      offset += 4;
    }
  }
  return buffer;
}

/** WebGPU's limit on workgroups in each dimension of a grid. */
const MAX_GRID = 65535;

/** A grid of at least `count` workgroups, folded into y where x is too small; kernels count x + y * width. */
export function foldGrid(count: number): [x: number, y: number, z: number] {
  if (count <= MAX_GRID) return [Math.max(1, count), 1, 1];
  const rows = Math.ceil(count / MAX_GRID);
  return [Math.ceil(count / rows), rows, 1];
}
