/** Attention and RotaryEmbedding. @module */
import { type KnownType, sizeOf, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { eachPosition } from "./_nd.ts";
import { requireType } from "./_pointwise.ts";
import { numberOf, type Op, type OpFactory, required } from "./op.ts";

/** Vectors of heads, wherever they lie. */
interface Heads {
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly size: number;
  /** The row-major index of the first element of a vector. */
  at(batch: number, head: number, position: number): number;
}

/** [batch, heads, length, size], or [batch, length, heads * size] where the number of heads is given. */
function headsOf(name: string, shape: readonly number[], count: number): Heads {
  if (shape.length === 4) {
    const [batch, heads, length, size] = shape as [number, number, number, number];
    return { batch, heads, length, size, at: (b, h, i) => ((b * heads + h) * length + i) * size };
  }
  const [batch, length, hidden] = shape as [number, number, number];
  if (shape.length !== 3 || count < 1 || hidden % count !== 0) {
    throw new RangeError(`${name} cannot take [${shape}] apart into ${count} heads`);
  }
  const size = hidden / count;
  return { batch, heads: count, length, size, at: (b, h, i) => (b * length + i) * hidden + h * size };
}

/** A tensor as [batch, heads, length, size], with those of the past before. */
function joined(past: Tensor | null | undefined, own: Tensor, heads: Heads): Tensor {
  const before = past?.shape[2] ?? 0;
  const length = before + heads.length;
  const shape = [heads.batch, heads.heads, length, heads.size];
  const data = new Float32Array(sizeOf(shape));
  for (let b = 0; b < heads.batch; b++) {
    for (let h = 0; h < heads.heads; h++) {
      for (let i = 0; i < length; i++) {
        const source = i < before ? past!.data : own.data;
        const from = i < before ? ((b * heads.heads + h) * before + i) * heads.size : heads.at(b, h, i - before);
        data.set(source.subarray(from, from + heads.size), ((b * heads.heads + h) * length + i) * heads.size);
      }
    }
  }
  return { dtype: "f32", shape, data };
}

/** What is added to the score of a query and a key: minus infinity where the query must not see it. */
function biasBy(
  mask: Tensor | null | undefined,
  lengths: Tensor | null | undefined,
  keys: number,
  last: (query: number) => number,
): (batch: number, head: number, query: number, key: number) => number {
  const shape = mask ? [...new Array<number>(4 - mask.shape.length).fill(1), ...mask.shape] : [];
  const [, heads, queries, columns] = shape as [number, number, number, number];
  return (batch, head, query, key) => {
    if (key > last(query) || (lengths && key >= lengths.data[batch]!)) return -Infinity;
    if (!mask) return 0;
    if (columns !== 1 && key >= columns && columns < keys) return -Infinity;
    const pick = (dim: number, i: number): number => dim === 1 ? 0 : i;
    const row = (pick(shape[0]!, batch) * heads + pick(heads, head)) * queries + pick(queries, query);
    const value = mask.data[row * columns + pick(columns, key)]!;
    return mask.dtype === "bool" ? (value ? 0 : -Infinity) : value;
  };
}

/**
 * Attention: `softmax(softcap(scale * Q . K) + mask) . V`, with grouped heads, a causal mask and keys of the past.
 *
 * A query that sees no key gets zeros.
 */
export const attention: OpFactory = (attributes): Op => {
  const causal = numberOf(attributes, "is_causal", 0) !== 0;
  const softcap = numberOf(attributes, "softcap", 0);
  const mode = numberOf(attributes, "qk_matmul_output_mode", 0);
  const plan = (inputs: readonly (KnownType | null)[]) => {
    const [q, k, v] = [required(inputs[0], "Q"), required(inputs[1], "K"), required(inputs[2], "V")];
    for (const input of [q, k, v]) requireType("Attention", input, ["f32"]);
    const keyHeads = numberOf(attributes, "kv_num_heads", 0);
    const queries = headsOf("Attention", q.shape, numberOf(attributes, "q_num_heads", 0));
    const [keys, values] = [headsOf("Attention", k.shape, keyHeads), headsOf("Attention", v.shape, keyHeads)];
    const past = inputs[4]?.shape[2] ?? 0;
    const length = past + keys.length;
    const shape = q.shape.length === 4
      ? [queries.batch, queries.heads, queries.length, values.size]
      : [queries.batch, queries.length, queries.heads * values.size];
    const cache = (heads: Heads): TensorType => ({
      dtype: "f32",
      shape: [heads.batch, heads.heads, length, heads.size],
    });
    const types: TensorType[] = [
      { dtype: "f32", shape },
      cache(keys),
      cache(values),
      { dtype: "f32", shape: [queries.batch, queries.heads, queries.length, length] },
    ];
    return { queries, keys, values, past, length, types };
  };
  return {
    infer: (inputs) => plan(inputs).types,
    reference: (inputs) => {
      const { queries, keys, values, past, length, types } = plan(inputs);
      const [q, k, v, mask, pastKey, pastValue, lengths] = inputs;
      const presentKey = joined(pastKey, required(k, "K"), keys);
      const presentValue = joined(pastValue, required(v, "V"), values);
      const scale = numberOf(attributes, "scale", 1 / Math.sqrt(queries.size));
      const bias = biasBy(mask, lengths, length, (query) => causal ? query + past : Infinity);
      const output = headsOf("Attention", types[0]!.shape, queries.heads);
      const y = new Float32Array(sizeOf(types[0]!.shape));
      const shown = new Float32Array(sizeOf(types[3]!.shape));
      eachPosition([queries.batch, queries.heads, queries.length], ([b, h, i], row) => {
        const group = Math.floor(h! / (queries.heads / keys.heads));
        const vector = (heads: number, size: number, j: number): number => ((b! * heads + group) * length + j) * size;
        const stages = Array.from({ length }, (_, j): number[] => {
          let sum = 0;
          const [from, to] = [queries.at(b!, h!, i!), vector(keys.heads, keys.size, j)];
          for (let d = 0; d < queries.size; d++) sum += q!.data[from + d]! * presentKey.data[to + d]!;
          const capped = softcap > 0 ? softcap * Math.tanh(sum * scale / softcap) : sum * scale;
          return [sum * scale, capped, capped + bias(b!, h!, i!, j)];
        });
        const weights = softmaxOf(stages.map((stage) => stage[2]!));
        weights.forEach((weight, j) => {
          shown[row * length + j] = mode === 3 ? weight : stages[j]![mode]!;
          const [to, from] = [output.at(b!, h!, i!), vector(values.heads, values.size, j)];
          if (weight === 0) return;
          for (let d = 0; d < values.size; d++) y[to + d]! += weight * presentValue.data[from + d]!;
        });
      });
      return [{ ...types[0]!, data: y }, presentKey, presentValue, { ...types[3]!, data: shown }];
    },
  };
};

function softmaxOf(scores: readonly number[]): number[] {
  const greatest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  if (greatest === -Infinity) return scores.map(() => 0);
  const powers = scores.map((score) => Math.exp(score - greatest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** RotaryEmbedding: pairs of elements of each head turned by an angle that goes with the position. */
export const rotaryEmbedding: OpFactory = (attributes): Op => {
  const interleaved = numberOf(attributes, "interleaved", 0) !== 0;
  return {
    infer: ([input]) => {
      const x = required(input, "X");
      requireType("RotaryEmbedding", x, ["f32"]);
      headsOf("RotaryEmbedding", x.shape, numberOf(attributes, "num_heads", 0));
      return [{ dtype: "f32", shape: x.shape }];
    },
    reference: ([input, cosines, sines, positions]) => {
      const x = required(input, "X");
      const heads = headsOf("RotaryEmbedding", x.shape, numberOf(attributes, "num_heads", 0));
      const half = (numberOf(attributes, "rotary_embedding_dim", 0) || heads.size) / 2;
      const [cos, sin] = [required(cosines, "cos_cache").data, required(sines, "sin_cache").data];
      const out = Float32Array.from(x.data);
      eachPosition([heads.batch, heads.heads, heads.length, half], ([b, h, i, pair]) => {
        const place = b! * heads.length + i!;
        const angle = (positions ? positions.data[place]! : place) * half + pair!;
        const start = heads.at(b!, h!, i!);
        const [first, second] = interleaved
          ? [start + 2 * pair!, start + 2 * pair! + 1]
          : [start + pair!, start + pair! + half];
        const [a, c] = [x.data[first]!, x.data[second]!];
        out[first] = a * cos[angle]! - c * sin[angle]!;
        out[second] = a * sin[angle]! + c * cos[angle]!;
      });
      return [{ dtype: "f32", shape: x.shape, data: out }];
    },
  };
};
