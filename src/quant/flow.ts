/** A graph as its activations flow: without constants, and without what only shapes decide. @module */
import { type Graph, type Node, producersOf, type Use, usesOf } from "../graph/graph.ts";
import type { KnownType } from "../tensor/tensor.ts";

/** What placement asks of a graph, prepared once. */
export interface Flow {
  /** The graph. */
  readonly graph: Graph;
  /** The type of every value; what is known in advance carries its elements. */
  readonly types: ReadonlyMap<string, KnownType>;
  /** The nodes that compute something the data decide, in graph order. */
  readonly nodes: readonly Node[];
  /** The node that computes each value. */
  readonly producers: ReadonlyMap<string, Node>;
  /** Names of the graph's outputs. */
  readonly outputs: ReadonlySet<string>;
}

/** Prepares a graph for placement. */
export function flowOf(graph: Graph, types: ReadonlyMap<string, KnownType>): Flow {
  const known = (name: string): boolean => graph.constants.has(name) || types.get(name)?.data !== undefined;
  return {
    graph,
    types,
    nodes: graph.nodes.filter((node) => !node.outputs.every((name) => !name || known(name))),
    producers: producersOf(graph),
    outputs: new Set(graph.outputs.map((output) => output.name)),
  };
}

const usesByFlow = new WeakMap<Flow, ReadonlyMap<string, readonly Use[]>>();

/** The readers of a value among the nodes of the flow. Reading as a graph output is not among them. */
export function readersOf(flow: Flow, value: string): readonly Use[] {
  let uses = usesByFlow.get(flow);
  if (!uses) usesByFlow.set(flow, uses = usesOf({ ...flow.graph, nodes: flow.nodes }));
  return uses.get(value) ?? [];
}

/** Whether a value is computed from the data, and not a constant or a shape. */
export function isComputed({ graph, types }: Flow, value: string): boolean {
  return value !== "" && !graph.constants.has(value) && types.get(value)?.data === undefined;
}

/** Whether a value can be quantized: it is computed, and made of f32. */
export function isActivation(flow: Flow, value: string): boolean {
  return isComputed(flow, value) && flow.types.get(value)?.dtype === "f32";
}

/** The inputs of a node that are computed, one for each position. */
export function computedInputs(flow: Flow, node: Node): string[] {
  return node.inputs.filter((value) => isComputed(flow, value));
}
