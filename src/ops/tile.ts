/** Operators that repeat, rearrange or mask elements in a fixed pattern. @module */
import { allocate, type KnownType, sizeOf, stridesOf, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { eachPosition, indexOf } from "./_nd.ts";
import { knownNumbers, numberOf, type Op, type OpFactory, required, stringOf } from "./op.ts";

/**
 * An operator whose output elements each are one of input 0.
 *
 * @param shapeOf The shape of the output.
 * @param source The position in the input for a position in the output; `null` for 0.
 */
function picking(
  shapeOf: (x: KnownType, inputs: readonly (KnownType | null)[]) => readonly number[],
  source: (
    position: readonly number[],
    x: Tensor,
    inputs: readonly (Tensor | null)[],
  ) => readonly number[] | null,
): Op {
  const typeOf = (inputs: readonly (KnownType | null)[]): TensorType => {
    const x = required(inputs[0], "input");
    return { dtype: x.dtype, shape: shapeOf(x, inputs) };
  };
  return {
    infer: (inputs) => [typeOf(inputs)],
    reference: (inputs) => {
      const x = required(inputs[0], "input");
      const { dtype, shape } = typeOf(inputs);
      const strides = stridesOf(x.shape);
      const data = allocate(dtype, sizeOf(shape));
      eachPosition(shape, (position, i) => {
        const from = source(position, x, inputs);
        if (from) data[i] = x.data[indexOf(from, strides)]!;
      });
      return [{ dtype, shape, data }];
    },
  };
}

/** Tile: each axis repeated as often as the second input says. */
export const tile: OpFactory = (): Op =>
  picking(
    ({ shape }, [, repeats]) => {
      const counts = knownNumbers(repeats, "repeats");
      if (counts.length !== shape.length) {
        throw new RangeError(`Tile needs ${shape.length} "repeats": current value is [${counts}]`);
      }
      return shape.map((dim, axis) => dim * counts[axis]!);
    },
    (position, { shape }) => position.map((i, axis) => i % shape[axis]!),
  );

function imageShape(name: string, { shape }: KnownType): [number, number, number, number] {
  if (shape.length !== 4) throw new RangeError(`${name} takes [N, C, H, W]: the input has shape [${shape}]`);
  return shape as unknown as [number, number, number, number];
}

/** DepthToSpace: channels become blocks of the image. */
export const depthToSpace: OpFactory = (attributes): Op => {
  const block = numberOf(attributes, "blocksize", 1);
  const mode = stringOf(attributes, "mode", "DCR");
  if (mode !== "DCR" && mode !== "CRD") {
    throw new TypeError(`DepthToSpace "mode" must be DCR or CRD: current value is "${mode}"`);
  }
  return picking(
    (x) => {
      const [n, c, h, w] = imageShape("DepthToSpace", x);
      return [n, c / block ** 2, h * block, w * block];
    },
    ([n, c, y, x], { shape }) => {
      const place = (y! % block) * block + x! % block;
      const channel = mode === "DCR" ? place * (shape[1]! / block ** 2) + c! : c! * block ** 2 + place;
      return [n!, channel, Math.floor(y! / block), Math.floor(x! / block)];
    },
  );
};

/** SpaceToDepth: blocks of the image become channels. */
export const spaceToDepth: OpFactory = (attributes): Op => {
  const block = numberOf(attributes, "blocksize", 1);
  return picking(
    (x) => {
      const [n, c, h, w] = imageShape("SpaceToDepth", x);
      return [n, c * block ** 2, h / block, w / block];
    },
    ([n, c, y, x], { shape }) => {
      const place = Math.floor(c! / shape[1]!);
      return [n!, c! % shape[1]!, y! * block + Math.floor(place / block), x! * block + place % block];
    },
  );
};

/** Trilu: the upper or lower triangle of matrices, zero elsewhere. */
export const trilu: OpFactory = (attributes): Op => {
  const upper = numberOf(attributes, "upper", 1) !== 0;
  return picking(({ shape }) => shape, (position, _, [, k]) => {
    const [row, column] = position.slice(-2) as [number, number];
    const beyond = column - row - (k?.data[0] ?? 0);
    return (upper ? beyond >= 0 : beyond <= 0) ? position : null;
  });
};

/** ReverseSequence: the first elements of each batch, as many as the second input says, in reverse. */
export const reverseSequence: OpFactory = (attributes): Op => {
  const [time, batch] = [numberOf(attributes, "time_axis", 0), numberOf(attributes, "batch_axis", 1)];
  return picking(({ shape }) => shape, (position, _, [, lengths]) => {
    const length = required(lengths, "sequence_lens").data[position[batch]!]!;
    return position[time]! < length ? position.with(time, length - 1 - position[time]!) : position;
  });
};

/** CenterCropPad: each axis cut or padded alike at both ends, to the sizes that the second input gives. */
export const centerCropPad: OpFactory = (attributes): Op => {
  const axes = attributes.get("axes") as readonly number[] | undefined;
  const sizesOf = ({ shape }: KnownType, wanted: KnownType | null | undefined): readonly number[] => {
    const sizes = [...shape];
    knownNumbers(wanted, "shape").forEach((size, i) => {
      const axis = axes?.[i] ?? i;
      sizes[axis < 0 ? axis + shape.length : axis] = size;
    });
    return sizes;
  };
  return picking((x, [, wanted]) => sizesOf(x, wanted), (position, x, [, wanted]) => {
    const sizes = sizesOf(x, wanted);
    const from = position.map((i, axis) => {
      const [own, size] = [x.shape[axis]!, sizes[axis]!];
      return own >= size ? i + Math.floor((own - size) / 2) : i - Math.floor((size - own) / 2);
    });
    return from.every((i, axis) => i >= 0 && i < x.shape[axis]!) ? from : null;
  });
};
