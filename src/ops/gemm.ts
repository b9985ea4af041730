/** General matrix product. @module */
import { allocate, broadcastShapes, type KnownType, sizeOf, type Tensor, type TensorData } from "../tensor/tensor.ts";
import { withContinuation } from "./_continuation.ts";
import { denseLaunch } from "./_dense.ts";
import { blocksOf, checkTypes, constantOf, finisher, outputBlocks, refuseWeightZero, resultType } from "./_linear.ts";
import type { Bias, Weights } from "./_packing.ts";
import { denseSteps, productLaunch } from "./_product.ts";
import { rowsWindow } from "./_window.ts";
import { numberOf, type Op, type OpFactory, required } from "./op.ts";

/** The shapes of a Gemm: `[rows, inner] x [inner, columns]`, after the transpositions. */
interface Sizes {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/**
 * `alpha * A' . B' + beta * C`, in f32 or (with alpha and beta 1) in integers.
 *
 * On a GPU C must be constant and the same in each row.
 */
export const gemm: OpFactory = (attributes, _opset, epilogue = {}): Op => {
  const alpha = numberOf(attributes, "alpha", 1);
  const beta = numberOf(attributes, "beta", 1);
  const transA = numberOf(attributes, "transA", 0) !== 0;
  const transB = numberOf(attributes, "transB", 0) !== 0;
  if (epilogue.integer && (alpha !== 1 || beta !== 1)) {
    throw new TypeError(`Gemm of integers needs "alpha" and "beta" 1: current values are ${alpha} and ${beta}`);
  }
  const prepare = <T extends KnownType>(inputs: readonly (T | null)[]) => {
    const [a, b, c] = [required(inputs[0], "A"), required(inputs[1], "B"), inputs[2] ?? null];
    const sizes = sizesOf(a.shape, b.shape, { transA, transB });
    checkTypes("Gemm", [a, b, c], sizes.columns, epilogue);
    const shape = [sizes.rows, sizes.columns];
    if (c && (c.shape.length > 2 || `${broadcastShapes(shape, c.shape)}` !== `${shape}`)) {
      throw new RangeError(`Gemm needs a C that broadcasts to [${shape}]: current shape is [${c.shape}]`);
    }
    return { a, b, c, sizes, shape };
  };
  const dtype = resultType(epilogue);
  const op: Op = {
    infer(inputs) {
      return [{ dtype, shape: prepare(inputs).shape }];
    },

    reference(inputs) {
      const { a, b, c, sizes, shape } = prepare(inputs);
      const { rows, inner, columns } = sizes;
      const { xZero = 0, wZero = 0 } = epilogue.integer ?? {};
      const finish = finisher(epilogue);
      const data = allocate(dtype, rows * columns);
      for (let m = 0; m < rows; m++) {
        for (let n = 0; n < columns; n++) {
          let sum = 0;
          for (let k = 0; k < inner; k++) {
            const x = a.data[transA ? k * rows + m : m * inner + k]!;
            const w = b.data[transB ? n * inner + k : k * columns + n]!;
            sum += (x - xZero) * (w - wZero);
          }
          data[m * columns + n] = finish(alpha * sum + (c ? beta * elementOf(c, m, n) : 0), n);
        }
      }
      return [{ dtype, shape, data }];
    },

    macs: (inputs, [output]) => sizeOf(output!.shape) * prepare(inputs).sizes.inner,

    layouts: ([, b]) => ({
      inputs: [transA ? "cols" : "rows", b?.data ? "plain" : transB ? "rows" : "cols", "plain"],
      outputs: ["rows"],
    }),

    lower(inputs, [output], target) {
      const { b, c, sizes } = prepare(inputs);
      const { rows, inner, columns } = sizes;
      const bias = biasOf(c, columns, beta);
      if (sizeOf(output!.shape) === 0) return [];
      if (!b.data) {
        if (alpha !== 1) {
          throw new TypeError(`Gemm runs on a GPU with "alpha" ${alpha} only if B is constant: it is computed`);
        }
        const product = { batch: [], leftBatch: [], rightBatch: [], rows, inner, columns };
        const blocks = blocksOf(inner, epilogue.integer !== undefined);
        return [productLaunch(product, {
          left: { input: 0, steps: denseSteps([], rows, blocks) },
          right: { input: 1, steps: denseSteps([], columns, blocks) },
          y: denseSteps([], rows, outputBlocks(columns, epilogue)),
          bias,
          epilogue,
          target,
        })];
      }
      refuseWeightZero("Gemm", epilogue);
      const weights: Weights = {
        data: b.data,
        outputs: columns,
        inputs: inner,
        taps: 1,
        strides: transB ? [inner, 1, 0] : [1, columns, 0],
        scale: alpha,
      };
      const options = { epilogue, target, other: inputs[3] ?? null };
      return [denseLaunch(rowsWindow(rows, inner, columns), weights, bias, options)];
    },

    continues: ([, b]) => b?.data !== undefined,
  };
  return withContinuation(op, epilogue);
};

function sizesOf(
  a: readonly number[],
  b: readonly number[],
  { transA, transB }: { transA: boolean; transB: boolean },
): Sizes {
  if (a.length !== 2 || b.length !== 2) {
    throw new RangeError(`Gemm takes two matrices: the shapes are [${a}] and [${b}]`);
  }
  const [rows, inner] = transA ? [a[1]!, a[0]!] : [a[0]!, a[1]!];
  const [innerB, columns] = transB ? [b[1]!, b[0]!] : [b[0]!, b[1]!];
  if (inner !== innerB) throw new RangeError(`Gemm needs inner sizes that agree: the shapes are [${a}] and [${b}]`);
  return { rows, inner, columns };
}

/** The element of C, broadcast to the result, in row `m` and column `n`. */
function elementOf({ shape, data }: Tensor, m: number, n: number): number {
  const width = shape.at(-1) ?? 1;
  const height = shape.at(-2) ?? 1;
  return data[(height === 1 ? 0 : m) * width + (width === 1 ? 0 : n)]!;
}

/** C as a bias of the columns. */
function biasOf(c: KnownType | null, columns: number, scale: number): Bias | null {
  if (!c) return null;
  const data: TensorData = constantOf("Gemm", "C", c);
  if (data.length !== 1 && data.length !== columns || (c.shape.at(-1) ?? 1) !== data.length) {
    throw new TypeError(`Gemm runs on a GPU with a C of shape [${columns}]: current shape is [${c.shape}]`);
  }
  return { data, scale };
}
