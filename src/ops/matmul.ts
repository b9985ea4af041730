/** Matrix product. @module */
import type { Launch, Operand } from "../gpu/launch.ts";
import { allocate, type KnownType, sizeOf, stridesOf, type Tensor, type TensorData } from "../tensor/tensor.ts";
import { withContinuation } from "./_continuation.ts";
import { denseLaunch } from "./_dense.ts";
import { checkTypes, constantOf, finisher, refuseWeightZero, resultType } from "./_linear.ts";
import type { Bias } from "./_packing.ts";
import {
  batchSteps,
  type Product,
  productLaunch,
  productOf,
  type ProductOptions,
  type Steps,
  stepsOf,
} from "./_product.ts";
import { rowsWindow } from "./_window.ts";
import { type Epilogue, type Op, type OpFactory, required } from "./op.ts";
import { reshapedView, type View, viewOf } from "./view.ts";

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
    return { a, b, bias, product, shape: epilogue.joinsHeads ? swapHeads(shape) : shape };
  };
  const dtype = resultType(epilogue);
  const op: Op = {
    infer(inputs) {
      return [{ dtype, shape: prepare(inputs).shape }];
    },

    reference(inputs) {
      const { a, b, bias, product, shape } = prepare(inputs);
      const data = multiply(product, [a, b, bias], epilogue);
      return [{ dtype, shape, data: epilogue.joinsHeads ? joinHeads(data, product) : data }];
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
      return [launch([viewOf(a, a.layout), viewOf(b, b.layout)], product, output!, { bias, epilogue, target })!];
    },

    lowerViews(inputs, [left, right], [output], target) {
      const { bias: given, product } = prepare(inputs);
      if (!left || !right || sizeOf(output!.shape) === 0) return null;
      const bias: Bias | null = given && { data: constantOf("MatMul", "bias", given), scale: 1 };
      const own = launch([left, right], product, output!, { bias, epilogue, target });
      return own && [own];
    },

    continues: ([a, b]) => a!.shape.length > 1 && isMatrix(b),
  };
  return withContinuation(op, epilogue);
};

/** The launch for operands that lie anywhere, or `null` where their vectors are not whole blocks. */
function launch(
  [a, b]: readonly [View, View],
  product: Product,
  output: Operand,
  { bias, epilogue, target }: Pick<ProductOptions, "bias" | "epilogue" | "target">,
): Launch | null {
  const block = epilogue.integer ? 16 : 4;
  const vector = b.shape.length === 1;
  const left = stepsOf(a.shape.length === 1 ? reshapedView(a, [1, ...a.shape])! : a, -1, block);
  const right = stepsOf(vector ? reshapedView(b, [1, ...b.shape])! : b, vector ? -1 : -2, block) ??
    (epilogue.integer ? null : inRows(stepsOf(b, -1, block, false)));
  if (!left || !right) return null;
  const sides = [{ input: 0, steps: left }, { input: 1, steps: right }] as const;
  const [own, first, second] = vector ? [transposed(product), sides[1], sides[0]] : [product, ...sides];
  const view = viewOf(output, "rows");
  const matrices = epilogue.joinsHeads
    ? { ...view, shape: swapHeads(view.shape), strides: swapHeads(view.strides) }
    : reshapedView(view, [...own.batch, own.rows, own.columns])!;
  return productLaunch(own, {
    left: first,
    right: second,
    y: stepsOf(matrices, -1, 4, false)!,
    bias,
    epilogue: vector ? swapped(epilogue) : epilogue,
    target,
  });
}

function inRows(steps: Steps | null): Steps | null {
  return steps && { ...steps, rows: true };
}

/** The numbers of axes -3 and -2 swapped. */
function swapHeads(axes: readonly number[]): number[] {
  const [heads, rows, columns] = axes.slice(-3) as [number, number, number];
  return [...axes.slice(0, -3), rows, heads, columns];
}

/** The elements of a product with its axes -3 and -2 swapped. */
function joinHeads(data: TensorData, { batch, rows, columns }: Product): TensorData {
  const heads = batch.at(-1)!;
  const out = data.slice();
  for (let row = 0; row < data.length / columns; row++) {
    const [outer, head, m] = [Math.floor(row / rows / heads), Math.floor(row / rows) % heads, row % rows];
    const to = ((outer * rows + m) * heads + head) * columns;
    out.set(data.subarray(row * columns, (row + 1) * columns), to);
  }
  return out;
}

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
  const { batch, leftBatch, rightBatch, rows, inner, columns } = product;
  const { scale = 1, integer: { xZero = 0, wZero = 0 } = {} } = epilogue;
  const finish = finisher(epilogue);
  const steps = [leftBatch, rightBatch].map((own) => batchSteps(batch, own, stridesOf(own)));
  const matrices = sizeOf(batch);
  const y = allocate(resultType(epilogue), matrices * rows * columns);
  for (let matrix = 0; matrix < matrices; matrix++) {
    let [rest, left, right] = [matrix, 0, 0];
    for (let axis = batch.length - 1; axis >= 0; axis--) {
      left += rest % batch[axis]! * steps[0]![axis]! * rows * inner;
      right += rest % batch[axis]! * steps[1]![axis]! * inner * columns;
      rest = Math.floor(rest / batch[axis]!);
    }
    for (let m = 0; m < rows; m++) {
      for (let n = 0; n < columns; n++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          sum += (a.data[left + m * inner + k]! - xZero) * (b.data[right + k * columns + n]! - wZero);
        }
        y[(matrix * rows + m) * columns + n] = finish(sum * scale + (bias ? bias.data[n]! : 0), n);
      }
    }
  }
  return y;
}
