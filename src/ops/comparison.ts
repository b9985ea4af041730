/** Comparisons, logic and choice. @module */
import { broadcastShapes, type DType, type KnownType, type TensorType } from "../tensor/tensor.ts";
import { mapBroadcast, NUMBERS, requireType, unary } from "./_pointwise.ts";
import { type Op, type OpFactory, required } from "./op.ts";

function binary(name: string, types: readonly DType[], apply: (a: number, b: number) => boolean): OpFactory {
  const typeOf = (a: KnownType, b: KnownType): TensorType => {
    requireType(name, a, types);
    if (a.dtype !== b.dtype) {
      throw new TypeError(`${name} takes inputs of one type: current types are ${a.dtype} and ${b.dtype}`);
    }
    return { dtype: "bool", shape: broadcastShapes(a.shape, b.shape) };
  };
  return (): Op => ({
    infer: ([a, b]) => [typeOf(required(a, "A"), required(b, "B"))],
    reference: ([a, b]) => [
      mapBroadcast([required(a, "A"), required(b, "B")], "bool", ([x, y]) => Number(apply(x!, y!))),
    ],
  });
}

/** `a = b`. */
export const equal: OpFactory = binary("Equal", [...NUMBERS, "bool"], (a, b) => a === b);
/** `a < b`. */
export const less: OpFactory = binary("Less", NUMBERS, (a, b) => a < b);
/** `a <= b`. */
export const lessOrEqual: OpFactory = binary("LessOrEqual", NUMBERS, (a, b) => a <= b);
/** `a > b`. */
export const greater: OpFactory = binary("Greater", NUMBERS, (a, b) => a > b);
/** `a >= b`. */
export const greaterOrEqual: OpFactory = binary("GreaterOrEqual", NUMBERS, (a, b) => a >= b);
/** Whether both are true. */
export const and: OpFactory = binary("And", ["bool"], (a, b) => a !== 0 && b !== 0);
/** Whether at least one is true. */
export const or: OpFactory = binary("Or", ["bool"], (a, b) => a !== 0 || b !== 0);
/** Whether just one is true. */
export const xor: OpFactory = binary("Xor", ["bool"], (a, b) => (a !== 0) !== (b !== 0));
/** Whether it is false. */
export const not: OpFactory = (): Op => unary("Not", ["bool"], (x) => Number(x === 0), null);

/** The element of the second input where the first is true, else that of the third. */
export const where: OpFactory = (): Op => ({
  infer: ([condition, first, second]) => {
    const [c, x, y] = [required(condition, "condition"), required(first, "X"), required(second, "Y")];
    requireType('Where "condition"', c, ["bool"]);
    if (x.dtype !== y.dtype) {
      throw new TypeError(`Where takes inputs of one type: current types are ${x.dtype} and ${y.dtype}`);
    }
    return [{ dtype: x.dtype, shape: broadcastShapes(c.shape, x.shape, y.shape) }];
  },
  reference: ([condition, first, second]) => {
    const [c, x, y] = [required(condition, "condition"), required(first, "X"), required(second, "Y")];
    return [mapBroadcast([c, x, y], x.dtype, ([chosen, a, b]) => chosen ? a! : b!)];
  },
});
