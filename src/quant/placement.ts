/**
 * Where quantizers go, and which operations they tie together.
 *
 * Inputs of Conv, MatMul and Gemm are quantized, and with them the additions and poolings that join convolutions, so that
 * data stays in 8 bits between them. Operators that only move data are quantized with what they move. Activations are not
 * moved through: a quantizer sits behind the Relu, where the range is smallest (as in NNCF).
 *
 * @module
 */
import { type Graph, type Node, producersOf, type Use, usesOf } from "../graph/graph.ts";
import { type Group, LINEAR_OPERATORS, MOVING_OPERATORS, type Reader, type Site } from "../graph/quantizers.ts";
import type { KnownType } from "../tensor/tensor.ts";

/** A quantizer before its numbers are known. */
export interface Placement {
  /** The name of its first value. */
  readonly id: string;
  /** Whether it acts on computed values or on a constant. */
  readonly kind: "activation" | "weight";
  /** Where it acts. */
  readonly sites: readonly Site[];
  /** The groups that need it. */
  readonly groups: readonly string[];
  /** For weights: the axis of the output channels. */
  readonly channelAxis?: number;
}

/** Where all quantizers of a graph go. */
export interface Placements {
  /** The quantizers. */
  readonly placements: readonly Placement[];
  /** The groups, in graph order. */
  readonly groups: readonly Group[];
}

const CLAMPS = new Set(["Relu", "Clip"]);

/** Places quantizers on a graph. Nodes for which `ignored` holds stay in float. */
export function placeQuantizers(
  graph: Graph,
  types: ReadonlyMap<string, KnownType>,
  ignored: (node: Node) => boolean,
): Placements {
  return new Placer(graph, types, ignored).run();
}

class Placer {
  readonly #graph: Graph;
  readonly #types: ReadonlyMap<string, KnownType>;
  readonly #producers: ReadonlyMap<string, Node>;
  readonly #uses: ReadonlyMap<string, readonly Use[]>;
  readonly #outputs: ReadonlySet<string>;
  /** Quantizable nodes, with the inputs that are quantized activations. */
  readonly #quantizable = new Map<Node, readonly number[]>();
  readonly #classes = new UnionFind<string>();

  constructor(graph: Graph, types: ReadonlyMap<string, KnownType>, ignored: (node: Node) => boolean) {
    this.#graph = graph;
    this.#types = types;
    this.#producers = producersOf(graph);
    this.#uses = usesOf(graph);
    this.#outputs = new Set(graph.outputs.map((output) => output.name));
    for (const node of graph.nodes) {
      const inputs = ignored(node) ? [] : this.#quantizedInputs(node);
      if (inputs.length > 0) this.#quantizable.set(node, inputs);
    }
  }

