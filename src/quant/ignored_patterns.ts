/** Nodes that stay in float by what they are part of, as in NNCF. @module */
import type { Node } from "../graph/graph.ts";
import { computedInputs, type Flow, readersOf } from "./flow.ts";
import { activations } from "./fusion.ts";
import { weightInputs } from "./operator_classes.ts";

/** Operators of a detector's post-processing. */
const POST_PROCESSING = new Set(["TopK", "NonMaxSuppression"]);

/** Operators that a value in attention comes through before it is weighted. */
const VALUE_MOVES = new Set(["Reshape", "Transpose", "Split", "Gather", "Squeeze", "Concat"]);

/** The nodes that patterns leave in float. Patterns of attention count in transformers alone. */
export function patternedNodes(flow: Flow, transformer: boolean): Set<Node> {
  const found = new Set([...squeezeExcitations(flow).flatMap((block) => block.inner), ...postProcessing(flow)]);
  if (transformer) { for (const node of attentionOutputs(flow)) found.add(node); }
  return found;
}

/** A block that scales channels by what a small network makes of their means. */
export interface SqueezeExcitation {
  /** The convolutions and activations between the mean and the multiplication. */
  readonly inner: readonly Node[];
}

/** Blocks of mean, convolution, activation, convolution, sigmoid and multiplication. */
export function squeezeExcitations(flow: Flow): SqueezeExcitation[] {
  const found: SqueezeExcitation[] = [];
  for (const mean of flow.nodes) {
    if (mean.op !== "GlobalAveragePool" && mean.op !== "ReduceMean") continue;
    const first = soleReader(flow, mean);
    if (first?.op !== "Conv" || computedInputs(flow, first).length > 1) continue;
    for (const activation of activations) {
      const match = activation.match(flow, first.outputs[0]!, false);
      const second = match && soleReader(flow, match.nodes.at(-1)!);
      if (second?.op !== "Conv" || computedInputs(flow, second).length > 1) continue;
      const gate = soleReader(flow, second);
      const product = gate && (gate.op === "Sigmoid" || gate.op === "HardSigmoid") ? soleReader(flow, gate) : null;
      if (product?.op !== "Mul" || !computedInputs(flow, product).includes(mean.inputs[0]!)) continue;
      found.push({ inner: [first, ...match!.nodes, second, gate!] });
      break;
    }
  }
  return found;
}

/** The one node that reads a node's result, or `null`. */
export function soleReader(flow: Flow, node: Node): Node | null {
  const readers = readersOf(flow, node.outputs[0]!);
  return readers.length === 1 && node.outputs.length === 1 && !flow.outputs.has(node.outputs[0]!)
    ? readers[0]!.node
    : null;
}

/** The product of a softmax with values that were moved, and both of its operands. */
function attentionOutputs(flow: Flow): Node[] {
  const found: Node[] = [];
  for (const softmax of flow.nodes) {
    if (softmax.op !== "Softmax") continue;
    let weights = softmax;
    let product = soleReader(flow, softmax);
    if (product?.op === "Reshape") [weights, product] = [product, soleReader(flow, product)];
    if (product?.op !== "MatMul" && product?.op !== "Gemm") continue;
    const [value, ...rest] = computedInputs(flow, product).filter((name) => name !== weights.outputs[0]);
    const move = value ? flow.producers.get(value) : undefined;
    if (!move || rest.length > 0 || !VALUE_MOVES.has(move.op) || soleReader(flow, move) !== product) continue;
    found.push(...new Set([softmax, weights, product, move]));
  }
  return found;
}

/** The nodes without weights on paths from the last weights to an output that lead through a TopK or NonMaxSuppression. */
function postProcessing(flow: Flow): Set<Node> {
  const tail = closure(flow, [...flow.outputs].flatMap((name) => flow.producers.get(name) ?? []), behind(flow));
  const markers = [...tail].filter((node) => POST_PROCESSING.has(node.op));
  const below = closure(flow, markers, (node) => ahead(flow, node).filter((own) => tail.has(own)));
  return new Set([...closure(flow, markers, behind(flow)), ...below]);
}

/** The producers of a node's inputs that have no weights. */
function behind(flow: Flow): (node: Node) => Node[] {
  return (node) => computedInputs(flow, node).flatMap((value) => flow.producers.get(value) ?? []);
}

function ahead(flow: Flow, node: Node): Node[] {
  return node.outputs.flatMap((value) => readersOf(flow, value).map((use) => use.node));
}

/** All nodes without weights that steps lead to from some. */
function closure(flow: Flow, from: readonly Node[], steps: (node: Node) => Node[]): Set<Node> {
  const found = new Set<Node>();
  const open = [...from];
  for (let node = open.pop(); node; node = open.pop()) {
    if (found.has(node) || weightInputs(node, flow).length > 0) continue;
    found.add(node);
    open.push(...steps(node));
  }
  return found;
}
