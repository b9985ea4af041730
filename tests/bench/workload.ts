/** What the bench runs. */
import { type Tensor, tensor } from "../../mod.ts";

/** `[rows, inner]` times a constant `[inner, columns]`, plus a bias where it has one. */
export interface Product {
  readonly op: "product";
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly bias: boolean;
}

/** A convolution of stride 1 with a bias, from `[batch, inputs, size, size]` to `[batch, outputs, size, size]`. */
export interface Convolution {
  readonly op: "convolution";
  readonly batch: number;
  readonly size: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  /** Each channel by itself. */
  readonly depthwise: boolean;
}

/** The numbers of an operator: weight `[inner, columns]` or `[outputs, inputs or 1, kernel, kernel]`, and bias. */
export interface Weights {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
}

/** An operator and its numbers. */
export type Operator = (Product | Convolution) & { readonly weights: Weights };

/** An FP32 model with one input, and data for it. */
export interface Subject {
  /** The ONNX file. */
  readonly bytes: Uint8Array;
  /** Name of the input. */
  readonly input: string;
  /** What is timed. */
  readonly x: Tensor;
  /** What the ranges of INT8 are taken from. */
  readonly calibration: readonly Tensor[];
  /**
   * Number of classes that the last axis of the output scores; `null` where it does not. INT8 results are then compared by
   * their top classes, else by their signal-to-noise ratio.
   */
  readonly classes: number | null;
  /** The operator that the model consists of, where it is one. */
  readonly operator?: Operator;
}

/** A subject that is made when its turn comes. */
export interface Workload {
  /** Short, without spaces: what `--only` takes. */
  readonly name: string;
  /** A whole model or a single operator. */
  readonly kind: "model" | "operator";
  /** Shape of what is run, or its origin. */
  readonly about: string;
  /** Reads or makes it. */
  load(): Subject | Promise<Subject>;
}

/** Tensors of one shape as one, with a new first axis. */
export function stack(items: readonly Tensor[]): Tensor {
  const data = new Float32Array(items.reduce((size, { data }) => size + data.length, 0));
  items.forEach((item, i) => data.set(item.data, i * item.data.length));
  return tensor("f32", [items.length, ...items[0]!.shape], data);
}
