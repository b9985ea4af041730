/** LayerNormalization. @module */
import type { Attributes } from "../graph/graph.ts";
import { foldGrid, type Launch, type Operand, uniform } from "../gpu/launch.ts";
import { type Layout, physicalOf } from "../gpu/layout.ts";
import { type KnownType, normalizeAxis, sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";
import { shareOf } from "./_axes.ts";
import { mapBroadcast, requireType } from "./_pointwise.ts";
import { numberOf, type Op, type OpFactory, type Quantization, required } from "./op.ts";
import { quantizedTensor } from "./quantize_linear.ts";

/**
 * `(x - mean) / sqrt(variance + epsilon) * scale + bias`, mean and variance taken over the axes from `axis` on.
 *
 * Takes a fourth input that ONNX does not know: a tensor of the shape of x that is added to x before.
 * The mean and the deviation as outputs have no kernel. On a GPU `scale` and `bias` have an element for each of those that are
 * normalized together; these are the last axis, or a multiple of 4.
 */
export const layerNormalization: OpFactory = (attributes): Op => operator(attributes, null);

/** The operator; with a quantization its second output is the first one in 8 bits. */
function operator(attributes: Attributes, then: Quantization | null): Op {
  const epsilon = numberOf(attributes, "epsilon", 1e-5);
  const stash = numberOf(attributes, "stash_type", 1);
  if (stash !== 1) throw new TypeError(`LayerNormalization: "stash_type" must be 1 (f32): current value is ${stash}`);
  const axisOf = ({ shape }: KnownType): number => normalizeAxis(numberOf(attributes, "axis", -1), shape.length);
  const layoutOf = (x: KnownType): Layout => axisOf(x) === x.shape.length - 1 ? "rows" : "plain";
  const op: Op = {
    infer: ([input, scale, bias, added]) => {
      const x = required(input, "X");
      const parameters = [scale, bias];
      requireType("LayerNormalization", x, ["f32"]);
      const normalized = x.shape.slice(axisOf(x));
      required(parameters[0], "Scale");
      ["Scale", "B"].forEach((name, i) => {
        const { dtype, shape } = parameters[i] ?? x;
        if (dtype !== "f32" || (parameters[i] && !broadcasts(shape, normalized))) {
          throw new RangeError(
            `LayerNormalization: "${name}" must be f32 and broadcast to [${normalized}]: it is ${dtype} [${shape}]`,
          );
        }
      });
      if (added && `${added.shape}` !== `${x.shape}`) {
        throw new RangeError(`LayerNormalization adds a tensor of shape [${x.shape}]: it is [${added.shape}]`);
      }
      return [{ dtype: "f32", shape: x.shape }, ...(then ? [{ dtype: "i8", shape: x.shape } as const] : [])];
    },
    reference: ([x, scale, bias, added]) => {
      const given = added ? mapBroadcast([required(x, "X"), added], "f32", ([a, b]) => a! + b!) : required(x, "X");
      const y = normalize(given, sizeOf(given.shape.slice(axisOf(given))), required(scale, "Scale"), bias, epsilon);
      return then ? [y, quantizedTensor(y, then)] : [y];
    },
    quantized: ([x], quantization) =>
      layoutOf(required(x, "X")) === "rows" ? { op: operator(attributes, quantization), keeps: true } : null,
    layouts: ([x]) => {
      const layout = layoutOf(required(x, "X"));
      return { inputs: [layout, layout, layout, layout], outputs: then ? [layout, layout] : [layout] };
    },
    lower: ([x, scale, bias, added], _, { lanes }) => {
      const given = required(x, "X");
      const parameters = [required(scale, "Scale"), bias ?? null] as const;
      return [launch(given, axisOf(given), parameters, { alone: !added, epsilon, then, lanes })];
    },
  };
  if (numberOf(attributes, "num_outputs", 1) < 2) return op;
  const statisticsShape = (x: KnownType): number[] => x.shape.map((dim, axis) => axis < axisOf(x) ? dim : 1);
  return {
    infer: (inputs) => {
      const statistics = { dtype: "f32", shape: statisticsShape(required(inputs[0], "X")) } as const;
      return [...op.infer(inputs), statistics, statistics];
    },
    reference: (inputs) => {
      const x = required(inputs[0], "X");
      const rows = statisticsOf(x, sizeOf(x.shape.slice(axisOf(x))), epsilon);
      const list = (values: number[]): Tensor => tensor("f32", statisticsShape(x), values);
      return [...op.reference(inputs), list(rows.map(({ mean }) => mean)), list(rows.map(({ inverse }) => inverse))];
    },
  };
}

/** The mean of each row, and 1 over its deviation. */
function statisticsOf({ data }: Tensor, length: number, epsilon: number): { mean: number; inverse: number }[] {
  return Array.from({ length: data.length / length }, (_, i) => {
    const row = Array.from(data.subarray(i * length, (i + 1) * length));
    const mean = row.reduce((a, b) => a + b, 0) / length;
    const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / length;
    return { mean, inverse: 1 / Math.sqrt(variance + epsilon) };
  });
}

function broadcasts(shape: readonly number[], to: readonly number[]): boolean {
  const from = shape.slice(Math.max(0, shape.length - to.length));
  const fits = from.every((dim, i) => dim === 1 || dim === to[i + to.length - from.length]);
  return fits && sizeOf(shape) === sizeOf(from);
}

function normalize(
  { shape, data }: Tensor,
  length: number,
  scale: Tensor,
  bias: Tensor | null | undefined,
  epsilon: number,
): Tensor {
  const out = new Float32Array(data.length);
  const at = elementOf(shape, length);
  statisticsOf({ dtype: "f32", shape, data }, length, epsilon).forEach(({ mean, inverse }, row) => {
    for (let i = 0; i < length; i++) {
      const x = data[row * length + i]!;
      out[row * length + i] = (x - mean) * inverse * at(scale, i) + (bias ? at(bias, i) : 0);
    }
  });
  return { dtype: "f32", shape, data: out };
}

/** The element of a parameter that broadcasts to rows of `length`, for element `i` of a row. */
function elementOf(shape: readonly number[], length: number): (parameter: Tensor, i: number) => number {
  return (parameter, i) => {
    if (parameter.data.length === length) return parameter.data[i]!;
    let [rest, index, step] = [i, 0, 1];
    for (let back = 1; back <= parameter.shape.length; back++) {
      const [own, dim] = [parameter.shape.at(-back)!, shape.at(-back)!];
      if (own !== 1) index += rest % dim * step;
      step *= own;
      rest = Math.floor(rest / dim);
    }
    return parameter.data[index]!;
  };
}

function launch(
  x: Operand,
  axis: number,
  [scale, bias]: readonly [Operand, Operand | null],
  { alone, epsilon, then, lanes }: {
    /** Whether nothing is added to x. */
    readonly alone: boolean;
    readonly epsilon: number;
    readonly then: Quantization | null;
    readonly lanes: number;
  },
): Launch {
  const length = sizeOf(x.shape.slice(axis));
  const step = (x.layout === "rows" ? physicalOf(x, "rows").sizes.at(-1)! : length) / 4;
  if (!Number.isInteger(step)) {
    throw new TypeError(
      `LayerNormalization runs on a GPU over the last axis, or over a multiple of 4 elements: axis ${axis} of [${x.shape}] has ${length}`,
    );
  }
  for (const parameter of [scale, bias]) {
    if (
      parameter && (sizeOf(parameter.shape) !== length || (x.layout === "rows" && parameter.shape.at(-1) !== length))
    ) {
      throw new TypeError(
        `LayerNormalization runs on a GPU with ${length} scales and biases: the shape is [${parameter.shape}]`,
      );
    }
  }
  const count = sizeOf(x.shape.slice(0, axis));
  const share = shareOf(count, step, lanes);
  return {
    shader: then ? "layer_norm_i8" : "layer_norm_f32",
    constants: { SHARE: share, ROWS: 64 / share, BIAS: bias ? 1 : 0, ADDED: alone ? 0 : 1 },
    bindings: [
      ...[0, 1, bias ? 2 : 1, alone ? 0 : 3].map((input) => ({ input })),
      { output: 0 },
      ...(then ? [{ output: 1 }] : []),
    ],
    params: uniform(["u32", count, length, step], ["f32", epsilon, ...(then ? [then.scale, then.zero] : [])]),
    workgroups: foldGrid(Math.ceil(count / (64 / share))),
  };
}
