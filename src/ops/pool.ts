/** Pooling over windows, and over whole images. @module */
import type { Attributes } from "../graph/graph.ts";
import { foldGrid, type Launch, type Operand, uniform } from "../gpu/launch.ts";
import { physicalOf } from "../gpu/layout.ts";
import {
  allocate,
  type DType,
  type KnownType,
  sizeOf,
  stridesOf,
  type Tensor,
  type TensorType,
} from "../tensor/tensor.ts";
import { eachPosition, indexOf } from "./_nd.ts";
import { NUMBERS } from "./_pointwise.ts";
import { type Slide, slidesOf } from "./_pooling.ts";
import { knownNumbers, numberOf, numbersOf, type Op, type OpFactory, required } from "./op.ts";
import { reduction } from "./reduce.ts";

/** What is made of the elements of a window. */
type Pooling = "max" | "mean" | "mean of padded" | "norm";

/** MaxPool; its second output, the index of each element, has no kernel. */
export const maxPool: OpFactory = (attributes): Op => {
  const op = pooling(attributes, "max");
  if (numberOf(attributes, "num_outputs", 1) < 2) return op;
  return {
    infer: ([x]) => {
      const [type] = op.infer([required(x, "X")]);
      return [type!, { dtype: "i64", shape: type!.shape }];
    },
    reference: ([x]) => maxima(attributes, required(x, "X")),
  };
};

/** AveragePool. */
export const averagePool: OpFactory = (attributes): Op =>
  pooling(attributes, numberOf(attributes, "count_include_pad", 0) === 0 ? "mean" : "mean of padded");

/** LpPool: the p-norm of each window. */
export const lpPool: OpFactory = (attributes): Op => {
  const { infer, reference } = pooling(attributes, "norm");
  return { infer, reference };
};

/** GlobalLpPool: the p-norm of each image. */
export const globalLpPool: OpFactory = (attributes): Op => {
  const p = numberOf(attributes, "p", 2);
  return {
    infer: ([x]) => {
      const { dtype, shape } = required(x, "X");
      return [{ dtype, shape: shape.map((dim, axis) => axis < 2 ? dim : 1) }];
    },
    reference: ([x]) => {
      const { dtype, shape, data } = required(x, "X");
      const run = sizeOf(shape.slice(2));
      const norms = Float32Array.from({ length: data.length / run }, (_, i) => {
        return norm(Array.from(data.subarray(i * run, (i + 1) * run)), p);
      });
      return [{ dtype, shape: shape.map((dim, axis) => axis < 2 ? dim : 1), data: norms }];
    },
  };
};

/** MaxUnpool: elements put back where the indices of a MaxPool say, zero elsewhere. */
export const maxUnpool: OpFactory = (attributes): Op => {
  const shapeOf = ({ shape }: KnownType, wanted: KnownType | null | undefined): number[] => {
    if (wanted) return knownNumbers(wanted, "output_shape");
    const kernel = numbersOf(attributes, "kernel_shape") ?? [];
    const strides = numbersOf(attributes, "strides") ?? kernel.map(() => 1);
    const pads = numbersOf(attributes, "pads") ?? [...kernel, ...kernel].map(() => 0);
    return shape.map((dim, axis) => {
      const i = axis - 2;
      return i < 0 ? dim : (dim - 1) * strides[i]! + kernel[i]! - pads[i]! - pads[i + kernel.length]!;
    });
  };
  return {
    infer: ([x, , shape]) => [{ dtype: required(x, "X").dtype, shape: shapeOf(required(x, "X"), shape) }],
    reference: ([input, given, wanted]) => {
      const [x, indices] = [required(input, "X"), required(given, "I")];
      const shape = shapeOf(x, wanted);
      const own = shapeOf(x, null);
      const data = allocate(x.dtype, sizeOf(shape));
      const strides = stridesOf(own);
      x.data.forEach((value, i) => {
        const position = strides.map((stride, axis) => Math.floor(indices.data[i]! / stride) % own[axis]!);
        data[indexOf(position, stridesOf(shape))] = value;
      });
      return [{ dtype: x.dtype, shape, data }];
    },
  };
};

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
    lower: ([x], [y]) => {
      const own = required(x, "X");
      if (!["f32", "i8", "u8"].includes(own.dtype)) throw new TypeError(`Pooling has no kernel for ${own.dtype}`);
      return [launch(slidesOf(attributes, own.shape), kind, own, y!)];
    },
  };
}

