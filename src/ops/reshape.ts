/** Operators that give the same elements another shape, or none at all. @module */
import type { Attributes } from "../graph/graph.ts";
import { type KnownType, normalizeAxis, sizeOf } from "../tensor/tensor.ts";
import { knownNumbers, numberOf, numbersOf, type Op, type OpFactory, required } from "./op.ts";

/** Reshape. */
export const reshape: OpFactory = (attributes): Op =>
  view(({ shape }, [, target]) => {
    const keepsZero = numberOf(attributes, "allowzero", 0) !== 0;
    const wanted = knownNumbers(target, "shape").map((dim, axis) => dim === 0 && !keepsZero ? shape[axis] ?? 0 : dim);
    const size = sizeOf(shape);
    const given = sizeOf(wanted.filter((dim) => dim !== -1));
    return wanted.map((dim) => dim !== -1 ? dim : given === 0 ? 0 : Math.floor(size / given));
  });

/** Flatten. */
export const flatten: OpFactory = (attributes): Op =>
  view(({ shape }) => {
    const axis = numberOf(attributes, "axis", 1);
    const front = axis === shape.length ? axis : normalizeAxis(axis, shape.length);
    return [sizeOf(shape.slice(0, front)), sizeOf(shape.slice(front))];
  });

/** Squeeze: axes from the attribute before operator set 13, from an input since. */
export const squeeze: OpFactory = (attributes): Op =>
  view(({ shape }, inputs) => {
    const axes = axesOf(attributes, inputs)?.map((axis) => normalizeAxis(axis, shape.length));
    const wrong = axes?.find((axis) => shape[axis] !== 1);
    if (wrong !== undefined) throw new RangeError(`Squeeze takes axes of size 1: axis ${wrong} of [${shape}] is not`);
    return shape.filter((dim, axis) => axes ? !axes.includes(axis) : dim !== 1);
  });

/** Unsqueeze: axes from the attribute before operator set 13, from an input since. */
export const unsqueeze: OpFactory = (attributes): Op =>
  view(({ shape }, inputs) => {
    const given = axesOf(attributes, inputs);
    if (!given) throw new TypeError('Unsqueeze needs "axes"');
    const rank = shape.length + given.length;
    const axes = new Set(given.map((axis) => normalizeAxis(axis, rank)));
    if (axes.size !== given.length) throw new RangeError(`Unsqueeze "axes" must differ: current value is [${given}]`);
    let next = 0;
    return Array.from({ length: rank }, (_, axis) => axes.has(axis) ? 1 : shape[next++]!);
  });

/** Identity. */
export const identity: OpFactory = (): Op => view(({ shape }) => shape);

/** Dropout in inference, or of nothing; its mask, which is then all true, has no kernel. */
export const dropout: OpFactory = (attributes): Op => {
  const op = view(({ shape }, [, ratio, training]) => {
    const trains = training && knownNumbers(training, "training_mode")[0] !== 0;
    if (trains && (!ratio || knownNumbers(ratio, "ratio")[0] !== 0)) {
      throw new TypeError('Dropout "training_mode" must be false, or "ratio" 0: other masks are random');
    }
    return shape;
  });
  if (numberOf(attributes, "num_outputs", 1) < 2) return op;
  return {
    infer: (inputs) => [...op.infer(inputs), { dtype: "bool", shape: required(inputs[0], "data").shape }],
    reference: (inputs) => {
      const { shape, data } = required(inputs[0], "data");
      return [...op.reference(inputs), { dtype: "bool", shape, data: new Uint8Array(data.length).fill(1) }];
    },
  };
};

function axesOf(attributes: Attributes, [, axes]: readonly (KnownType | null)[]): readonly number[] | null {
  return numbersOf(attributes, "axes") ?? (axes ? knownNumbers(axes, "axes") : null);
}

/** An operator whose output has the elements of input 0 in the shape that `shapeOf` gives. */
function view(shapeOf: (x: KnownType, inputs: readonly (KnownType | null)[]) => readonly number[]): Op {
  const shapeFor = (inputs: readonly (KnownType | null)[]): readonly number[] => {
    const x = required(inputs[0], "data");
    const shape = shapeOf(x, inputs);
    if (sizeOf(shape) !== sizeOf(x.shape)) throw new RangeError(`Cannot reshape [${x.shape}] to [${shape}]`);
    return shape;
  };
  return {
    view: true,
    infer: (inputs) => [{ dtype: required(inputs[0], "data").dtype, shape: shapeFor(inputs) }],
    reference: (inputs) => {
      const { dtype, data } = required(inputs[0], "data");
      return [{ dtype, shape: shapeFor(inputs), data }];
    },
  };
}
