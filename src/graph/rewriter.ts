/** Building a changed graph out of a given one. @module */
import type { Tensor } from "../tensor/tensor.ts";
import { type Attributes, type Graph, type Node, sortNodes } from "./graph.ts";

/** A graph under construction: nodes and constants can be added, replaced and renamed; {@linkcode finish} gives the new graph. */
export class Rewriter {
  readonly #base: Graph;
  readonly #names: Set<string>;
  /** The nodes so far, in any order. */
  nodes: Node[];
  /** The constants so far. */
  readonly constants: Map<string, Tensor>;

  constructor(base: Graph) {
    this.#base = base;
    this.nodes = [...base.nodes];
    this.constants = new Map(base.constants);
    this.#names = new Set([
      ...base.inputs.map((input) => input.name),
      ...base.constants.keys(),
      ...base.nodes.flatMap((node) => [node.name, ...node.outputs]),
    ]);
  }

  /** The operator set that gives the nodes their meaning. */
  get opset(): number {
    return this.#base.opset;
  }

  /** A name that nothing in the graph has yet: `wish`, or `wish` with a number. */
  unique(wish: string): string {
    let name = wish;
    for (let i = 1; this.#names.has(name); i++) name = `${wish}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Adds a constant and returns its name. */
  constant(wish: string, value: Tensor): string {
    const name = this.unique(wish);
    this.constants.set(name, value);
    return name;
  }

  /** Adds a node with one output and returns the output's name. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number | string | readonly number[]>> = {},
    output: string = this.unique(`${inputs[0]}_${op}`),
  ): string {
    this.nodes.push({
      name: this.unique(`${output}/${op}`),
      op,
      inputs,
      outputs: [output],
      attributes: new Map(Object.entries(attributes)) as Attributes,
    });
    return output;
  }

  /** Makes every reader of value `from` read `to` instead. Graph outputs keep their names, so `from` must not be one. */
  redirect(from: string, to: string): void {
    this.nodes = this.nodes.map((node) =>
      node.inputs.includes(from) ? { ...node, inputs: node.inputs.map((input) => input === from ? to : input) } : node
    );
  }

  /** The new graph: nodes sorted, and without the nodes and constants that no output needs. */
  finish(changes: Partial<Graph> = {}): Graph {
    const outputs = changes.outputs ?? this.#base.outputs;
    const inputs = changes.inputs ?? this.#base.inputs;
    const known = [...inputs.map((input) => input.name), ...this.constants.keys()];
    const sorted = sortNodes(this.nodes, known);
    const needed = new Set(outputs.map((output) => output.name));
    const nodes: Node[] = [];
    for (const node of sorted.toReversed()) {
      if (!node.outputs.some((output) => needed.has(output))) continue;
      nodes.push(node);
      for (const input of node.inputs) if (input) needed.add(input);
    }
    const constants = new Map([...this.constants].filter(([name]) => needed.has(name)));
    return { ...this.#base, ...changes, nodes: nodes.reverse(), constants };
  }
}
