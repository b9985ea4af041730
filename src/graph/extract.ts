/** Reading the quantizers back out of a graph with QuantizeLinear and DequantizeLinear nodes. @module */
import type { QuantizationParameters } from "../tensor/quantization.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Graph, type Node, producersOf, usesOf } from "./graph.ts";
import {
  clampOf,
  dequantizeTensor,
  type Group,
  LINEAR_OPERATORS,
  MOVING_OPERATORS,
  type Plan,
  type QuantizedGraph,
  type Quantizer,
  type Site,
} from "./quantizers.ts";
import { Rewriter } from "./rewriter.ts";
import { Ties } from "./ties.ts";

/**
 * The float graph, its quantizers and the plan of a quantized graph, whoever made it: the inverse of `applyPlan`.
 *
 * Pairs of QuantizeLinear and DequantizeLinear, and constants behind a DequantizeLinear, become quantizers; int32 biases
 * become float ones. The plan is empty: what is not quantized in the file has no quantizer to switch on. Constant
 * expressions must have been folded.
 */
export function extractQuantizers(graph: Graph): { readonly model: QuantizedGraph; readonly plan: Plan } {
  return new Extractor(graph).run();
}

interface Found {
  readonly kind: "activation" | "weight";
  readonly parameters: QuantizationParameters;
  readonly site: Site;
}

class Extractor {
  readonly #graph: Graph;
  readonly #rewriter: Rewriter;
  readonly #producers: ReadonlyMap<string, Node>;
  readonly #outputs: ReadonlySet<string>;
  readonly #found: Found[] = [];
  /** Values that took the name of their quantized form, which is an output. */
  readonly #renamed = new Map<string, string>();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#outputs = new Set(graph.outputs.map((output) => output.name));
    this.#rewriter = new Rewriter(graph);
    this.#producers = producersOf(graph);
  }

  run(): { model: QuantizedGraph; plan: Plan } {
    const uses = usesOf(this.#graph);
    for (const node of this.#graph.nodes) {
      if (node.op !== "DequantizeLinear") continue;
      const output = node.outputs[0]!;
      const readers = (uses.get(output) ?? []).map((use) => ({ node: use.node.name, input: use.input }));
      const constant = this.#graph.constants.get(node.inputs[0]!);
      if (constant) this.#constant(node, constant, readers);
      else this.#activation(node, readers);
    }
    const graph = this.#rewriter.finish();
    const found = this.#found.map((own): Found => {
      const value = this.#renamed.get(own.site.value) ?? own.site.value;
      return { ...own, site: { ...own.site, value } };
    });
    const producers = producersOf(graph);
    const behind = readersBehindMoves(graph);
    const groups = groupsOf(graph, found, producers, behind);
    const groupOf = new Map(groups.flatMap((group) => group.nodes.map((name): [string, string] => [name, group.id])));
    const quantizers = found.map(({ kind, parameters, site }): Quantizer => {
      const read = site.readers.flatMap((reader) => [reader.node, ...behind(reader.node)]).flatMap((name) =>
        groupOf.get(name) ?? []
      );
      const own = read.length > 0
        ? read
        : nodeBehind(site.value, graph, producers).flatMap((name) => groupOf.get(name) ?? []);
      return { id: site.value, kind, parameters, sites: [site], groups: [...new Set(own)] };
    });
    return { model: { graph, quantizers, groups, warnings: [] }, plan: new Set() };
  }

  #constant(node: Node, constant: Tensor, readers: Site["readers"]): void {
    const parameters = this.#parametersOf(node, constant);
    if (!parameters) return;
    const value = this.#rewriter.constant(`${node.outputs[0]}_float`, dequantizeTensor(constant, parameters));
    this.#rewriter.redirect(node.outputs[0]!, value);
    if (constant.dtype === "i8" || constant.dtype === "u8") {
      this.#found.push({ kind: "weight", parameters, site: { value, readers } });
    }
  }

  #activation(node: Node, readers: Site["readers"]): void {
    const quantize = this.#producers.get(node.inputs[0]!);
    const parameters = this.#parametersOf(node, null);
    if (quantize?.op !== "QuantizeLinear" || !parameters) return;
    const output = node.outputs[0]!;
    const value = this.#renamed.get(quantize.inputs[0]!) ?? quantize.inputs[0]!;
    if (!this.#outputs.has(output)) {
      this.#rewriter.redirect(output, value);
      this.#found.push({ kind: "activation", parameters, site: { value, readers } });
      return;
    }
    if (this.#outputs.has(value) || !this.#producers.has(value)) return;
    this.#renamed.set(value, output);
    this.#rewriter.nodes = this.#rewriter.nodes.filter((other) => other.name !== node.name).map((other) =>
      other.outputs.includes(value)
        ? { ...other, outputs: other.outputs.map((name) => name === value ? output : name) }
        : other
    );
    this.#rewriter.redirect(value, output);
    this.#found.push({ kind: "activation", parameters, site: { value: output, readers, output: true } });
  }

  #parametersOf(node: Node, constant: Tensor | null): QuantizationParameters | null {
    const scale = this.#graph.constants.get(node.inputs[1]!);
    const zero = node.inputs[2] ? this.#graph.constants.get(node.inputs[2]) : undefined;
    if (!scale || (node.inputs[2] && !zero)) return null;
    const dtype = zero?.dtype ?? constant?.dtype ?? "u8";
    if (dtype === "i16" || dtype === "u16" || Number(node.attributes.get("block_size") ?? 0) !== 0) return null;
    const axis = scale.data.length === 1 ? null : (node.attributes.get("axis") as number | undefined) ?? 1;
    const rank = constant?.shape.length ?? 0;
    return {
      dtype: dtype === "i8" ? "i8" : "u8",
      axis: axis !== null && axis < 0 ? axis + rank : axis,
      scale: Float32Array.from(scale.data),
      zeroPoint: zero ? Int32Array.from(zero.data) : new Int32Array(scale.data.length),
    };
  }
}

