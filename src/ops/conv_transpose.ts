/** ConvTranspose, DeformConv and Col2Im: convolutions that spread, bend or come apart. @module */
import { type KnownType, sizeOf, type TensorType } from "../tensor/tensor.ts";
import { convolutionOf, spreadsOf, spreadSums } from "./_convolution.ts";
import { eachPosition, indexOf } from "./_nd.ts";
import { requireType } from "./_pointwise.ts";
import { stridesOf } from "../tensor/tensor.ts";
import { slidesOf } from "./_pooling.ts";
import { knownNumbers, numberOf, type Op, type OpFactory, required } from "./op.ts";

/** ConvTranspose: what each input gives to the outputs around it. */
export const convTranspose: OpFactory = (attributes): Op => {
  const groups = numberOf(attributes, "group", 1);
  const shapeOf = (x: KnownType, w: KnownType): number[] => {
    requireType("ConvTranspose", x, ["f32"]);
    if (x.shape.length < 3 || w.shape.length !== x.shape.length || w.shape[0] !== x.shape[1]) {
      throw new RangeError(`ConvTranspose cannot spread [${x.shape}] by weights [${w.shape}]`);
    }
    const sizes = spreadsOf(attributes, x.shape, w.shape).map(({ output }) => output);
    return [x.shape[0]!, w.shape[1]! * groups, ...sizes];
  };
  return {
    infer: ([x, w]) => [{ dtype: "f32", shape: shapeOf(required(x, "X"), required(w, "W")) }],
    reference: ([input, weights, bias]) => {
      const [x, w] = [required(input, "X"), required(weights, "W")];
      const shape = shapeOf(x, w);
      const spreads = spreadsOf(attributes, x.shape, w.shape);
      const sums = spreadSums([x.shape, w.shape, shape], groups, spreads, x.data, w.data);
      const plane = sizeOf(shape.slice(2));
      const at = (i: number): number => Math.floor(i / plane) % shape[1]!;
      return [{ dtype: "f32", shape, data: Float32Array.from(sums, (sum, i) => sum + (bias?.data[at(i)] ?? 0)) }];
    },
    macs: ([x, w]) => sizeOf(required(x, "X").shape) * sizeOf(required(w, "W").shape.slice(1)),
  };
};

/** The value of an image of one channel between its pixels; 0 outside. */
function between(image: (y: number, x: number) => number, y: number, x: number): number {
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const [down, right] = [y - top, x - left];
  return (1 - down) * ((1 - right) * image(top, left) + right * image(top, left + 1)) +
    down * ((1 - right) * image(top + 1, left) + right * image(top + 1, left + 1));
}

/** DeformConv: a convolution of 2-D images whose taps are moved by offsets, and weighted by a mask. */
export const deformConv: OpFactory = (attributes): Op => {
  const parts = numberOf(attributes, "offset_group", 1);
  const plan = (x: KnownType, w: KnownType) => {
    if (x.shape.length !== 4) throw new TypeError(`DeformConv takes 2-D images: the input has shape [${x.shape}]`);
    return convolutionOf("DeformConv", attributes, x.shape, w.shape);
  };
  return {
    infer: ([x, w]): TensorType[] => [{ dtype: "f32", shape: plan(required(x, "X"), required(w, "W")).y }],
    reference: ([input, weights, moved, bias, mask]) => {
      const [x, w, offsets] = [required(input, "X"), required(weights, "W"), required(moved, "offset")];
      const { y: shape, groups, slides: [rows, columns] } = plan(x, w);
      const [, channels, height, width] = x.shape as [number, number, number, number];
      const [outputs, inputs, kernelY, kernelX] = w.shape as [number, number, number, number];
      const [, , outY, outX] = shape as [number, number, number, number];
      const taps = kernelY * kernelX;
      const out = new Float32Array(sizeOf(shape));
      eachPosition(shape, ([n, m, oy, ox], i) => {
        let sum = bias ? bias.data[m!]! : 0;
        for (let c = 0; c < inputs; c++) {
          const channel = Math.floor(m! / (outputs / groups)) * inputs + c;
          const part = Math.floor(channel / (channels / parts));
          const pixel = (py: number, px: number): number =>
            py < 0 || py >= height || px < 0 || px >= width
              ? 0
              : x.data[((n! * channels + channel) * height + py) * width + px]!;
          for (let tap = 0; tap < taps; tap++) {
            const field = (plane: number): number => (plane * outY + oy!) * outX + ox!;
            const offset = (axis: number): number =>
              offsets.data[field((n! * parts + part) * 2 * taps + 2 * tap + axis)]!;
            const py = oy! * rows!.stride - rows!.pad + Math.floor(tap / kernelX) * rows!.dilation + offset(0);
            const px = ox! * columns!.stride - columns!.pad + tap % kernelX * columns!.dilation + offset(1);
            const share = mask ? mask.data[field((n! * parts + part) * taps + tap)]! : 1;
            sum += share * between(pixel, py, px) * w.data[(m! * inputs + c) * taps + tap]!;
          }
        }
        out[i] = sum;
      });
      return [{ dtype: "f32", shape, data: out }];
    },
  };
};

/** Col2Im: an image from blocks that are its columns, added where they overlap. */
export const col2Im: OpFactory = (attributes): Op => {
  const plan = ({ shape }: KnownType, image: KnownType | null | undefined, block: KnownType | null | undefined) => {
    const [sizes, kernel] = [knownNumbers(image, "image_shape"), knownNumbers(block, "block_shape")];
    const channels = shape[1]! / sizeOf(kernel);
    const slides = slidesOf(new Map([...attributes, ["kernel_shape", kernel]]), [1, 1, ...sizes]);
    return { kernel, slides, shape: [shape[0]!, channels, ...sizes] };
  };
  return {
    infer: ([x, image, block]) => {
      const { dtype, shape } = required(x, "input");
      return [{ dtype, shape: plan({ dtype, shape }, image, block).shape }];
    },
    reference: ([input, image, block]) => {
      const x = required(input, "input");
      const { kernel, slides, shape } = plan(x, image, block);
      const out = new Float32Array(sizeOf(shape));
      const strides = stridesOf(shape);
      const walk = [shape[0]!, shape[1]!, ...kernel, ...slides.map(({ output }) => output)];
      eachPosition(walk, ([n, c, ...rest], i) => {
        const places = slides.map(({ stride, pad, dilation }, axis) =>
          rest[axis + kernel.length]! * stride - pad + rest[axis]! * dilation
        );
        if (places.some((place, axis) => place < 0 || place >= shape[axis + 2]!)) return;
        out[indexOf([n!, c!, ...places], strides)]! += x.data[i]!;
      });
      return [{ dtype: x.dtype, shape, data: out }];
    },
  };
};
