/** What the runtime needs to know of an ONNX operator. @module */
import type { Attributes } from "../graph/graph.ts";
import type { Launch, Operand } from "../gpu/launch.ts";
import type { Layout } from "../gpu/layout.ts";
import type { KnownType, Tensor, TensorType } from "../tensor/tensor.ts";
import type { Moved } from "./_movement.ts";
import type { Pointwise, Program } from "./pointwise.ts";
import type { View } from "./view.ts";

/** The layouts that an operator wants its inputs in and leaves its outputs in. */
export interface Layouts {
  /** One for each input; the entry of an input that is left out or packed by the operator is not used. */
  readonly inputs: readonly Layout[];
  /** One for each output. */
  readonly outputs: readonly Layout[];
}

/** An ONNX operator whose attributes are already bound. Inputs that are left out are `null`. */
export interface Op {
  /**
   * Types of the outputs. Inputs whose elements are known carry them in `data` (the shape of a Reshape, say).
   *
   * @throws {TypeError} Where the input types are not supported.
   * @throws {RangeError} Where the shapes do not fit, or elements that must be known are not.
   */
  infer(inputs: readonly (KnownType | null)[]): TensorType[];
  /** The definition of the operator: obviously correct, never fast. */
  reference(inputs: readonly (Tensor | null)[]): Tensor[];
  /** Multiplications that each come with an addition, whether they meet padding or not. Absent where they tell nothing. */
  macs?(inputs: readonly (KnownType | null)[], outputs: readonly TensorType[]): number;
  /** Set where the output holds the elements of input 0 in the same row-major order, so that nothing is computed. */
  readonly view?: true;
  /** Where the elements of each output lie in input 0, for operators that only move elements; `null` where they compute. */
  moves?(inputs: readonly (KnownType | null)[]): readonly Moved[] | null;
  /** The operator as a program on single elements, where it is one; `null` where these inputs do not allow it. */
  pointwise?(inputs: readonly (KnownType | null)[]): Pointwise | null;
  /** For Conv, MatMul and Gemm: whether their kernel for these inputs can run a {@linkcode Continuation}. */
  continues?(inputs: readonly (KnownType | null)[]): boolean;
  /**
   * The operator with its f32 result quantized by the same kernel, where there is one for that; `null` where these inputs do
   * not allow it.
   */
  quantized?(inputs: readonly (KnownType | null)[], quantization: Quantization): QuantizedOp | null;
  /** Layouts wanted, given the present ones; everything plain where it is missing. */
  layouts?(inputs: readonly (Operand | null)[], outputs: readonly TensorType[]): Layouts;
  /** The launches that compute it on a GPU, as data. Absent where `view` or `pointwise` says enough. */
  lower?(inputs: readonly (Operand | null)[], outputs: readonly Operand[], target: Target): Launch[];
  /** As `lower`, where output 0 lies in the place of input 1 and takes its elements over. */
  lowerUpdate?(inputs: readonly (Operand | null)[], outputs: readonly Operand[], target: Target): Launch[];
  /**
   * As `lower`, for computed inputs that lie as views say instead of in the layouts wanted.
   *
   * @param views One for each input; `null` for a constant or one that is left out.
   * @returns `null` where the kernels cannot read them so.
   */
  lowerViews?(
    inputs: readonly (Operand | null)[],
    views: readonly (View | null)[],
    outputs: readonly Operand[],
    target: Target,
  ): Launch[] | null;
}

/** What makes i8 of f32: `clamp(round(x / scale) + zero, -128, 127)`. */
export interface Quantization {
  /** What an integer stands for. */
  readonly scale: number;
  /** The integer that stands for 0. */
  readonly zero: number;
}

/** An operator that quantizes its result. */
export interface QuantizedOp {
  /** The operator: its last output is i8. */
  readonly op: Op;
  /** Whether the f32 result is an output too, the first. */
  readonly keeps: boolean;
}

