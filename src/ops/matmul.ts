/** Matrix product. @module */
import { allocate, type KnownType, sizeOf, type Tensor, type TensorData } from "../tensor/tensor.ts";
import { withContinuation } from "./_continuation.ts";
import { denseLaunch } from "./_dense.ts";
import { checkTypes, constantOf, finisher, refuseWeightZero, resultType } from "./_linear.ts";
import type { Bias } from "./_packing.ts";
import { batchSteps, type Product, productLaunch, productOf } from "./_product.ts";
import { rowsWindow } from "./_window.ts";
import { type Epilogue, type Op, type OpFactory, required } from "./op.ts";

/**
 * Matrix product with the broadcasting of numpy, in f32 or integers.
 *
 * Takes a third input that ONNX does not know: a bias for each column, which must be constant on a GPU.
 */
export const matMul: OpFactory = (_attributes, _opset, epilogue = {}): Op => {
  const prepare = <T extends KnownType>(inputs: readonly (T | null)[]) => {
    const [a, b, bias] = [required(inputs[0], "A"), required(inputs[1], "B"), inputs[2] ?? null];
    const product = productOf(a.shape, b.shape);
    checkTypes("MatMul", [a, b, bias], product.columns, epilogue);
    if (bias && sizeOf(bias.shape) !== product.columns) {
      throw new RangeError(`MatMul needs a bias of shape [${product.columns}]: current shape is [${bias.shape}]`);
    }
    const shape = [
      ...product.batch,
      ...(a.shape.length === 1 ? [] : [product.rows]),
      ...(b.shape.length === 1 ? [] : [product.columns]),
    ];
    return { a, b, bias, product, shape };
  };
  const dtype = resultType(epilogue);
  const op: Op = {
    infer(inputs) {
      return [{ dtype, shape: prepare(inputs).shape }];
    },

    reference(inputs) {
      const { a, b, bias, product, shape } = prepare(inputs);
      return [{ dtype, shape, data: multiply(product, [a, b, bias], epilogue) }];
    },

    macs: (inputs, [output]) => sizeOf(output!.shape) * prepare(inputs).product.inner,

    layouts: ([, b]) => {
      if (isMatrix(b)) return { inputs: ["rows", "plain", "plain"], outputs: ["rows"] };
      return { inputs: ["rows", "cols", "plain"], outputs: ["rows"] };
    },

    lower(inputs, [output], target) {
      const { a, b, bias: given, product } = prepare(inputs);
      const bias: Bias | null = given && { data: constantOf("MatMul", "bias", given), scale: 1 };
      if (sizeOf(output!.shape) === 0) return [];
      const { inner, columns } = product;
      if (isMatrix(b)) {
        refuseWeightZero("MatMul", epilogue);
        const window = rowsWindow(sizeOf(a.shape) / inner, inner, columns);
        const weights = {
          data: b.data,
          outputs: columns,
          inputs: inner,
          taps: 1,
          strides: [1, columns, 0],
          scale: 1,
        } as const;
        return [denseLaunch(window, weights, bias, { epilogue, target, other: inputs[3] ?? null })];
      }
      if (b.shape.length > 1) return [productLaunch(product, { left: 0, right: 1, bias, epilogue, target })];
      return [productLaunch(transposed(product), { left: 1, right: 0, bias, epilogue: swapped(epilogue), target })];
    },

    continues: ([a, b]) => a!.shape.length > 1 && isMatrix(b),
  };
  return withContinuation(op, epilogue);
};

/** Whether an operand is a constant matrix, which the dense kernel packs. */
function isMatrix<T extends KnownType>(operand: T | null | undefined): operand is T & { readonly data: TensorData } {
  return operand?.data !== undefined && operand.shape.length === 2;
}

/** The product whose result is the transpose: what was one column is one row, so that results lie side by side. */
function transposed({ batch, leftBatch, rightBatch, rows, inner, columns }: Product): Product {
  return { batch, leftBatch: rightBatch, rightBatch: leftBatch, rows: columns, inner, columns: rows };
}

function swapped(epilogue: Epilogue): Epilogue {
  const { integer } = epilogue;
  return integer ? { ...epilogue, integer: { ...integer, xZero: integer.wZero, wZero: integer.xZero } } : epilogue;
}

/** The definition: `A . B + bias`, one element at a time. */
function multiply(
  product: Product,
  [a, b, bias]: readonly [Tensor, Tensor, Tensor | null],
  epilogue: Epilogue,
): TensorData {
  const { batch, rows, inner, columns } = product;
  const { xZero = 0, wZero = 0 } = epilogue.integer ?? {};
  const finish = finisher(epilogue);
  const axes = batchSteps(product);
  const matrices = sizeOf(batch);
  const y = allocate(resultType(epilogue), matrices * rows * columns);
  for (let matrix = 0; matrix < matrices; matrix++) {
    let [rest, left, right] = [matrix, 0, 0];
    for (const axis of axes.toReversed()) {
      left += rest % axis.size * axis.left * rows * inner;
      right += rest % axis.size * axis.right * inner * columns;
      rest = Math.floor(rest / axis.size);
    }
    for (let m = 0; m < rows; m++) {
      for (let n = 0; n < columns; n++) {
        let sum = bias ? bias.data[n]! : 0;
        for (let k = 0; k < inner; k++) {
          sum += (a.data[left + m * inner + k]! - xZero) * (b.data[right + k * columns + n]! - wZero);
        }
        y[(matrix * rows + m) * columns + n] = finish(sum, n);
      }
    }
  }
  return y;
}