function typeOf(attributes: Attributes, kind: Pooling, { dtype, shape }: KnownType): TensorType {
  const types: readonly DType[] = kind === "max" ? NUMBERS : ["f32"];
  if (!types.includes(dtype)) {
    throw new TypeError(`Pooling (${kind}) takes ${types.join(", ")}: current type is ${dtype}`);
  }
  return { dtype, shape: [...shape.slice(0, 2), ...slidesOf(attributes, shape).map(({ output }) => output)] };
}

function pool(attributes: Attributes, kind: Pooling, x: Tensor): Tensor {
  const { dtype, shape } = typeOf(attributes, kind, x);
  const slides = slidesOf(attributes, x.shape);
  const p = numberOf(attributes, "p", 2);
  const data = allocate(dtype, sizeOf(shape));
  const plane = sizeOf(x.shape.slice(2));
  eachPosition(shape, (position, i) => {
    const first = (position[0]! * shape[1]! + position[1]!) * plane;
    const window = slides.map((slide, axis) => taps(slide, position[axis + 2]!));
    const values = inside(window, slides).map((at) => x.data[first + at]!);
    const sum = values.reduce((a, b) => a + b, 0);
    const counted = window.reduce((count, own, axis) => count * own.filter((t) => t < slides[axis]!.padded).length, 1);
    data[i] = kind === "max"
      ? Math.max(...values)
      : kind === "norm"
      ? norm(values, p)
      : sum / (kind === "mean" ? values.length : counted);
  });
  return { dtype, shape, data };
}

function norm(values: readonly number[], p: number): number {
  return values.reduce((sum, value) => sum + Math.abs(value) ** p, 0) ** (1 / p);
}

/** The greatest element of each window, and its index in the whole input. */
function maxima(attributes: Attributes, x: Tensor): Tensor[] {
  const { dtype, shape } = typeOf(attributes, "max", x);
  const slides = slidesOf(attributes, x.shape);
  const byColumns = numberOf(attributes, "storage_order", 0) !== 0;
  const [values, indices] = [allocate(dtype, sizeOf(shape)), allocate("i64", sizeOf(shape))];
  const sizes = x.shape.slice(2);
  const plane = sizeOf(sizes);
  eachPosition(shape, (position, i) => {
    const first = (position[0]! * shape[1]! + position[1]!) * plane;
    const window = slides.map((slide, axis) => taps(slide, position[axis + 2]!));
    const all = inside(window, slides);
    const best = all.reduce((a, b) => x.data[first + b]! > x.data[first + a]! ? b : a);
    values[i] = x.data[first + best]!;
    indices[i] = first + (byColumns ? turned(best, sizes) : best);
  });
  return [{ dtype, shape, data: values }, { dtype: "i64", shape, data: indices }];
}

/** The index of an element where the first axis is the innermost one. */
function turned(index: number, sizes: readonly number[]): number {
  const strides = stridesOf(sizes);
  const position = strides.map((stride, axis) => Math.floor(index / stride) % sizes[axis]!);
  return indexOf(position.toReversed(), stridesOf(sizes.toReversed()));
}

/** The positions that the taps of a window read. */
function taps({ kernel, stride, dilation, pad }: Slide, output: number): number[] {
  return Array.from({ length: kernel }, (_, tap) => output * stride - pad + tap * dilation);
}

/** The indices in an image of the positions of a window that lie inside of it. */
function inside(window: readonly (readonly number[])[], slides: readonly Slide[]): number[] {
  return window.reduce<number[]>((found, positions, axis) => {
    const { input } = slides[axis]!;
    const own = positions.filter((position) => position >= 0 && position < input);
    return found.flatMap((at) => own.map((position) => at * input + position));
  }, [0]);
}

/** Rows and columns; a 1-D image is one row. */
function twoAxes(slides: readonly Slide[]): readonly [Slide, Slide] {
  if (slides.length > 2) throw new TypeError(`Pooling runs on a GPU over 1 or 2 axes: there are ${slides.length}`);
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
    constants: integer ? {} : { MODE: { "max": 0, "mean": 1, "mean of padded": 2, "norm": NaN }[kind] },
    bindings: [{ input: 0 }, { output: 0 }],
    params: uniform(
      ["u32", count, blocks, ...pair("input"), ...pair("output"), ...pair("kernel")],
      ["u32", ...pair("stride"), ...pair("pad"), ...pair("dilation")],
      ...(integer ? [] : [["u32", ...pair("padded")], ["f32", kind === "max" ? -Infinity : 0]] as const),
    ),
    workgroups: foldGrid(Math.ceil(count / 64)),
  };
}
