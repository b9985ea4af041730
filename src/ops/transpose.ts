/** Operators that reorder or repeat axes. @module */
import { broadcastShapes, normalizeAxis } from "../tensor/tensor.ts";
import { movement } from "./_movement.ts";
import { same } from "./_strided.ts";
import { knownNumbers, numbersOf, type Op, type OpFactory, required } from "./op.ts";

/** Transpose. */
export const transpose: OpFactory = (attributes): Op =>
  movement(([x]) => {
    const { shape } = required(x, "data");
    const perm = numbersOf(attributes, "perm") ?? shape.map((_, axis) => axis).reverse();
    const axes = perm.map((axis) => normalizeAxis(axis, shape.length));
    if (axes.length !== shape.length || new Set(axes).size !== axes.length) {
      throw new RangeError(`Transpose "perm" must name each axis of [${shape}] once: current value is [${perm}]`);
    }
    const out = axes.map((axis) => shape[axis]!);
    return [{ shape: out, placements: axes.map((axis, i) => same(axis, out[i]!)), fill: 0 }];
  }, false);

/** Expand. */
export const expand: OpFactory = (): Op =>
  movement(([x, to]) => {
    const { shape } = required(x, "input");
    const out = broadcastShapes(shape, knownNumbers(to, "shape"));
    const placements = out.map((size, i) => {
      const axis = i - out.length + shape.length;
      return { ...same(axis, size), axis: axis < 0 || shape[axis] === 1 ? null : axis };
    });
    return [{ shape: out, placements, fill: 0 }];
  }, false);
