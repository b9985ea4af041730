/**
 * Chains of operators that hardware computes as one, so that no quantizer goes inside.
 *
 * The patterns are those that NNCF has for ONNX: linear operators, arithmetic and normalizations with what follows them.
 * They are matched strictly: nothing but the chain reads what is computed within it, and it reads nothing but constants
 * beside. So a bias or a scale is fused, and the addition of a residual is not.
 *
 * @module
 */
import type { Node } from "../graph/graph.ts";
import { computedInputs, type Flow, readersOf } from "./flow.ts";
import { classOf, LINEAR } from "./operator_classes.ts";

/** Operators that are computed as one. */
export interface Fused {
  /** The graph input that is part of it, or `null`. */
  readonly input: string | null;
  /** The nodes, in order; the first one says how it is quantized. */
  readonly nodes: readonly Node[];
}

interface Match {
  readonly nodes: readonly Node[];
  readonly output: string;
}

/** A part of a pattern: how many nodes it has, and how it goes on from a value. */
interface Piece {
  readonly size: number;
  /** @param shared Whether others may read the value too. */
  readonly match: (flow: Flow, value: string, shared: boolean) => Match | null;
}

const set = (...names: string[]): ReadonlySet<string> => new Set(names);
const ACTIVATIONS = set(
  ...["Relu", "Clip", "LeakyRelu", "ThresholdedRelu", "Elu", "PRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Selu"],
);
const ARITHMETIC = set("Add", "Sum", "Sub", "Mul", "Div");
const SHIFT = set("Add", "Sum", "Sub");
const ADD = set("Add", "Sum");
const MUL = set("Mul");
const SCALE = set("Mul", "Div");

/** The nodes that read a value, where nothing else does; `null` where it is an output. */
function soleReaders(flow: Flow, value: string, shared: boolean): readonly Node[] | null {
  if (shared) return readersOf(flow, value).map(({ node }) => node);
  return flow.outputs.has(value) ? null : readersOf(flow, value).map(({ node }) => node);
}

/** The one node that reads a value and nothing else that is computed, where it is one of these operators. */
function next(flow: Flow, value: string, ops: ReadonlySet<string>, shared = false): Node | null {
  const readers = soleReaders(flow, value, shared);
  if (!readers || (!shared && readers.length !== 1)) return null;
  return readers.find((node) => ops.has(node.op) && computedInputs(flow, node).length === 1) ?? null;
}

function single(ops: ReadonlySet<string>): Piece {
  return {
    size: 1,
    match: (flow, value, shared) => {
      const node = next(flow, value, ops, shared);
      return node && { nodes: [node], output: node.outputs[0]! };
    },
  };
}

/** An operator both of whose operands are the value. */
const twice: Piece = {
  size: 1,
  match: (flow, value) => {
    const readers = soleReaders(flow, value, false);
    const [node, other] = readers ?? [];
    const fits = readers?.length === 2 && node === other && ARITHMETIC.has(node!.op) &&
      computedInputs(flow, node!).length === 2;
    return fits ? { nodes: [node!], output: node!.outputs[0]! } : null;
  },
};

/** `x * f(x)`: operators in a row, and one that takes their result and the value itself. */
function withItself(row: readonly ReadonlySet<string>[], last: ReadonlySet<string>): Piece {
  return {
    size: row.length + 1,
    match: (flow, value, shared) => {
      const readers = soleReaders(flow, value, shared);
      if (!readers || (!shared && readers.length !== 2)) return null;
      for (const first of readers) {
        if (!row[0]!.has(first.op) || computedInputs(flow, first).length !== 1) continue;
        const nodes = [first];
        for (const ops of row.slice(1)) {
          const node = next(flow, nodes.at(-1)!.outputs[0]!, ops);
          if (!node) break;
          nodes.push(node);
        }
        if (nodes.length < row.length) continue;
        const result = nodes.at(-1)!.outputs[0]!;
        const [product, ...rest] = soleReaders(flow, result, false) ?? [];
        if (!product || rest.length > 0 || !last.has(product.op) || !readers.includes(product)) continue;
        if (computedInputs(flow, product).length === 2) {
          return { nodes: [...nodes, product], output: product.outputs[0]! };
        }
      }
      return null;
    },
  };
}

function row(...pieces: readonly Piece[]): Piece {
  return {
    size: pieces.reduce((sum, { size }) => sum + size, 0),
    match: (flow, value, shared) => {
      const nodes: Node[] = [];
      let output = value;
      for (const [i, piece] of pieces.entries()) {
        const match = piece.match(flow, output, shared && i === 0);
        if (!match) return null;
        nodes.push(...match.nodes);
        output = match.output;
      }
      return { nodes, output };
    },
  };
}

/** `(x - mean) / sqrt(variance + epsilon)`, as it is mostly spelled out. */
const normalized: Piece = {
  size: 7,
  match: (flow, value, shared) => {
    const readers = soleReaders(flow, value, shared);
    const mean = readers?.find((node) => node.op === "ReduceMean");
    const [centred, ...others] = (mean && soleReaders(flow, mean.outputs[0]!, false)) ?? [];
    if (!readers || (!shared && readers.length !== 2) || !centred || others.length > 0) return null;
    if (centred.op !== "Sub" || !readers.includes(centred)) return null;
    const tail = withItself([set("Pow"), set("ReduceMean"), ADD, set("Sqrt")], set("Div"));
    const rest = tail.match(flow, centred.outputs[0]!, false);
    return rest && { nodes: [mean!, centred, ...rest.nodes], output: rest.output };
  },
};

