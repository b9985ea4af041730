/** LSTM, GRU and RNN. @module */
import type { Attributes } from "../graph/graph.ts";
import type { KnownType, Tensor, TensorType } from "../tensor/tensor.ts";
import { numberOf, type Op, type OpFactory, required, stringOf } from "./op.ts";

type Activation = (x: number) => number;

const sigmoid: Activation = (x) => 1 / (1 + Math.exp(-x));

/** Activations by their names in lower case, with their parameters alpha and beta. */
const ACTIVATIONS: Readonly<Record<string, (alpha: number | undefined, beta: number | undefined) => Activation>> = {
  sigmoid: () => sigmoid,
  tanh: () => Math.tanh,
  relu: () => (x) => Math.max(x, 0),
  affine: (alpha = 1, beta = 0) => (x) => alpha * x + beta,
  leakyrelu: (alpha = 0.01) => (x) => x < 0 ? alpha * x : x,
  thresholdedrelu: (alpha = 1) => (x) => x > alpha ? x : 0,
  scaledtanh: (alpha = 1, beta = 1) => (x) => alpha * Math.tanh(beta * x),
  hardsigmoid: (alpha = 0.2, beta = 0.5) => (x) => Math.min(Math.max(alpha * x + beta, 0), 1),
  elu: (alpha = 1) => (x) => x > 0 ? x : alpha * Math.expm1(x),
  softsign: () => (x) => x / (1 + Math.abs(x)),
  softplus: () => (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
};

/** The state of one row of the batch: h, and c for an LSTM. */
interface State {
  readonly h: Float64Array;
  readonly c: Float64Array;
}

/** One step: from products of the input and the state with the weights of all gates to the next state. */
type Cell = (step: {
  readonly x: Float64Array;
  readonly state: State;
  /** `R . h` of a gate, with its bias; of another vector where one is given. */
  readonly recurrent: (gate: number, h?: Float64Array) => Float64Array;
  /** The peephole of a gate and a unit. */
  readonly peephole: (gate: number, unit: number) => number;
  readonly activations: readonly Activation[];
}) => State;

interface Kind {
  readonly name: string;
  readonly gates: number;
  readonly activations: readonly string[];
  readonly cell: Cell;
}

function recurrent(attributes: Attributes, { name, gates, activations, cell }: Kind): Op {
  const batchFirst = numberOf(attributes, "layout", 0) !== 0;
  const direction = stringOf(attributes, "direction", "forward");
  const directions = direction === "bidirectional" ? 2 : 1;
  const clip = numberOf(attributes, "clip", Infinity);
  const names = (attributes.get("activations") as readonly string[] | undefined) ??
    Array.from({ length: directions }, () => activations).flat();
  const [alphas, betas] = ["activation_alpha", "activation_beta"].map((key) =>
    (attributes.get(key) as readonly number[] | undefined) ?? []
  ) as [readonly number[], readonly number[]];
  const own = names.map((given, i): Activation => {
    const make = ACTIVATIONS[given.toLowerCase()];
    if (!make) {
      throw new TypeError(`${name} "activations" must be of ${Object.keys(ACTIVATIONS)}: current value is "${given}"`);
    }
    const activation = make(alphas[i], betas[i]);
    return (x) => activation(Math.min(Math.max(x, -clip), clip));
  });
  const sizesOf = (x: KnownType, r: KnownType) => {
    const [first, second, inputs] = x.shape as [number, number, number];
    const [length, batch] = batchFirst ? [second, first] : [first, second];
    return { length, batch, inputs, hidden: numberOf(attributes, "hidden_size", r.shape.at(-1)!) };
  };
  const infer = (x: KnownType, r: KnownType): TensorType[] => {
    if (x.dtype !== "f32") throw new TypeError(`${name} takes f32: current type is ${x.dtype}`);
    const { length, batch, hidden } = sizesOf(x, r);
    const last = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
    return [
      { dtype: "f32", shape: batchFirst ? [batch, length, directions, hidden] : [length, directions, batch, hidden] },
      { dtype: "f32", shape: last },
      ...(name === "LSTM" ? [{ dtype: "f32", shape: last } as const] : []),
    ];
  };
  return {
    infer: ([x, , r]) => infer(required(x, "X"), required(r, "R")),
    reference: ([input, weights, recurrence, biases, lengths, h0, c0, peepholes]) => {
      const [x, w, r] = [required(input, "X"), required(weights, "W"), required(recurrence, "R")];
      const { length, batch, inputs, hidden } = sizesOf(x, r);
      const results = infer(x, r).map(({ dtype, shape }): Tensor => {
        return { dtype, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
      });
      const stateAt = (d: number, b: number): number => (batchFirst ? b * directions + d : d * batch + b) * hidden;
      const initial = (state: Tensor | null | undefined, d: number, b: number): Float64Array =>
        Float64Array.from({ length: hidden }, (_, i) => state ? state.data[stateAt(d, b) + i]! : 0);
      const bias = (d: number, part: number, row: number): number =>
        biases ? biases.data[(d * 2 + part) * gates * hidden + row]! : 0;
      for (let d = 0; d < directions; d++) {
        const backward = direction === "reverse" || d === 1;
        const used = own.slice(d * activations.length, (d + 1) * activations.length);
        const times = (m: Tensor, vector: ArrayLike<number>, columns: number, row: number): number => {
          let sum = 0;
          const start = (d * gates * hidden + row) * columns;
          for (let k = 0; k < columns; k++) sum += m.data[start + k]! * vector[k]!;
          return sum;
        };
        for (let b = 0; b < batch; b++) {
          const steps = lengths ? lengths.data[b]! : length;
          let state: State = { h: initial(h0, d, b), c: initial(c0, d, b) };
          for (let step = 0; step < steps; step++) {
            const t = backward ? steps - 1 - step : step;
            const from = (batchFirst ? b * length + t : t * batch + b) * inputs;
            const now = x.data.subarray(from, from + inputs);
            const before = state;
            state = cell({
              x: Float64Array.from(
                { length: gates * hidden },
                (_, row) => times(w, now, inputs, row) + bias(d, 0, row),
              ),
              state,
              recurrent: (gate, h = before.h) =>
                Float64Array.from({ length: hidden }, (_, i) => {
                  return times(r, h, hidden, gate * hidden + i) + bias(d, 1, gate * hidden + i);
                }),
              peephole: (gate, unit) => peepholes ? peepholes.data[(d * 3 + gate) * hidden + unit]! : 0,
              activations: used,
            });
            const to = (batchFirst ? (b * length + t) * directions + d : (t * directions + d) * batch + b) * hidden;
            results[0]!.data.set(Float32Array.from(state.h), to);
          }
          results[1]!.data.set(Float32Array.from(state.h), stateAt(d, b));
          results[2]?.data.set(Float32Array.from(state.c), stateAt(d, b));
        }
      }
      return results;
    },
  };
}

/** RNN: `h = f(W x + R h)`. */
export const rnn: OpFactory = (attributes): Op =>
  recurrent(attributes, {
    name: "RNN",
    gates: 1,
    activations: ["Tanh"],
    cell: ({ x, state, recurrent, activations: [f] }) => {
      const own = recurrent(0);
      return { ...state, h: own.map((value, i) => f!(value + x[i]!)) };
    },
  });

/** LSTM, with gates i, o, f, c and peepholes i, o, f. */
export const lstm: OpFactory = (attributes): Op => {
  const coupled = numberOf(attributes, "input_forget", 0) !== 0;
  return recurrent(attributes, {
    name: "LSTM",
    gates: 4,
    activations: ["Sigmoid", "Tanh", "Tanh"],
    cell: ({ x, state, recurrent, peephole, activations: [f, g, h] }) => {
      const size = state.h.length;
      const gate = (number: number): Float64Array => recurrent(number).map((value, i) => value + x[number * size + i]!);
      const [input, output, forget, cell] = [gate(0), gate(1), gate(2), gate(3)];
      const c = state.c.map((old, i) => {
        const taken = f!(input[i]! + peephole(0, i) * old);
        const kept = coupled ? 1 - taken : f!(forget[i]! + peephole(2, i) * old);
        return kept * old + taken * g!(cell[i]!);
      });
      return { c, h: c.map((value, i) => f!(output[i]! + peephole(1, i) * value) * h!(value)) };
    },
  });
};

/** GRU, with gates z, r, h. */
export const gru: OpFactory = (attributes): Op => {
  const linearFirst = numberOf(attributes, "linear_before_reset", 0) !== 0;
  return recurrent(attributes, {
    name: "GRU",
    gates: 3,
    activations: ["Sigmoid", "Tanh"],
    cell: ({ x, state, recurrent, activations: [f, g] }) => {
      const size = state.h.length;
      const [update, reset] = [0, 1].map((number) =>
        recurrent(number).map((value, i) => f!(value + x[number * size + i]!))
      ) as [Float64Array, Float64Array];
      const own = linearFirst
        ? recurrent(2).map((value, i) => reset[i]! * value)
        : recurrent(2, state.h.map((value, i) => reset[i]! * value));
      const next = own.map((value, i) => g!(value + x[2 * size + i]!));
      return { ...state, h: next.map((value, i) => (1 - update[i]!) * value + update[i]! * state.h[i]!) };
    },
  });
};
