/**
 * Rewrites that hold for every input shape: the graph that is quantized, exported and run.
 *
 * Scales and shifts that follow a convolution become part of its weights and bias, so that a QDQ file made from the graph
 * can run as integer convolutions (onnxruntime does not fold a BatchNormalization behind quantizers).
 *
 * @module
 */
import { type Graph, type Node, producersOf, usesOf } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { numberOf } from "../ops/op.ts";
import { sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";
import { isControl } from "./control.ts";
import { explained, keepsIntegers, operatorOf } from "./specialize.ts";

/** Simplifies a graph. Names of values and of the nodes that remain do not change. */
export function simplify(graph: Graph): Graph {
  return foldAffine(dropIdentities(foldConstants(graph)));
}

function foldConstants(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  rewriter.nodes = [];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => name ? rewriter.constants.get(name) : null);
    if (keepsIntegers(node) || isControl(node) || inputs.includes(undefined)) {
      rewriter.nodes.push(node);
      continue;
    }
    const op = operatorOf(node, graph.opset);
    const results = explained(node, () => op.reference(inputs as (Tensor | null)[]));
    node.outputs.forEach((name, i) => name && rewriter.constants.set(name, results[i]!));
  }
  return rewriter.finish();
}

function dropIdentities(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const sources = new Map<string, string>();
  for (const node of graph.nodes) {
    if (node.op !== "Identity" && node.op !== "Dropout") continue;
    const [from, to] = [node.outputs[0]!, sources.get(node.inputs[0]!) ?? node.inputs[0]!];
    if (outputs.has(from)) continue;
    sources.set(from, to);
    rewriter.redirect(from, to);
  }
  return rewriter.finish();
}

/** `y = scale * x + shift` for each channel. */
interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

function foldAffine(graph: Graph): Graph {
  let current = graph;
  for (;;) {
    const next = foldOneAffineEach(current);
    if (next === current) return current;
    current = next;
  }
}

/** Folds, behind every convolution, the first scale or shift that can be. */
function foldOneAffineEach(graph: Graph): Graph {
  const producers = producersOf(graph);
  const uses = usesOf(graph);
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const rewriter = new Rewriter(graph);
  const replaced = new Map<Node, Node | null>();
  const store = (name: string, constant: Tensor): string => {
    if (uses.get(name)!.length > 1) return rewriter.constant(name, constant);
    rewriter.constants.set(name, constant);
    return name;
  };
  for (const node of graph.nodes) {
    const value = node.inputs.find((name) => name && producers.get(name)?.op === "Conv");
    const conv = value ? producers.get(value)! : undefined;
    if (!conv || replaced.has(conv) || outputs.has(value!) || uses.get(value!)!.length > 1) continue;
    const weights = graph.constants.get(conv.inputs[1]!);
    const bias = conv.inputs[2] ? graph.constants.get(conv.inputs[2]) : null;
    if (!weights || bias === undefined) continue;
    const affine = affineOf(node, value!, weights.shape[0]!, weights.shape.length, graph);
    if (!affine) continue;
    const folded = applyAffine(weights, bias, affine);
    replaced.set(node, null);
    replaced.set(conv, {
      ...conv,
      inputs: [
        conv.inputs[0]!,
        store(conv.inputs[1]!, folded.weights),
        conv.inputs[2] ? store(conv.inputs[2], folded.bias) : rewriter.constant(`${conv.name}.bias`, folded.bias),
      ],
      outputs: node.outputs,
    });
  }
  if (replaced.size === 0) return graph;
  rewriter.nodes = graph.nodes.flatMap((node) => {
    const own = replaced.get(node);
    return own === undefined ? [node] : own === null ? [] : [own];
  });
  return rewriter.finish();
}

function affineOf(node: Node, value: string, channels: number, rank: number, graph: Graph): Affine | null {
  if (node.op === "BatchNormalization" && numberOf(node.attributes, "training_mode", 0) === 0) {
    const [gamma, beta, mean, variance] = node.inputs.slice(1).map((name) => graph.constants.get(name)?.data);
    if (!gamma || !beta || !mean || !variance) return null;
    const epsilon = numberOf(node.attributes, "epsilon", 1e-5);
    const scale = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c]! + epsilon));
    return { scale, shift: scale.map((s, c) => beta[c]! - mean[c]! * s) };
  }
  const position = node.inputs.indexOf(value);
  const other = perChannel(graph.constants.get(node.inputs[1 - position] ?? ""), channels, rank);
  if (!other) return null;
  const [zeros, ones] = [new Float64Array(channels), new Float64Array(channels).fill(1)];
  if (node.op === "Mul") return { scale: other, shift: zeros };
  if (node.op === "Add") return { scale: ones, shift: other };
  if (node.op === "Div" && position === 0) return { scale: other.map((v) => 1 / v), shift: zeros };
  if (node.op === "Sub" && position === 0) return { scale: ones, shift: other.map((v) => -v) };
  return null;
}

/** A constant as one number for each channel (axis 1), where it is one number or varies along that axis alone. */
function perChannel(constant: Tensor | undefined, channels: number, rank: number): Float64Array | null {
  if (!constant || constant.dtype !== "f32" || constant.shape.length > rank) return null;
  if (sizeOf(constant.shape) === 1) return new Float64Array(channels).fill(constant.data[0]!);
  const axis = constant.shape.length - (rank - 1);
  const along = constant.shape.every((dim, i) => dim === (i === axis ? channels : 1));
  return along ? Float64Array.from(constant.data) : null;
}

function applyAffine(
  weights: Tensor,
  bias: Tensor | null,
  { scale, shift }: Affine,
): { weights: Tensor; bias: Tensor } {
  const inner = sizeOf(weights.shape.slice(1));
  const scaled = new Float32Array(weights.data.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = weights.data[i]! * scale[Math.floor(i / inner)]!;
  return {
    weights: tensor("f32", weights.shape, scaled),
    bias: tensor("f32", [scale.length], Float32Array.from(scale, (s, c) => (bias?.data[c] ?? 0) * s + shift[c]!)),
  };
}