const batchNorm = set("BatchNormalization");
const swish = withItself([set("Sigmoid")], MUL);
const hardSwish = withItself([set("HardSigmoid")], MUL);
const plainHardSwish = withItself([ADD, set("Relu", "Clip")], MUL);
const spelledHardSwish = row(plainHardSwish, single(set("Div")));

/** `x * (1 + erf(x / sqrt(2)))`. */
export const gelu: Piece = withItself([SCALE, set("Erf"), SHIFT], SCALE);
/** `x * relu6(x + 3)`, with the division by 6 or without, or by HardSigmoid. */
export const hardSwishes: readonly Piece[] = [spelledHardSwish, plainHardSwish, hardSwish];

const scaleShift = row(single(MUL), single(SHIFT));
const shiftScale = row(single(SHIFT), single(SCALE));
const norm = single(batchNorm);
const arithmetic = single(ARITHMETIC);
const squeeze = single(set("Squeeze"));

/** What an activation function can be, by itself or behind another operator. */
export const activations: readonly Piece[] = [
  single(ACTIVATIONS),
  swish,
  hardSwish,
  spelledHardSwish,
  plainHardSwish,
  gelu,
];

/**
 * Where a pattern starts: at a node of certain operators, at any value, at the node that computes a value and whatever it is,
 * or at an input of the graph.
 */
interface Pattern {
  readonly from: ReadonlySet<string> | "value" | "any" | "input";
  readonly rest: Piece;
  readonly size: number;
}

const A = null;

/** The patterns that start at a node, with `A` where each activation function fits. */
const CHAINS: readonly (readonly [ReadonlySet<string>, ...(Piece | null)[]])[] = [
  [SHIFT, single(SCALE)],
  [ARITHMETIC, norm],
  [ARITHMETIC, A],
  [ARITHMETIC, scaleShift],
  [ARITHMETIC, norm, A],
  [ARITHMETIC, scaleShift, A],
  [ARITHMETIC, A, norm],
  [ARITHMETIC, A, scaleShift],
  [batchNorm, A],
  [LINEAR, arithmetic],
  [LINEAR, twice],
  [LINEAR, norm],
  [LINEAR, A],
  [LINEAR, norm, A],
  [LINEAR, scaleShift, A],
  [LINEAR, A, norm],
  [LINEAR, A, scaleShift],
  [LINEAR, norm, scaleShift, A],
  [LINEAR, squeeze, A],
  [LINEAR, squeeze, arithmetic, A],
  [batchNorm, scaleShift, A],
  [LINEAR, arithmetic, A],
  [LINEAR, shiftScale],
  [LINEAR, arithmetic, A, arithmetic],
  [LINEAR, scaleShift],
  [ACTIVATIONS, norm],
  [ACTIVATIONS, scaleShift],
];

/** The patterns that start at a value which others may read too. */
const TAILS: readonly (Piece | null)[][] = [
  [normalized],
  [normalized, scaleShift],
  [gelu],
  [scaleShift],
  [swish],
  [hardSwish],
  [scaleShift, A],
  ...[swish, hardSwish, gelu].flatMap((piece) => [[piece, norm], [piece, scaleShift]]),
];

const PATTERNS: readonly Pattern[] = [
  ...TAILS.flatMap((pieces) => patterns("value", pieces)),
  ...[plainHardSwish, spelledHardSwish].flatMap((piece) =>
    [[piece], [piece, norm], [piece, scaleShift]].flatMap((pieces) => patterns("any", pieces))
  ),
  ...[[scaleShift], [shiftScale], [single(set("Add", "Sum", "Mul"))]].flatMap((pieces) => patterns("input", pieces)),
  ...CHAINS.flatMap(([from, ...pieces]) => patterns(from, pieces)),
].toSorted((a, b) => b.size - a.size);

/** Whether quantizers pass through a node: then they would pass through what is fused with it. */
function passes(node: Node, flow: Flow): boolean {
  const own = classOf(node, flow);
  return own === "moving" || own === "concat";
}

function patterns(from: Pattern["from"], pieces: readonly (Piece | null)[]): Pattern[] {
  const at = pieces.indexOf(A);
  const all = at < 0 ? [pieces as Piece[]] : activations.map((own) => pieces.with(at, own) as Piece[]);
  return all.map((own) => {
    const rest = row(...own);
    return { from, rest, size: rest.size + (from === "value" ? 0 : 1) };
  });
}

/** The nodes that are computed as one: the largest patterns first, none of which share a node. */
export function fuse(flow: Flow): Fused[] {
  const found: Fused[] = [];
  const taken = new Set<Node | string>();
  const inputs = flow.graph.inputs.map((input) => input.name);
  const values = [...inputs, ...flow.nodes.flatMap((node) => node.outputs.filter((name) => name !== ""))];
  const take = (input: string | null, nodes: readonly Node[]): void => {
    const all = input === null ? nodes : [input, ...nodes];
    if (all.some((own) => taken.has(own))) return;
    all.forEach((own) => taken.add(own));
    found.push({ input, nodes });
  };
  for (const { from, rest } of PATTERNS) {
    const starts = from === "input"
      ? inputs
      : typeof from === "string"
      ? values
      : flow.nodes.flatMap((node) => from.has(node.op) ? node.outputs.slice(0, 1) : []);
    for (const value of starts) {
      const match = rest.match(flow, value, from === "value");
      if (!match) continue;
      if (from === "value") take(null, match.nodes);
      else if (inputs.includes(value)) take(value, match.nodes);
      else {
        const first = flow.producers.get(value)!;
        if (from !== "any" || !passes(first, flow)) take(null, [first, ...match.nodes]);
      }
    }
  }
  return found;
}
