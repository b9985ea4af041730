/** The encoder of BERT (Devlin et al. 2018, arXiv:1810.04805) in primitive operators, with weights drawn from a seed. */
import { type Graph, tensor } from "../../mod.ts";
import { GraphBuilder } from "./builder.ts";

/** Sizes of the encoder. */
export interface EncoderOptions {
  /** Number of layers. Default 6. */
  readonly layers?: number;
  /** Numbers in an embedding. Default 384. */
  readonly width?: number;
  /** Heads of attention; they divide `width`. Default 12. */
  readonly heads?: number;
  /** Width of the layer between the two products of a feed-forward part. Default 1536. */
  readonly inner?: number;
  /** Tokens in a sequence. Default 64. */
  readonly length?: number;
  /** Seed of the weights. Default 1. */
  readonly seed?: number;
}

/**
 * Embeddings `x` of `[1, length, width]` to hidden states of the same shape. LayerNormalization and GELU are written out
 * as PyTorch exports them at opset 13; there is no mask.
 */
export function encoder(options: EncoderOptions = {}): Graph {
  const { layers = 6, width = 384, heads = 12, inner = 1536, length = 64, seed = 1 } = options;
  const g = new GraphBuilder(seed);
  const scalar = (value: number) => g.constant(tensor("f32", [], [value]));
  const shape = (dims: readonly number[]) => g.constant(tensor("i64", [dims.length], dims));
  const [half, one, two, epsilon] = [scalar(0.5), scalar(1), scalar(2), scalar(1e-12)];
  const [root2, rootSize] = [scalar(Math.SQRT2), scalar(Math.sqrt(width / heads))];
  const apart = shape([1, length, heads, width / heads]);
  const together = shape([1, length, width]);

  /** Xavier initialization: a linear layer keeps the variance of its input. */
  function linear(x: string, inputs: number, outputs: number): string {
    const bound = Math.sqrt(6 / (inputs + outputs));
    const product = g.add("MatMul", [x, g.weight([inputs, outputs], -bound, bound)]);
    return g.add("Add", [g.weight([outputs], -0.1, 0.1), product]);
  }

  function layerNormalization(x: string): string {
    const centred = g.add("Sub", [x, g.add("ReduceMean", [x], { axes: [-1] })]);
    const variance = g.add("ReduceMean", [g.add("Pow", [centred, two])], { axes: [-1] });
    const normal = g.add("Div", [centred, g.add("Sqrt", [g.add("Add", [variance, epsilon])])]);
    return g.add("Add", [g.add("Mul", [normal, g.weight([width], 0.8, 1.2)]), g.weight([width], -0.1, 0.1)]);
  }

  function gelu(x: string): string {
    const erf = g.add("Erf", [g.add("Div", [x, root2])]);
    return g.add("Mul", [g.add("Mul", [x, g.add("Add", [erf, one])]), half]);
  }

  function attention(x: string): string {
    const head = (perm: readonly number[]) =>
      g.add("Transpose", [g.add("Reshape", [linear(x, width, width), apart])], { perm });
    const [query, key, value] = [head([0, 2, 1, 3]), head([0, 2, 3, 1]), head([0, 2, 1, 3])];
    const scores = g.add("Div", [g.add("MatMul", [query, key]), rootSize]);
    const mixed = g.add("MatMul", [g.add("Softmax", [scores], { axis: -1 }), value]);
    const joined = g.add("Reshape", [g.add("Transpose", [mixed], { perm: [0, 2, 1, 3] }), together]);
    return linear(joined, width, width);
  }

  let x = "x";
  for (let layer = 0; layer < layers; layer++) {
    x = layerNormalization(g.add("Add", [attention(x), x]));
    x = layerNormalization(g.add("Add", [linear(gelu(linear(x, width, inner)), inner, width), x]));
  }
  return g.build({ x: [1, length, width] }, x);
}
