/** Every supported ONNX operator, by `op_type`. @module */
import {
  abs,
  clip,
  erf,
  exp,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  neg,
  reciprocal,
  relu,
  sigmoid,
  sqrt,
  tanh,
} from "./activation.ts";
import { add, div, max, min, mul, pow, sub } from "./arithmetic.ts";
import { batchNormalization } from "./batch_normalization.ts";
import { cast, castLike } from "./cast.ts";
import { concat } from "./concat.ts";
import { constant, constantOfShape, range } from "./constant.ts";
import { conditional, loop, scan } from "./control.ts";
import { conv } from "./conv.ts";
import { gather } from "./gather.ts";
import { gemm } from "./gemm.ts";
import { layerNormalization } from "./layer_normalization.ts";
import { matMul } from "./matmul.ts";
import type { OpFactory } from "./op.ts";
import { pad } from "./pad.ts";
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from "./pool.ts";
import { dequantizeLinear, quantizeLinear } from "./quantize_linear.ts";
import { reduceMax, reduceMean, reduceMin, reduceProd, reduceSum } from "./reduce.ts";
import { dropout, flatten, identity, reshape, squeeze, unsqueeze } from "./reshape.ts";
import { resize, upsample } from "./resize.ts";
import { shape } from "./shape.ts";
import { slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { split } from "./split.ts";
import { expand, transpose } from "./transpose.ts";

/** ONNX `op_type` to operator. Add an operator by adding a line. */
export const OPS: Readonly<Record<string, OpFactory>> = {
  Conv: conv,
  Gemm: gemm,
  MatMul: matMul,
  Abs: abs,
  Add: add,
  BatchNormalization: batchNormalization,
  Cast: cast,
  CastLike: castLike,
  Clip: clip,
  DequantizeLinear: dequantizeLinear,
  Div: div,
  Erf: erf,
  Exp: exp,
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  LeakyRelu: leakyRelu,
  Max: max,
  Min: min,
  Mul: mul,
  Neg: neg,
  Pow: pow,
  QuantizeLinear: quantizeLinear,
  Reciprocal: reciprocal,
  Relu: relu,
  Sigmoid: sigmoid,
  Sqrt: sqrt,
  Sub: sub,
  Tanh: tanh,
  AveragePool: averagePool,
  Concat: concat,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Dropout: dropout,
  Expand: expand,
  Flatten: flatten,
  Gather: gather,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  Identity: identity,
  If: conditional,
  Loop: loop,
  Scan: scan,
  LayerNormalization: layerNormalization,
  MaxPool: maxPool,
  Pad: pad,
  Range: range,
  ReduceMax: reduceMax,
  ReduceMean: reduceMean,
  ReduceMin: reduceMin,
  ReduceProd: reduceProd,
  ReduceSum: reduceSum,
  Reshape: reshape,
  Resize: resize,
  Shape: shape,
  Slice: slice,
  Softmax: softmax,
  Split: split,
  Squeeze: squeeze,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
  Upsample: upsample,
};
