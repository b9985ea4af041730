/** Tensors that follow from a few numbers: OneHot, EyeLike, windows, and the grid of an affine map. @module */
import type { Attributes } from "../graph/graph.ts";
import { allocate, type KnownType, sizeOf, type Tensor, tensor, type TensorType } from "../tensor/tensor.ts";
import { dtypeNamed } from "./cast.ts";
import { eachLine, linesOf } from "./_nd.ts";
import { fromKnown } from "./selection.ts";
import { knownNumbers, numberOf, type Op, type OpFactory, required } from "./op.ts";

/** OneHot: along a new axis, the second value where the index says, the first elsewhere. */
export const oneHot: OpFactory = (attributes): Op => {
  const typeOf = (indices: KnownType, depth: KnownType | null | undefined, values: KnownType): TensorType => {
    const axis = axisOf(indices);
    const size = Math.trunc(knownNumbers(depth, "depth")[0]!);
    return { dtype: values.dtype, shape: indices.shape.toSpliced(axis, 0, size) };
  };
  const axisOf = ({ shape }: TensorType): number => {
    const axis = numberOf(attributes, "axis", -1);
    return axis < 0 ? axis + shape.length + 1 : axis;
  };
  return {
    infer: ([indices, depth, values]) => [typeOf(required(indices, "indices"), depth, required(values, "values"))],
    reference: ([given, depth, range]) => {
      const [indices, values] = [required(given, "indices"), required(range, "values")];
      const { dtype, shape } = typeOf(indices, depth, values);
      const axis = axisOf(indices);
      const data = allocate(dtype, sizeOf(shape)).fill(values.data[0]!);
      const lines = linesOf(shape, axis);
      eachLine(lines, (at, line) => {
        const index = indices.data[line]! < 0 ? indices.data[line]! + lines.length : indices.data[line]!;
        if (index >= 0 && index < lines.length) data[at(index)] = values.data[1]!;
      });
      return [{ dtype, shape, data }];
    },
  };
};

/** EyeLike: ones on a diagonal of a matrix of the shape of the input. */
export const eyeLike: OpFactory = (attributes): Op => {
  const code = attributes.get("dtype");
  return fromKnown(([input]) => {
    const x = required(input, "input");
    const dtype = code === undefined ? x.dtype : dtypeNamed("EyeLike", "dtype", code);
    const data = allocate(dtype, sizeOf(x.shape));
    const [rows, columns] = x.shape as [number, number];
    for (let row = 0; row < rows; row++) {
      const column = row + numberOf(attributes, "k", 0);
      if (column >= 0 && column < columns) data[row * columns + column] = 1;
    }
    return [{ dtype, shape: x.shape, data }];
  });
};

/** A window `a0 - a1 cos(2 pi i / n) + a2 cos(4 pi i / n)`. */
function window(name: string, [a0, a1, a2]: readonly [number, number, number], attributes: Attributes): Op {
  const dtype = dtypeNamed(name, "output_datatype", numberOf(attributes, "output_datatype", 1));
  const periodic = numberOf(attributes, "periodic", 1) !== 0;
  return fromKnown(([size]): Tensor[] => {
    const length = knownNumbers(size, "size")[0]!;
    const turns = periodic ? length : length - 1;
    const values = Array.from({ length }, (_, i) => {
      const angle = 2 * Math.PI * i / turns;
      return a0 - a1 * Math.cos(angle) + a2 * Math.cos(2 * angle);
    });
    return [tensor(dtype, [length], values)];
  });
}

/** HannWindow. */
export const hannWindow: OpFactory = (attributes): Op => window("HannWindow", [0.5, 0.5, 0], attributes);
/** HammingWindow, with ONNX's coefficients 25/46 and 21/46. */
export const hammingWindow: OpFactory = (attributes): Op => window("HammingWindow", [25 / 46, 21 / 46, 0], attributes);
/** BlackmanWindow. */
export const blackmanWindow: OpFactory = (attributes): Op => window("BlackmanWindow", [0.42, 0.5, 0.08], attributes);

/** AffineGrid: where an affine map of each batch takes the points of an image. */
export const affineGrid: OpFactory = (attributes): Op => {
  const aligned = numberOf(attributes, "align_corners", 0) !== 0;
  const sizesOf = (size: KnownType | null | undefined): number[] => knownNumbers(size, "size");
  return {
    infer: ([theta, size]) => {
      const [batch, , ...image] = sizesOf(size);
      return [{ dtype: required(theta, "theta").dtype, shape: [batch!, ...image, image.length] }];
    },
    reference: ([given, size]) => {
      const theta = required(given, "theta");
      const [batch, , ...image] = sizesOf(size);
      const axes = image.length;
      const shape = [batch!, ...image, axes];
      const out = new Float32Array(sizeOf(shape));
      const points = sizeOf(image);
      for (let i = 0; i < batch! * points; i++) {
        let rest = i % points;
        const place = new Array<number>(axes + 1).fill(1);
        for (let axis = axes - 1; axis >= 0; axis--) {
          const dim = image[axis]!;
          const step = rest % dim;
          place[axes - 1 - axis] = aligned ? (dim > 1 ? 2 * step / (dim - 1) - 1 : 0) : (2 * step + 1) / dim - 1;
          rest = Math.floor(rest / dim);
        }
        const map = Math.floor(i / points) * axes * (axes + 1);
        for (let row = 0; row < axes; row++) {
          out[i * axes + row] = place.reduce((sum, p, k) => sum + p * theta.data[map + row * (axes + 1) + k]!, 0);
        }
      }
      return [{ dtype: theta.dtype, shape, data: out }];
    },
  };
};
