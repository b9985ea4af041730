/** A graph as quantizers travel through it: fused operations, and the uses of their results. @module */
import type { Node } from "../graph/graph.ts";
import { computedInputs, type Flow, isComputed } from "./flow.ts";
import { fuse } from "./fusion.ts";
import {
  activationForms,
  classOf,
  constrained,
  ELEMENTWISE,
  FLOAT_IN_TRANSFORMERS,
  isDepthwise,
  LINEAR,
  type OperatorClass,
  outputForms,
  type QuantizerForm,
} from "./operator_classes.ts";
import { patternedNodes } from "./ignored_patterns.ts";
import type { QuantizationConstraints, TargetDevice } from "./options.ts";

/** Nodes that are computed as one; an input or an output of the graph. */
export interface Operation {
  /** The nodes in order: the first says what quantization does with it. None for an output, or an input by itself. */
  readonly nodes: readonly Node[];
  /** What quantizers do there. */
  readonly class: OperatorClass;
  /** How its inputs can be quantized, best first; `null` where they are not. */
  readonly forms: readonly QuantizerForm[] | null;
  /** The computed values that it reads. */
  readonly inputs: Edge[];
  /** What it computes. */
  readonly result: Result;
}

/** The result of an operation: a place for a quantizer that all readers see. */
export interface Result {
  readonly of: Operation;
  /** The names of its values. */
  readonly values: readonly string[];
  /** All its uses by other operations. */
  readonly readers: Edge[];
}

/** One use of a result: a place for a quantizer that this reader alone sees. */
export interface Edge {
  readonly from: Result;
  readonly to: Operation;
  /** The name of the value. */
  readonly value: string;
  /** The node that reads it, or `null` for an output of the graph. */
  readonly node: Node | null;
  /** Which of its inputs. */
  readonly input: number;
  /** Whether it can be quantized: it is made of f32. */
  readonly float: boolean;
}

/** What the network depends on beside the graph. */
export interface NetworkOptions {
  /** Whether it is a transformer. */
  readonly transformer: boolean;
  /** The device that the file is meant for. */
  readonly targetDevice: TargetDevice;
  /** Whether outputs of the graph are quantized. */
  readonly quantizeOutputs: boolean;
  /** What all quantizers of activations must be. */
  readonly activations: QuantizationConstraints;
}

/**
 * The operations of a graph, in an order in which each comes after those that it reads from.
 *
 * @param ignored Whether the user keeps a node in float.
 */
export function operationsOf(flow: Flow, ignored: (node: Node) => boolean, options: NetworkOptions): Operation[] {
  const fused = fuse(flow);
  const chains = new Map(fused.flatMap((own) => own.nodes.map((node) => [node, own] as const)));
  const prefixed = new Map(fused.flatMap((own) => own.input === null ? [] : [[own.input, own] as const]));
  const patterned = patternedNodes(flow, options.transformer);
  const inFloat = (node: Node): boolean =>
    ignored(node) || patterned.has(node) ||
    (options.transformer && FLOAT_IN_TRANSFORMERS.has(node.op) &&
      !(node.op === "Mul" && options.targetDevice === "cpu_spr"));

  const operations: Operation[] = [];
  const results = new Map<string, Result>();
  const create = (
    nodes: readonly Node[],
    values: readonly string[],
    own: OperatorClass,
    forms: readonly QuantizerForm[] | null,
  ): Operation => {
    const operation = { nodes, class: own, forms, inputs: [] } as unknown as { result: Result } & Operation;
    operation.result = { of: operation, values, readers: [] };
    for (const value of values) results.set(value, operation.result);
    operations.push(operation);
    return operation;
  };
  const read = (operation: Operation, value: string, node: Node | null, input: number): void => {
    const from = results.get(value);
    if (!from) return;
    const edge = { from, to: operation, value, node, input, float: flow.types.get(value)?.dtype === "f32" };
    from.readers.push(edge);
    operation.inputs.push(edge);
  };

  for (const { name } of flow.graph.inputs) {
    const nodes = prefixed.get(name)?.nodes ?? [];
    create(nodes, nodes.at(-1)?.outputs ?? [name], "float", null);
  }
  for (const node of flow.nodes) {
    const chain = chains.get(node);
    if (chain && (chain.input !== null || chain.nodes[0] !== node)) continue;
    const nodes = chain?.nodes ?? [node];
    const own = inFloat(node) ? "float" : classOf(node, flow);
    const forms = own === "quantizable" && computedInputs(flow, node).length > 0
      ? constrained(activationForms(node, flow), options.activations, node, "activations")
      : null;
    const operation = create(nodes, nodes.at(-1)!.outputs.filter((value) => isComputed(flow, value)), own, forms);
    node.inputs.forEach((value, input) => {
      if (isComputed(flow, value)) read(operation, value, node, input);
    });
  }
  for (const { name } of flow.graph.outputs) {
    const node = flow.producers.get(name);
    if (!results.has(name)) continue;
    const forms = options.quantizeOutputs && node
      ? constrained(outputForms(), options.activations, node, "activations")
      : null;
    read(create([], [], "float", forms), name, null, 0);
  }
  return operations;
}

/** Whether a linear operator other than a depthwise one reads a result, directly or moved. */
export function leadsToLinear({ readers }: Result, flow: Flow): boolean {
  return readers.some(({ to }) => {
    const first = to.nodes[0];
    if (first && to.class === "quantizable" && LINEAR.has(first.op) && !isDepthwise(first, flow)) return true;
    return (to.class === "moving" || to.class === "concat") && leadsToLinear(to.result, flow);
  });
}

/** Whether an operation has two operands one of which may be a constant. */
export function isElementwise({ nodes }: Operation): boolean {
  return nodes.length > 0 && ELEMENTWISE.has(nodes[0]!.op);
}
