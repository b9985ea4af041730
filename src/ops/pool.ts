/** Pooling over windows, and over whole images. @module */
import type { Attributes } from "../graph/graph.ts";
import { foldGrid, type Launch, type Operand, uniform } from "../gpu/launch.ts";
import { physicalOf } from "../gpu/layout.ts";
import { allocate, type KnownType, sizeOf, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { type Slide, slidesOf } from "./_pooling.ts";
import { numberOf, type Op, type OpFactory, required } from "./op.ts";
import { reduction } from "./reduce.ts";

/** What is made of the elements of a window. */
type Pooling = "max" | "mean" | "mean of padded";

/** MaxPool, with its first output. */
export const maxPool: OpFactory = (attributes): Op => pooling(attributes, "max");

/** AveragePool. */
export const averagePool: OpFactory = (attributes): Op =>
  pooling(attributes, numberOf(attributes, "count_include_pad", 0) === 0 ? "mean" : "mean of padded");

/** GlobalAveragePool. */
export const globalAveragePool: OpFactory = (): Op => global("mean");

/** GlobalMaxPool. */
export const globalMaxPool: OpFactory = (): Op => global("max");

function global(kind: "mean" | "max"): Op {
  return reduction(kind, ([x]) => ({ axes: imageAxes(required(x, "X").shape), keep: true }));
}

function imageAxes(shape: readonly number[]): number[] {
  if (shape.length < 3) throw new RangeError(`Pooling needs images: the input has shape [${shape}]`);
  return shape.map((_, axis) => axis).slice(2);
}

function pooling(attributes: Attributes, kind: Pooling): Op {
  return {
    infer: ([x]) => [typeOf(attributes, kind, required(x, "X"))],
    reference: ([x]) => [pool(attributes, kind, required(x, "X"))],
    layouts: () => ({ inputs: ["nhwc"], outputs: ["nhwc"] }),
    lower: ([x], [y]) => [launch(slidesOf(attributes, required(x, "X").shape), kind, required(x, "X"), y!)],
  };
}

function typeOf(attributes: Attributes, kind: Pooling, { dtype, shape }: KnownType): TensorType {
  const types = kind === "max" ? ["f32", "i8", "u8"] : ["f32"];
  if (!types.includes(dtype)) {
    throw new TypeError(`Pooling (${kind}) takes ${types.join(", ")}: current type is ${dtype}`);
  }
  return { dtype, shape: [...shape.slice(0, 2), ...slidesOf(attributes, shape).map(({ output }) => output)] };
}

function pool(attributes: Attributes, kind: Pooling, x: Tensor): Tensor {
  const { dtype, shape } = typeOf(attributes, kind, x);
  const [rows, columns] = twoAxes(slidesOf(attributes, x.shape));
  const data = allocate(dtype, sizeOf(shape));
  const plane = rows.input * columns.input;
  for (let i = 0; i < data.length; i++) {
    const ox = i % columns.output;
    const oy = Math.floor(i / columns.output) % rows.output;
    const first = Math.floor(i / columns.output / rows.output) * plane;
    const values: number[] = [];
    let counted = 0;
    for (const iy of taps(rows, oy)) {
      for (const ix of taps(columns, ox)) {
        if (iy < rows.padded && ix < columns.padded) counted++;
        if (iy < 0 || iy >= rows.input || ix < 0 || ix >= columns.input) continue;
        values.push(x.data[first + iy * columns.input + ix]!);
      }
    }
    const sum = values.reduce((a, b) => a + b, 0);
    data[i] = kind === "max" ? Math.max(...values) : sum / (kind === "mean" ? values.length : counted);
  }
  return { dtype, shape, data };
}

/** The positions that the taps of a window read. */
function taps({ kernel, stride, dilation, pad }: Slide, output: number): number[] {
  return Array.from({ length: kernel }, (_, tap) => output * stride - pad + tap * dilation);
}

/** Rows and columns; a 1-D image is one row. */
function twoAxes(slides: readonly Slide[]): readonly [Slide, Slide] {
  const row: Slide = { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0, padded: 1 };
  return slides.length === 1 ? [row, slides[0]!] : [slides[0]!, slides[1]!];
}

function launch(slides: readonly Slide[], kind: Pooling, x: Operand, y: Operand): Launch {
  const [rows, columns] = twoAxes(slides);
  const integer = x.dtype !== "f32";
  const blocks = physicalOf(x, "nhwc").sizes.at(-1)! / (integer ? 16 : 4);
  const count = physicalOf(y, "nhwc").length / (integer ? 16 : 4);
  const pair = (name: keyof Slide): readonly number[] => [columns[name], rows[name]];
  return {
    shader: integer ? "max_pool_8" : "pool_f32",
    constants: integer ? {} : { MODE: { "max": 0, "mean": 1, "mean of padded": 2 }[kind] },
    bindings: [{ input: 0 }, { output: 0 }],
    params: uniform(
      ["u32", count, blocks, ...pair("input"), ...pair("output"), ...pair("kernel")],
      ["u32", ...pair("stride"), ...pair("pad"), ...pair("dilation")],
      ...(integer ? [] : [["u32", ...pair("padded")], ["f32", kind === "max" ? -Infinity : 0]] as const),
    ),
    workgroups: foldGrid(Math.ceil(count / 64)),
  };
}