  run(): Placements {
    for (const node of this.#graph.nodes) {
      const sources = this.#sources(node);
      if (sources.length > 0 && sources.every((value) => this.#allQuantized(value))) {
        for (const output of node.outputs) for (const source of sources) this.#classes.union(source, output);
      }
    }
    const sites = this.#activationSites();
    const groups = this.#groups(sites);
    const groupOf = new Map(groups.flatMap((group) => group.nodes.map((name): [string, string] => [name, group.id])));
    const placements = [...sites.values()].map((own): Placement => {
      const readers = own.flatMap((site) => site.readers.map((reader) => groupOf.get(reader.node)));
      const producers = own.map((site) => groupOf.get(this.#convBehind(site)?.name ?? ""));
      const needed = new Set([...readers, ...producers].filter((id) => id !== undefined));
      return { id: own[0]!.value, kind: "activation", sites: own, groups: [...needed] };
    });
    return { placements: [...placements, ...this.#weights(groupOf)], groups };
  }

  /** The inputs of a node that are quantized as activations; none where it is not quantizable. */
  #quantizedInputs(node: Node): number[] {
    if (LINEAR_OPERATORS.has(node.op)) {
      if (node.op !== "MatMul" && !this.#weightOf(node)) return [];
      if (
        node.op === "Gemm" && (["alpha", "beta"].some((name) => (node.attributes.get(name) ?? 1) !== 1) ||
          node.attributes.get("transA") === 1)
      ) return [];
      const constant = this.#graph.constants.get(node.inputs[1]!);
      if (constant && constant.shape.length !== (node.op === "Conv" ? 4 : 2)) return [];
      const inputs = constant ? [0] : [0, 1];
      return inputs.every((i) => this.#isActivation(node.inputs[i]!)) ? inputs : [];
    }
    if (node.op === "Add") {
      const both = node.inputs.every((name) => this.#isActivation(name));
      return both && node.inputs.some((name) => this.#isConvolved(name)) ? [0, 1] : [];
    }
    if (node.op === "AveragePool" || node.op === "GlobalAveragePool") {
      return this.#isActivation(node.inputs[0]!) && this.#isConvolved(node.inputs[0]!) ? [0] : [];
    }
    return [];
  }

  #weightOf(node: Node): boolean {
    return this.#graph.constants.get(node.inputs[1] ?? "")?.dtype === "f32";
  }

  #isActivation(name: string): boolean {
    const type = this.#types.get(name);
    return type?.dtype === "f32" && !type.data;
  }

  /** Whether a value is the result of a convolution or a quantized addition, behind activations and moves. */
  #isConvolved(name: string): boolean {
    const node = this.#producers.get(name);
    if (!node) return false;
    if (node.op === "Conv" || (node.op === "Add" && this.#quantizable.has(node))) return true;
    return (CLAMPS.has(node.op) || (MOVING_OPERATORS.has(node.op) && node.op !== "Concat")) &&
      this.#isConvolved(node.inputs[0]!);
  }

  /** The values that a moving node takes its elements from; none for other nodes. */
  #sources(node: Node): readonly string[] {
    if (!MOVING_OPERATORS.has(node.op) || !this.#movesOnly(node)) return [];
    const sources = node.op === "Concat" ? node.inputs : node.inputs.slice(0, 1);
    return sources.every((name) => this.#isActivation(name)) ? sources : [];
  }

  #movesOnly(node: Node): boolean {
    if (node.op === "Resize") return node.attributes.get("mode") === "nearest";
    if (node.op !== "Pad") return true;
    return (node.attributes.get("mode") ?? "constant") === "constant" &&
      (!node.inputs[2] || this.#types.get(node.inputs[2])?.data?.[0] === 0);
  }

  /** Whether every reader of a value is quantized, directly or behind moves. */
  #allQuantized(name: string): boolean {
    const uses = this.#uses.get(name) ?? [];
    return !this.#outputs.has(name) && uses.length > 0 &&
      uses.every(({ node, input }) =>
        this.#quantizable.get(node)?.includes(input) ||
        (this.#sources(node).includes(name) && node.outputs.every((output) => this.#allQuantized(output)))
      );
  }

  /** The sites of each activation quantizer, by the name of its class. */
  #activationSites(): Map<string, Site[]> {
    const sites = new Map<string, Site[]>();
    const values = [...this.#graph.inputs.map((input) => input.name), ...this.#graph.nodes.flatMap((n) => n.outputs)];
    const classes = new Set<string>();
    for (const [node, inputs] of this.#quantizable) {
      for (const input of inputs) classes.add(this.#classes.find(node.inputs[input]!));
    }
    for (const value of values) {
      const root = value && this.#classes.find(value);
      const readers: Reader[] = [];
      if (classes.has(root)) {
        for (const { node, input } of this.#uses.get(value) ?? []) {
          const moves = node.outputs.some((output) => this.#classes.find(output) === root && output !== value);
          if (moves || this.#quantizable.get(node)?.includes(input)) readers.push({ node: node.name, input });
        }
      }
      const site = readers.length > 0 ? { value, readers } : this.#resultSite(value);
      if (site) sites.set(root, [...(sites.get(root) ?? []), site]);
    }
    return sites;
  }

  /** The result of a quantized convolution that nothing but outputs of the graph read: integer kernels want it quantized too. */
  #resultSite(value: string): Site | null {
    const behind = this.#convAt(value);
    if (!behind || !this.#quantizable.has(behind)) return null;
    if (this.#outputs.has(value)) return { value, readers: this.#readersOf(value), output: true };
    return this.#leadsOut(value) ? { value, readers: this.#readersOf(value) } : null;
  }

  #readersOf(value: string): Reader[] {
    return (this.#uses.get(value) ?? []).map(({ node, input }) => ({ node: node.name, input }));
  }

  #leadsOut(value: string): boolean {
    const uses = this.#uses.get(value) ?? [];
    return uses.length > 0 && uses.every(({ node }) =>
      MOVING_OPERATORS.has(node.op) && node.op !== "Concat" &&
      node.outputs.every((output) => this.#outputs.has(output) || this.#leadsOut(output))
    );
  }

  /** The convolution whose result, behind its activation, this value is. */
  #convAt(value: string): Node | null {
    let node = this.#producers.get(value);
    while (node && CLAMPS.has(node.op) && this.#uses.get(node.inputs[0]!)!.length === 1) {
      node = this.#producers.get(node.inputs[0]!);
    }
    return node?.op === "Conv" ? node : null;
  }

  /** The quantizable convolution whose every reader goes through a site. */
  #convBehind(site: Site): Node | null {
    const node = this.#convAt(site.value);
    const whole = (this.#uses.get(site.value)?.length ?? 0) === site.readers.length &&
      (site.output === true || !this.#outputs.has(site.value));
    return node && whole && this.#quantizable.has(node) ? node : null;
  }

  #groups(sites: ReadonlyMap<string, readonly Site[]>): Group[] {
    const ties = new UnionFind<string>();
    const names = new Set([...this.#quantizable.keys()].map((node) => node.name));
    for (const own of sites.values()) {
      const readers = own.flatMap((site) => site.readers.map((reader) => reader.node)).filter((name) =>
        names.has(name)
      );
      for (const reader of readers) ties.union(readers[0]!, reader);
    }
    const groups = new Map<string, string[]>();
    for (const { name } of this.#quantizable.keys()) {
      const root = ties.find(name);
      groups.set(root, [...(groups.get(root) ?? []), name]);
    }
    return [...groups.values()].map((nodes) => ({ id: nodes[0]!, nodes }));
  }

  #weights(groupOf: ReadonlyMap<string, string>): Placement[] {
    const found = new Map<string, { readers: Reader[]; groups: Set<string>; channelAxis: number }>();
    for (const node of this.#quantizable.keys()) {
      const name = node.inputs[1] ?? "";
      if (!LINEAR_OPERATORS.has(node.op) || !this.#graph.constants.has(name)) continue;
      const channelAxis = node.op === "Conv" || node.attributes.get("transB") === 1 ? 0 : 1;
      const own = found.get(name) ?? { readers: [], groups: new Set(), channelAxis };
      own.readers.push({ node: node.name, input: 1 });
      own.groups.add(groupOf.get(node.name)!);
      found.set(name, own);
    }
    return [...found].map(([value, { readers, groups, channelAxis }]) => ({
      id: value,
      kind: "weight",
      sites: [{ value, readers }],
      groups: [...groups],
      channelAxis,
    }));
  }
}

class UnionFind<T> {
  readonly #parents = new Map<T, T>();

  find(item: T): T {
    let root = item;
    for (let up = this.#parents.get(root); up !== undefined; up = this.#parents.get(root)) root = up;
    return root;
  }

  union(a: T, b: T): void {
    const [rootA, rootB] = [this.find(a), this.find(b)];
    if (rootA !== rootB) this.#parents.set(rootB, rootA);
  }
}
