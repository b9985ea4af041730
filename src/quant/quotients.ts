/** Dividing a value by constants without a node for it: the constants that it is made of are divided instead. @module */
import type { Graph, Node, Use } from "../graph/graph.ts";
import { numberOf } from "../ops/op.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import type { ConstantEdits } from "./edits.ts";

/** A value to be divided. */
export interface Quotient {
  /** The graph. */
  readonly graph: Graph;
  /** The uses of its values. */
  readonly uses: ReadonlyMap<string, readonly Use[]>;
  /** The nodes that compute its values. */
  readonly producers: ReadonlyMap<string, Node>;
  /** The name of the value. */
  readonly value: string;
  /** Names of the nodes that are to see it divided. */
  readonly readers: ReadonlySet<string>;
  /** The axis of the channels: 1, or -1 for the last one. */
  readonly axis: 1 | -1;
  /** The divisor of each channel. */
  readonly scale: Float64Array;
  /** Takes the divided constants. */
  readonly edits: ConstantEdits;
}

/** A way to divide a value: which inputs of which nodes are divided, constants among them. */
type Way = readonly (readonly [node: Node, input: number])[];

/** Steps back from the value, and ways kept at each: enough for normalizations that are written out. */
const DEPTH = 6;
const WAYS = 8;

/**
 * Divides a value by dividing constants, and says whether that was possible.
 *
 * Only constants with a number for each channel are divided: a scalar often belongs to a pattern that kernels recognize.
 */
export function foldQuotient(quotient: Quotient): boolean {
  const { graph, edits, uses, value, readers } = quotient;
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const whole = (way: Way): boolean => {
    const divided = new Set(way.map(([node, input]) => `${node.name} ${input}`));
    const values = new Set(
      way.map(([node, input]) => node.inputs[input]!).filter((name) => !graph.constants.has(name)),
    );
    const covered = [...values].every((name) =>
      !outputs.has(name) && uses.get(name)!.every((use) => divided.has(`${use.node.name} ${use.input}`))
    );
    const once = way.every(([node, input]) => node.op !== "Mul" || !divided.has(`${node.name} ${1 - input}`));
    return once && covered && !outputs.has(value) && uses.get(value)!.every(({ node }) => readers.has(node.name));
  };
  const way = waysOf(quotient, value, DEPTH).find(whole);
  if (!way) return false;
  for (const [node, input] of way) {
    const constant = graph.constants.get(node.inputs[input]!);
    if (constant) edits.set(node.name, input, divide(constant, quotient.scale));
  }
  return true;
}

function waysOf(quotient: Quotient, value: string, depth: number): Way[] {
  const node = quotient.producers.get(value);
  if (!node || depth === 0) return [];
  const through = (input: number): Way[] => {
    const name = node.inputs[input]!;
    const constant = quotient.graph.constants.get(name);
    const own = [node, input] as const;
    if (constant) return hasChannels(constant, quotient) ? [[own]] : [];
    return waysOf(quotient, name, depth - 1).map((way) => [...way, own]);
  };
  switch (node.op) {
    case "Mul":
      return [...through(0), ...through(1)].slice(0, WAYS);
    case "Add":
    case "Sub": {
      const [left, right] = [through(0), through(1)];
      return left.flatMap((a) => right.map((b) => [...a, ...b])).slice(0, WAYS);
    }
    case "LayerNormalization": {
      if (numberOf(node.attributes, "axis", -1) !== -1 || quotient.axis !== -1) return [];
      const [scale, bias] = [through(1), node.inputs[2] ? through(2) : [[]]];
      return scale.flatMap((a) => bias.map((b) => [...a, ...b]));
    }
    default:
      return [];
  }
}

/** Whether a constant has one number for each channel, and none beside them. */
function hasChannels({ shape, data, dtype }: Tensor, { axis, scale }: Quotient): boolean {
  if (dtype !== "f32" || data.length !== scale.length) return false;
  return axis === -1 ? shape.at(-1) === scale.length : shape.length > 2 && shape.at(-3) === scale.length;
}

function divide({ shape, data }: Tensor, scale: Float64Array): Tensor {
  return tensor("f32", shape, Float32Array.from(data, (v, c) => v / scale[c]!));
}