/** The name of the node that computes a value, before its Relu or Clip; none for an input. */
function nodeBehind(value: string, graph: Graph, producers: ReadonlyMap<string, Node>): string[] {
  let node = producers.get(value);
  while (node && clampOf(node, graph.constants)) node = producers.get(node.inputs[0]!);
  return node ? [node.name] : [];
}

/** Nodes that read through one quantizer change precision together; without readers, the node behind it. */
function groupsOf(
  graph: Graph,
  found: readonly Found[],
  producers: ReadonlyMap<string, Node>,
  behind: (name: string) => string[],
): Group[] {
  const ties = new Ties();
  const weighted = new Set(found.flatMap(({ kind, site }) => kind === "weight" ? site.readers.map((r) => r.node) : []));
  const ops = new Map(graph.nodes.map((node) => [node.name, node.op]));
  for (const { kind, site } of found) {
    if (kind === "weight") continue;
    const readers = site.readers.flatMap((reader) => behind(reader.node)).filter((name) => ops.has(name));
    const quantized = readers.filter((name) =>
      !LINEAR_OPERATORS.has(ops.get(name)!) || weighted.has(name) || ops.get(name) === "MatMul"
    );
    ties.tie([quantized, nodeBehind(site.value, graph, producers), readers].find((list) => list.length > 0) ?? []);
  }
  for (const { kind, site } of found) {
    if (kind === "activation") continue;
    const names = site.readers.map((reader) => reader.node);
    // A table whose rows are read in 8 bits by those behind it belongs to them.
    const isTable = !names.some((name) => ties.has(name)) && names.flatMap(behind).some((name) => ties.has(name));
    if (!isTable) ties.tie(names);
  }
  return ties.groups(graph);
}

/** A reader, or, where it only moves data, those who read what it moves. */
function readersBehindMoves(graph: Graph): (name: string) => string[] {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const uses = usesOf(graph);
  const behind = (name: string): string[] => {
    const node = nodes.get(name);
    if (!node || !MOVING_OPERATORS.has(node.op)) return [name];
    const readers = node.outputs.flatMap((output) => (uses.get(output) ?? []).flatMap((use) => behind(use.node.name)));
    return readers.length > 0 ? readers : [name];
  };
  return behind;
}