/** What an operator may know of the device that it is lowered for. */
export interface Target {
  /** Invocations that run in step, hence the width of a workgroup: 8 on CPU adapters, 64 on GPUs. */
  readonly lanes: 8 | 64;
  /**
   * Which variant of a kernel to take.
   *
   * @param key The kernel and the shape that it is wanted for.
   * @param variants The names of the variants, the one that should be fastest first.
   * @returns The index of one of them.
   */
  readonly choose?: (key: string, variants: readonly string[]) => number;
}

/** What a linear operator (Conv, MatMul, Gemm) does with its sums before it stores them. */
export interface Epilogue {
  /** Bounds of an f32 result: a fused Relu or Clip. */
  readonly clamp?: readonly [low: number, high: number];
  /** What the sums of an f32 product of two computed matrices are multiplied by, before the bias is added. */
  readonly scale?: number;
  /** Set where a MatMul swaps axes -3 and -2 of its result, as attention joins its heads. */
  readonly joinsHeads?: true;
  /** Present where the inputs are i8: x and weights i8, bias i32 at scale `x * weights`, sums in i32. */
  readonly integer?: IntegerEpilogue;
  /** What is done with the result thereafter. */
  readonly then?: Continuation;
}

/** A pointwise program that a linear operator runs on its results. */
export interface Continuation {
  /** Input 0 is the result; input 1, where there is one, the operator's input 3, of the shape of the result. */
  readonly program: Program;
  /** The type of what it gives. */
  readonly dtype: "f32" | "i8";
}

/** From i32 sums to results. */
export interface IntegerEpilogue {
  /** Zero point of the first input, as i8. */
  readonly xZero: number;
  /** Zero point of the second input, as i8. Other than 0 only where it is not a constant. */
  readonly wZero: number;
  /** What an i32 sum is multiplied by: one number, or one for each output channel. */
  readonly multiplier: Float32Array;
  /** Zero point and bounds of an i8 result, or `null` for an f32 result. */
  readonly out: { readonly zero: number; readonly low: number; readonly high: number } | null;
}

/**
 * Binds the attributes of a node.
 *
 * @param attributes As given in the file.
 * @param opset Version of the operator set.
 * @param epilogue Set by the planner on Conv, MatMul and Gemm; other operators take none.
 * @throws {TypeError} Where an attribute has a value that is not supported; the message names both.
 */
export type OpFactory = (attributes: Attributes, opset: number, epilogue?: Epilogue) => Op;

/** An attribute that is a number. */
export function numberOf(attributes: Attributes, name: string, otherwise: number): number {
  const value = attributes.get(name);
  return typeof value === "number" ? value : otherwise;
}

/** An attribute that is a string. */
export function stringOf(attributes: Attributes, name: string, otherwise: string): string {
  const value = attributes.get(name);
  return typeof value === "string" ? value : otherwise;
}

/** An attribute that is a list of numbers, or `null` where the node has none. */
export function numbersOf(attributes: Attributes, name: string): readonly number[] | null {
  const value = attributes.get(name);
  return Array.isArray(value) ? value as number[] : null;
}

/** Elements that must be known when a model is prepared, and are not: they are computed from the data. */
export class UnknownElementsError extends RangeError {
  /** Tells it from other errors. */
  override readonly name = "UnknownElementsError";
  /** The input that they are those of. */
  readonly input: KnownType;

  /** An error that names an input by what it is for the operator. */
  constructor(input: KnownType, what: string) {
    super(`"${what}" must be known before the model runs: it is computed from the data`);
    this.input = input;
  }
}

/**
 * The elements of an input that must be known when the model is prepared.
 *
 * @throws {TypeError} Where it is left out.
 * @throws {UnknownElementsError} Where they are not known.
 */
export function knownNumbers(input: KnownType | null | undefined, what: string): number[] {
  return Array.from(knownTensor(input, what).data);
}

/** As {@linkcode knownNumbers}, the whole tensor. */
export function knownTensor(input: KnownType | null | undefined, what: string): Tensor {
  const given = required(input, what);
  if (!given.data) throw new UnknownElementsError(given, what);
  return given as Tensor;
}

/** An input that the operator cannot do without. */
export function required<T>(input: T | null | undefined, what: string): T {
  if (input === null || input === undefined) throw new TypeError(`Input "${what}" is missing`);
  return input;
}
