/**
 * Layer normalizations that a file spells out in small operators, as single LayerNormalization nodes.
 *
 * Files write them in many ways, so what is recognised is what is computed: values that depend on x by its mean and its
 * deviation are followed as formulas, and one that comes to `scale * (x - mean) / sqrt(variance + epsilon) + bias` is
 * replaced. For the runtime alone: files keep the operators that they have.
 *
 * @module
 */
import { type Node, producersOf, usesOf } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { numberOf, numbersOf } from "../ops/op.ts";
import { type KnownType, sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";
import type { TypedGraph } from "./specialize.ts";

/** One number for each element of the last axis of x. */
type Vector = Float64Array;

/** What a value is in terms of x, its mean and its variance along the last axis. */
type Formula =
  /** `(x * ofX + mean * ofMean) / (epsilon === null ? 1 : sqrt(variance + epsilon)) + rest`. */
  | {
    readonly kind: "affine";
    readonly epsilon: number | null;
    readonly ofX: Vector;
    readonly ofMean: Vector;
    readonly rest: Vector;
  }
  /** `(x - mean) ^ 2`. */
  | { readonly kind: "square" }
  /** `variance + epsilon`. */
  | { readonly kind: "variance"; readonly epsilon: number }
  /** `sqrt(variance + epsilon)`. */
  | { readonly kind: "deviation"; readonly epsilon: number }
  /** `factor / sqrt(variance + epsilon)`. */
  | { readonly kind: "inverse"; readonly epsilon: number; readonly factor: Vector };

type Affine = Extract<Formula, { readonly kind: "affine" }>;

/** Replaces every normalization none of whose inner values is needed elsewhere. */
export function recognize(typed: TypedGraph): TypedGraph {
  const { graph } = typed;
  const sources = new Set(
    graph.nodes.flatMap((node) => node.op === "ReduceMean" && isLastAxis(node, typed) ? [node.inputs[0]!] : []),
  );
  if (sources.size === 0) return typed;
  const [producers, uses] = [producersOf(graph), usesOf(graph)];
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const rewriter = new Rewriter(graph);
  const types = new Map(typed.types);
  const replaced = new Map<Node, Node>();

  /** The nodes between x and a value, or `null` where something else sees a value in between. */
  const between = (x: string, value: string): Set<Node> | null => {
    const nodes = new Set<Node>();
    const visit = (name: string): void => {
      const node = name === x ? undefined : producers.get(name);
      if (!node || nodes.has(node)) return;
      nodes.add(node);
      node.inputs.forEach(visit);
    };
    visit(value);
    const hidden = [...nodes].every((node) =>
      node.outputs[0] === value ||
      node.outputs.every((name) => !outputs.has(name) && (uses.get(name) ?? []).every((use) => nodes.has(use.node)))
    );
    return hidden ? nodes : null;
  };

  for (const x of sources) {
    const formulas = formulasOf(x, typed);
    for (const [value, formula] of [...formulas].reverse()) {
      if (formula.kind !== "affine" || formula.epsilon === null) continue;
      const { epsilon, ofX, ofMean, rest } = formula;
      if (!ofX.every((factor, i) => factor === -ofMean[i]!) || !sameShape(types.get(x)!, types.get(value)!)) continue;
      const nodes = between(x, value);
      if (!nodes) continue;
      const node = producers.get(value)!;
      const parameter = (wish: string, vector: Vector): string => {
        const given = [...nodes].flatMap((other) => other.inputs).find((name) =>
          holds(graph.constants.get(name), vector)
        );
        const name = given ?? rewriter.constant(`${node.name}_${wish}`, tensor("f32", [vector.length], vector));
        types.set(name, rewriter.constants.get(name)!);
        return name;
      };
      const inputs = [x, parameter("scale", ofX), ...(rest.some((v) => v !== 0) ? [parameter("bias", rest)] : [])];
      const attributes = new Map([["axis", -1], ["epsilon", epsilon]]);
      replaced.set(node, { ...node, op: "LayerNormalization", inputs, attributes });
      break;
    }
  }
  if (replaced.size === 0) return typed;
  rewriter.nodes = graph.nodes.map((node) => replaced.get(node) ?? node);
  return { graph: rewriter.finish(), types };
}

/** The values that are formulas of x, in graph order. */
function formulasOf(x: string, typed: TypedGraph): Map<string, Formula> {
  const { shape } = typed.types.get(x)!;
  const length = shape.at(-1)!;
  const fill = (value: number): Vector => new Float64Array(length).fill(value);
  const none = fill(0);
  const formulas = new Map<string, Formula>();
  const itself: Formula = { kind: "affine", epsilon: null, ofX: fill(1), ofMean: none, rest: none };
  /** A constant that does not change from row to row. */
  const vectorOf = (name: string): Vector | null => {
    const constant = typed.graph.constants.get(name);
    if (constant?.dtype !== "f32" || constant.shape.length > shape.length) return null;
    if (constant.data.length === 1) return fill(constant.data[0]!);
    return constant.data.length === length && constant.shape.at(-1) === length
      ? Float64Array.from(constant.data)
      : null;
  };
  for (const node of typed.graph.nodes) {
    const [a, b] = node.inputs.map((name) => name === x ? itself : formulas.get(name));
    if (!a && !b) continue;
    const formula = node.op === "ReduceMean"
      ? a && isLastAxis(node, typed) ? meanOf(a, fill(-1), none) : null
      : node.inputs.length === 1
      ? a && unary(node, a, typed, fill(1))
      : node.inputs.length === 2
      ? binary(node, [a, b], [vectorOf(node.inputs[0]!), vectorOf(node.inputs[1]!)])
      : null;
    if (formula) formulas.set(node.outputs[0]!, formula);
  }
  return formulas;
}

function meanOf(a: Formula, minus: Vector, none: Vector): Formula | null {
  if (a.kind === "square") return { kind: "variance", epsilon: 0 };
  const plain = a.kind === "affine" && a.epsilon === null && [a.ofMean, a.rest].every((v) => v.every((e) => e === 0));
  if (!plain || !a.ofX.every((v) => v === 1)) return null;
  return { kind: "affine", epsilon: null, ofX: none, ofMean: minus.map((v) => -v), rest: none };
}

function unary({ op, outputs }: Node, a: Formula, { types }: TypedGraph, one: Vector): Formula | null {
  if (op === "Sqrt" && a.kind === "variance") return { kind: "deviation", epsilon: a.epsilon };
  if (op === "Reciprocal" && a.kind === "deviation") return { kind: "inverse", epsilon: a.epsilon, factor: one };
  if (op === "Neg") return scaled(a, one.map((v) => -v));
  return (op === "Cast" || op === "Identity") && types.get(outputs[0]!)?.dtype === "f32" ? a : null;
}

function binary(
  { op, inputs }: Node,
  [a, b]: readonly (Formula | undefined)[],
  [p, q]: readonly [Vector | null, Vector | null],
): Formula | null {
  switch (op) {
    case "Add":
      return a && b ? sum(a, b, 1) : plus((a ?? b)!, a ? q : p);
    case "Sub":
      if (a && b) return sum(a, b, -1);
      return a ? plus(a, q && q.map((v) => -v)) : p && plus(scaled(b!, p.map(() => -1)), p);
    case "Mul":
      if (a && b) return inputs[0] === inputs[1] && isCentred(a) ? { kind: "square" } : product(a, b) ?? product(b, a);
      return scaled((a ?? b)!, a ? q : p);
    case "Div":
      if (a && b) return b.kind === "deviation" ? quotient(a, b.epsilon) : null;
      if (a) return scaled(a, q && q.map((v) => 1 / v));
      return p && b?.kind === "deviation" ? { kind: "inverse", epsilon: b.epsilon, factor: p } : null;
    case "Pow": {
      if (!a || !q?.every((v) => v === q[0])) return null;
      if (q[0] === 2) return isCentred(a) ? { kind: "square" } : null;
      if (a.kind !== "variance") return null;
      if (q[0] === 0.5) return { kind: "deviation", epsilon: a.epsilon };
      return q[0] === -0.5 ? { kind: "inverse", epsilon: a.epsilon, factor: q.map(() => 1) } : null;
    }
  }
  return null;
}

/** Whether a formula is `x - mean` or the negative. */
function isCentred(a: Formula): boolean {
  return a.kind === "affine" && a.epsilon === null && a.rest.every((v) => v === 0) &&
    Math.abs(a.ofX[0]!) === 1 && a.ofX.every((v, i) => v === a.ofX[0] && v === -a.ofMean[i]!);
}

function sum(a: Formula, b: Formula, sign: 1 | -1): Formula | null {
  if (a.kind !== "affine" || b.kind !== "affine" || a.epsilon !== b.epsilon) return null;
  const add = (p: Vector, q: Vector): Vector => p.map((v, i) => v + sign * q[i]!);
  return {
    ...a,
    ofX: add(a.ofX, b.ofX),
    ofMean: add(a.ofMean, b.ofMean),
    rest: add(a.rest, b.rest),
  };
}

function plus(a: Formula | null, constant: Vector | null): Formula | null {
  if (!a || !constant) return null;
  if (a.kind === "affine") return { ...a, rest: a.rest.map((v, i) => v + constant[i]!) };
  const uniform = constant.every((v) => v === constant[0]);
  return a.kind === "variance" && uniform ? { ...a, epsilon: a.epsilon + constant[0]! } : null;
}

function scaled(a: Formula, constant: Vector | null): Formula | null {
  if (!constant) return null;
  const scale = (vector: Vector): Vector => vector.map((v, i) => v * constant[i]!);
  if (a.kind === "inverse") return { ...a, factor: scale(a.factor) };
  return a.kind === "affine" ? { ...a, ofX: scale(a.ofX), ofMean: scale(a.ofMean), rest: scale(a.rest) } : null;
}

function product(a: Formula, b: Formula): Formula | null {
  if (b.kind !== "inverse") return null;
  const numerator = scaled(a, b.factor);
  return numerator && quotient(numerator, b.epsilon);
}

function quotient(a: Formula, epsilon: number): Affine | null {
  return a.kind === "affine" && a.epsilon === null && a.rest.every((v) => v === 0) ? { ...a, epsilon } : null;
}

function holds(constant: Tensor | undefined, vector: Vector): boolean {
  return constant?.dtype === "f32" && constant.data.length === vector.length &&
    constant.shape.at(-1) === vector.length && constant.data.every((v, i) => v === Math.fround(vector[i]!));
}

/** Whether a ReduceMean is along the last axis alone, and keeps it. */
function isLastAxis({ inputs, attributes }: Node, { types, graph }: TypedGraph): boolean {
  const { dtype, shape } = types.get(inputs[0]!)!;
  const axes = numbersOf(attributes, "axes") ?? graph.constants.get(inputs[1] ?? "")?.data;
  return dtype === "f32" && sizeOf(shape) > 0 && axes?.length === 1 && numberOf(attributes, "keepdims", 1) === 1 &&
    (axes[0] === -1 || axes[0] === shape.length - 1);
}

function sameShape(a: KnownType, b: KnownType): boolean {
  return a.shape.length === b.shape.length && a.shape.every((size, axis) => size === b.shape[axis]);
}
