/** Matrix products of one value with several weights, as attention has them for queries, keys and values, as one. @module */
import { type Graph, type Node, usesOf } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { type KnownType, type Tensor, tensor } from "../tensor/tensor.ts";
import type { TypedGraph } from "./specialize.ts";

/** A product with constant weights and the bias behind it. */
interface Projection {
  readonly node: Node;
  readonly weights: Tensor;
  readonly add: Node | null;
  readonly bias: Tensor | null;
  /** The name of its result. */
  readonly output: string;
}

const VIEWS: ReadonlySet<string> = new Set(["Reshape", "Squeeze", "Unsqueeze", "Transpose"]);

/**
 * Joins products that read one value into one, whose result is split again.
 *
 * Only where products of computed matrices read every part, as these read it where it lies; others would want copies.
 */
export function joinProjections(typed: TypedGraph): TypedGraph {
  const { graph } = typed;
  const find = projectionsOf(graph);
  const groups = new Map<string, Projection[]>();
  for (const node of graph.nodes) {
    const own = find(node);
    if (!own) continue;
    const key = `${node.inputs[0]} ${own.weights.shape[0]}`;
    groups.set(key, [...groups.get(key) ?? [], own]);
  }
  const joined = [...groups.values()].filter((group) => group.length > 1);
  if (joined.length === 0) return typed;
  const rewriter = new Rewriter(graph);
  const types = new Map<string, KnownType>(typed.types);
  const replaced = new Set(joined.flat().flatMap(({ node, add }) => add ? [node, add] : [node]));
  rewriter.nodes = graph.nodes.filter((node) => !replaced.has(node));
  for (const group of joined) {
    const { node } = group[0]!;
    const sizes = group.map(({ weights }) => weights.shape[1]!);
    const { weights, bias } = formOf(group);
    const shape = types.get(node.outputs[0]!)!.shape.with(-1, sizes.reduce((a, b) => a + b));
    const value = (name: string): string => {
      types.set(name, { dtype: "f32", shape });
      return name;
    };
    const constant = (wish: string, given: Tensor): string => {
      const name = rewriter.constant(wish, given);
      types.set(name, given);
      return name;
    };
    let whole = value(rewriter.node("MatMul", [node.inputs[0]!, constant(`${node.name}.joined`, weights)]));
    if (bias) whole = value(rewriter.node("Add", [whole, constant(`${node.name}.joined_bias`, bias)]));
    rewriter.nodes.push({
      name: rewriter.unique(`${node.name}/Split`),
      op: "Split",
      inputs: [whole],
      outputs: group.map(({ output }) => output),
      attributes: new Map<string, number | readonly number[]>([["axis", -1], ["split", sizes]]),
    });
  }
  return { graph: rewriter.finish(), types };
}

/** Tells of a node whether it is a projection that can be joined with others. */
function projectionsOf(graph: Graph): (node: Node) => Projection | null {
  const uses = usesOf(graph);
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const isNumber = (name: string): boolean => graph.constants.get(name)?.data.length === 1;
  const isRead = (value: string): boolean => {
    const readers = uses.get(value) ?? [];
    return readers.length > 0 && !outputs.has(value) && readers.every(({ node, input }) => {
      if (node.op === "MatMul") return node.inputs.every((name) => !graph.constants.has(name));
      const factor = node.op === "Mul" || (node.op === "Div" && input === 0);
      const moves = input === 0 && VIEWS.has(node.op);
      return (moves || (factor && isNumber(node.inputs[1 - input]!))) && isRead(node.outputs[0]!);
    });
  };
  return (node) => {
    const weights = graph.constants.get(node.inputs[1] ?? "");
    if (node.op !== "MatMul" || weights?.dtype !== "f32" || weights.shape.length !== 2) return null;
    const product = node.outputs[0]!;
    const readers = uses.get(product) ?? [];
    const next = readers.length === 1 && !outputs.has(product) ? readers[0]!.node : null;
    const bias = next?.op === "Add"
      ? graph.constants.get(next.inputs.find((name) => name !== product) ?? "")
      : undefined;
    const columns = weights.shape[1]!;
    const added = bias?.dtype === "f32" && bias.shape.length === 1 && bias.shape[0] === columns;
    const output = added ? next!.outputs[0]! : product;
    if (columns % 4 !== 0 || graph.constants.has(node.inputs[0]!) || !isRead(output)) return null;
    return { node, weights, add: added ? next : null, bias: added ? bias : null, output };
  };
}

interface Form {
  readonly weights: Tensor;
  readonly bias: Tensor | null;
}

const forms = new WeakMap<Tensor, { readonly of: readonly (Tensor | null)[]; readonly form: Form }>();

/** The weights side by side, and the biases: made once, so that every plan shares them on the device. */
function formOf(group: readonly Projection[]): Form {
  const of = group.flatMap(({ weights, bias }) => [weights, bias]);
  const known = forms.get(of[0]!);
  if (known?.of.length === of.length && known.of.every((part, i) => part === of[i])) return known.form;
  const inner = group[0]!.weights.shape[0]!;
  const columns = group.reduce((sum, { weights }) => sum + weights.shape[1]!, 0);
  const data = new Float32Array(inner * columns);
  const biases = new Float32Array(columns);
  let first = 0;
  for (const { weights, bias } of group) {
    const own = weights.shape[1]!;
    for (let k = 0; k < inner; k++) data.set(weights.data.subarray(k * own, (k + 1) * own), k * columns + first);
    if (bias) biases.set(bias.data, first);
    first += own;
  }
  const bias = group.some((one) => one.bias) ? tensor("f32", [columns], biases) : null;
  const form = { weights: tensor("f32", [inner, columns], data), bias };
  forms.set(of[0]!, { of, form });
  return form;
}
