/** What a quantized file says of the precision of its operations. @module */
import { type Graph, type Node, producersOf } from "../graph/graph.ts";
import { LINEAR_OPERATORS } from "../graph/quantizers.ts";

/** Operations that read through the same quantizers. */
export interface FileGroup {
  /** Names of the operations, in graph order. */
  readonly nodes: readonly string[];
  /** The precision that they run in. */
  readonly precision: "int8" | "fp32";
}

/** The quantizers of a file, and what they say of its operations. */
export interface FilePrecision {
  /** Number of quantized activations and weights. */
  readonly quantizers: number;
  /** The groups, in graph order; an operation that could run in INT8 and does not is a group of its own. */
  readonly groups: readonly FileGroup[];
}

/** Operators that hand on 8-bit data as they are. */
const MOVING = new Set([
  ..."Reshape Flatten Squeeze Unsqueeze Transpose Slice Split MaxPool Concat Gather Pad Relu Clip".split(" "),
]);

/** The values that a value holds in 8 bits, none for a weight; `null` where it is computed in float. */
type Sources = (value: string) => readonly string[] | null;

/** Reads quantizers and groups from the QuantizeLinear and DequantizeLinear nodes of a graph. */
export function precisionOf(graph: Graph): FilePrecision {
  const sourcesOf = sourcesIn(graph);
  const find = tieSources(graph, sourcesOf);
  const groups = new Map<string, { nodes: string[]; precision: FileGroup["precision"] }>();
  for (const node of graph.nodes) {
    const [source] = int8Sources(node, sourcesOf);
    if (source === undefined && !LINEAR_OPERATORS.has(node.op)) continue;
    const key = JSON.stringify(source === undefined ? { float: node.name } : find(source));
    const group = groups.get(key) ?? { nodes: [], precision: source === undefined ? "fp32" : "int8" };
    group.nodes.push(node.name);
    groups.set(key, group);
  }
  const quantizers = graph.nodes.filter(({ op, inputs }) => {
    const constant = op === "DequantizeLinear" ? graph.constants.get(inputs[0]!) : undefined;
    return op === "QuantizeLinear" || (constant !== undefined && constant.dtype !== "i32");
  });
  return { quantizers: quantizers.length, groups: [...groups.values()] };
}

function sourcesIn(graph: Graph): Sources {
  const producers = producersOf(graph);
  return function sourcesOf(value): readonly string[] | null {
    const node = producers.get(value);
    if (node?.op === "DequantizeLinear") {
      const before = producers.get(node.inputs[0]!);
      return before?.op === "QuantizeLinear" ? [before.inputs[0]!] : [];
    }
    if (!node || !MOVING.has(node.op)) return null;
    const all = movedBy(node).map(sourcesOf);
    return all.every((sources) => sources !== null) ? all.flat() : null;
  };
}

/** The quantized activations that an operation in INT8 reads; none for other nodes. */
function int8Sources(node: Node, sourcesOf: Sources): readonly string[] {
  if (node.op === "QuantizeLinear" || node.op === "DequantizeLinear" || MOVING.has(node.op)) return [];
  const all = (LINEAR_OPERATORS.has(node.op) ? node.inputs.slice(0, 2) : node.inputs).map(sourcesOf);
  return all.every((sources) => sources !== null) ? all.flat() : [];
}

function movedBy({ op, inputs }: Node): readonly string[] {
  return op === "Concat" ? inputs : inputs.slice(0, 1);
}

/** Ties the values that one operation reads, or only moves; the function names the class of a value. */
function tieSources(graph: Graph, sourcesOf: Sources): (value: string) => string {
  const ties = new Map<string, string>();
  const find = (value: string): string => {
    const up = ties.get(value);
    return up === undefined ? value : find(up);
  };
  const tie = (a: string, b: string): void => {
    const [rootA, rootB] = [find(a), find(b)];
    if (rootA !== rootB) ties.set(rootB, rootA);
  };
  const quantized = new Set(graph.nodes.filter(({ op }) => op === "QuantizeLinear").map(({ inputs }) => inputs[0]!));
  for (const node of graph.nodes) {
    const sources = MOVING.has(node.op)
      ? movedBy(node).flatMap((v) => sourcesOf(v) ?? [])
      : int8Sources(node, sourcesOf);
    const results = MOVING.has(node.op) ? node.outputs.filter((output) => quantized.has(output)) : [];
    for (const value of [...sources, ...results]) tie(sources[0] ?? value, value);
  }
  return find;
}
