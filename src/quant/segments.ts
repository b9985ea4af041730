/** Cutting a graph behind some of its layers, into parts that run one after the other. @module */
import { type Graph, type Node, producersOf, type ValueInfo } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { type KnownType, normalizeAxis, tensor } from "../tensor/tensor.ts";

/** What is added to each channel of a value. */
export interface ChannelShift {
  /** One number for each channel. */
  readonly shift: Float64Array;
  /** The axis of the channels. */
  readonly axis: number;
}

/** A part of a graph: what can be computed once the layers of the parts before it are. */
export interface Segment {
  /** The layers that it ends at. */
  readonly layers: readonly Node[];
  /** The values that later parts read. */
  readonly kept: readonly string[];
  /** The kept values of other parts that no part after this one reads. */
  readonly lastUses: readonly string[];
  /**
   * The part as a graph of its own, open for further outputs. It reads values of the parts before it as inputs, and adds the
   * shifts to those that have one.
   *
   * @param types The types of the whole graph's values.
   */
  rewriter(types: ReadonlyMap<string, KnownType>, shifts: ReadonlyMap<string, ChannelShift>): Rewriter;
}

/**
 * Cuts a graph behind the layers of the given names. Each part ends at layers of equal depth, which counts the layers on the
 * longest way from an input. What no layer needs is left out.
 */
export function cutAtLayers(graph: Graph, names: Iterable<string>): Segment[] {
  const wanted = new Set(names);
  const ends = graph.nodes.filter(({ name }) => wanted.has(name));
  const outputs = ends.map(({ outputs }) => ({ name: outputs[0]!, dtype: "f32" as const, shape: null }));
  const needed = new Rewriter(graph).finish({ outputs });
  const levels = levelsOf(needed, wanted);
  const free = needed.nodes.filter((node) => !levels.has(node));
  const [bornAt, lastUse] = [new Map<string, number>(), new Map<string, number>()];
  for (const [node, level] of levels) {
    for (const output of node.outputs) if (output) bornAt.set(output, level);
    for (const input of node.inputs) if (input) lastUse.set(input, Math.max(lastUse.get(input) ?? 0, level));
  }
  const crossing = [...bornAt].filter(([value, level]) => (lastUse.get(value) ?? 0) > level);
  const count = Math.max(-1, ...ends.map((node) => levels.get(node)!)) + 1;
  return Array.from({ length: count }, (_, level): Segment => {
    const nodes = needed.nodes.filter((node) => levels.get(node) === level);
    return {
      layers: nodes.filter(({ name }) => wanted.has(name)),
      kept: crossing.filter(([, born]) => born === level).map(([value]) => value),
      lastUses: crossing.filter(([value]) => lastUse.get(value) === level).map(([value]) => value),
      rewriter: (types, shifts) => partOf(needed, [...free, ...nodes], types, shifts),
    };
  });
}

/** How many layers lie before each node, on the longest way. Nodes that depend on constants alone have no place of their own. */
function levelsOf(graph: Graph, layers: ReadonlySet<string>): Map<Node, number> {
  const producers = producersOf(graph);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const levels = new Map<Node, number>();
  for (const node of graph.nodes) {
    const before = node.inputs.flatMap((input): number[] => {
      if (inputs.has(input)) return [0];
      const producer = producers.get(input);
      const level = producer && levels.get(producer);
      return level === undefined ? [] : [level + (layers.has(producer!.name) ? 1 : 0)];
    });
    if (before.length > 0) levels.set(node, Math.max(...before));
  }
  return levels;
}

function partOf(
  graph: Graph,
  nodes: readonly Node[],
  types: ReadonlyMap<string, KnownType>,
  shifts: ReadonlyMap<string, ChannelShift>,
): Rewriter {
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs).filter((name) => name));
  const inputs = [...read].filter((name) => !made.has(name) && !graph.constants.has(name))
    .map((name): ValueInfo => ({ name, dtype: types.get(name)!.dtype, shape: types.get(name)!.shape }));
  const rewriter = new Rewriter({ ...graph, inputs, nodes });
  for (const { name } of inputs) {
    const own = shifts.get(name);
    if (!own) continue;
    const { shape } = types.get(name)!;
    const axis = normalizeAxis(own.axis, shape.length);
    const added = tensor("f32", shape.slice(axis).map((dim, i) => i === 0 ? dim : 1), Float32Array.from(own.shift));
    const sum = rewriter.unique(`${name}_corrected`);
    rewriter.redirect(name, sum);
    rewriter.node("Add", [name, rewriter.constant(`${name}_shift`, added)], {}, sum);
  }
  return rewriter;
}
