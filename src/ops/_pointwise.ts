/** What the pointwise operators share. @module */
import {
  allocate,
  broadcastShapes,
  type DType,
  isReal,
  type KnownType,
  sizeOf,
  type Tensor,
} from "../tensor/tensor.ts";
import { type Op, required } from "./op.ts";
import type { Instruction, Pointwise, Program } from "./pointwise.ts";

/** Whole numbers. */
export const INTEGERS: readonly DType[] = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"];
/** Numbers. */
export const NUMBERS: readonly DType[] = ["f32", ...INTEGERS];
/** Numbers that may be negative. */
export const SIGNED: readonly DType[] = ["f32", "i8", "i16", "i32", "i64"];

/** Applies a function to the elements of tensors that are broadcast together. */
export function mapBroadcast(
  inputs: readonly Tensor[],
  dtype: DType,
  apply: (values: readonly number[]) => number,
): Tensor {
  const shape = broadcastShapes(...inputs.map((input) => input.shape));
  const strides = inputs.map((input) => broadcastStrides(input.shape, shape));
  const data = allocate(dtype, sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  const at = inputs.map(() => 0);
  const values = inputs.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    inputs.forEach((input, k) => values[k] = input.data[at[k]!]!);
    data[i] = plainZero(dtype, apply(values));
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const wraps = ++index[axis]! === shape[axis];
      strides.forEach((own, k) => at[k]! += own[axis]! * (wraps ? 1 - shape[axis]! : 1));
      if (!wraps) break;
      index[axis] = 0;
    }
  }
  return { dtype, shape, data };
}

/** A result as its type holds it: integers, which i64 keeps in doubles, have no negative zero. */
export function plainZero(dtype: DType, value: number): number {
  return isReal(dtype) ? value : value + 0;
}

function broadcastStrides(own: readonly number[], shape: readonly number[]): number[] {
  let stride = 1;
  const strides = new Array<number>(shape.length).fill(0);
  for (let axis = shape.length - 1; axis >= shape.length - own.length; axis--) {
    const size = own[axis - shape.length + own.length]!;
    if (size !== 1) strides[axis] = stride;
    stride *= size;
  }
  return strides;
}

/**
 * The element of a constant f32 scalar that a program can hold as an immediate number, or `null`.
 *
 * A scalar of a higher rank than the other inputs is an operand all the same, as it raises the rank of the output.
 */
export function immediateOf(input: KnownType | null | undefined, others: readonly KnownType[]): number | null {
  if (!input?.data || input.dtype !== "f32" || input.data.length !== 1) return null;
  return others.some((other) => other.shape.length >= input.shape.length) ? input.data[0]! : null;
}

/** A program over one input, each instruction reading the result of the one before. */
export function chain(...instructions: readonly Omit<Instruction, "args">[]): Program {
  return { inputs: 1, instructions: instructions.map((instruction, i) => ({ ...instruction, args: [i] })) };
}

/** A program that runs on input 0 alone. */
export function onFirst(program: Program): Pointwise {
  return { operands: [0], program };
}

/** Refuses element types that an operator is not defined for. */
export function requireType(op: string, input: KnownType, types: readonly DType[]): void {
  if (!types.includes(input.dtype)) {
    throw new TypeError(`${op} takes ${types.join(", ")}: current type is ${input.dtype}`);
  }
}

/** An operator with one input and an output of the same type and shape, and its program on f32 where it has one. */
export function unary(
  name: string,
  types: readonly DType[],
  apply: (x: number) => number,
  program: Program | null,
): Op {
  return {
    infer: ([x]) => {
      const { dtype, shape } = required(x, "X");
      requireType(name, { dtype, shape }, types);
      return [{ dtype, shape }];
    },
    reference: ([x]) => {
      const { dtype, shape, data } = required(x, "X");
      const y = allocate(dtype, data.length);
      for (let i = 0; i < y.length; i++) y[i] = plainZero(dtype, apply(data[i]!));
      return [{ dtype, shape, data: y }];
    },
    pointwise: ([x]) => x?.dtype === "f32" && program ? onFirst(program) : null,
  };
}
