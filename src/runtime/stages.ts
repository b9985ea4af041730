/** Running a graph in two stages, where the second can be prepared only when a result of the first is known. @module */
import { type Graph, type Node, producersOf, type ValueInfo } from "../graph/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Executable } from "./backend.ts";
import type { Model } from "./model.ts";
import type { DataDependentError } from "./specialize.ts";

/** Second stages kept compiled; the one unused longest goes first. */
const COMPILED_STAGES = 4;

/**
 * Computes what a node needs to know first, and prepares the rest with it as a constant.
 *
 * @throws {DataDependentError} The same, where the graph has no such value.
 */
export function inStages(graph: Graph, error: DataDependentError, open: (graph: Graph) => Model): Executable {
  const { value } = error;
  const producers = producersOf(graph);
  if (!producers.has(value) && !graph.inputs.some(({ name }) => name === value)) throw error;
  const early = ancestorsOf(value, producers);
  const typed = (name: string): ValueInfo => {
    const { dtype, shape } = error.types.get(name)!;
    return { name, dtype, shape };
  };
  const late = graph.nodes.filter((node) => !early.has(node));
  const wanted = new Set([...late.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)]);
  const passed = [...early].flatMap(({ outputs }) => outputs).filter((name) =>
    name && name !== value && wanted.has(name)
  );
  const first: Graph = {
    ...graph,
    nodes: graph.nodes.filter((node) => early.has(node)),
    outputs: [value, ...passed].map(typed),
  };
  const inputs = [...graph.inputs.filter(({ name }) => name !== value), ...passed.map(typed)];
  const rest = (known: Tensor): Graph => ({
    ...graph,
    inputs,
    nodes: late,
    constants: new Map([...graph.constants, [value, known]]),
  });
  return new Stages(open(first), value, inputs, (known) => open(rest(known)));
}

function ancestorsOf(value: string, producers: ReadonlyMap<string, Node>): Set<Node> {
  const found = new Set<Node>();
  const open = [value];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = producers.get(name);
    if (!node || found.has(node)) continue;
    found.add(node);
    open.push(...node.inputs);
  }
  return found;
}

class Stages implements Executable {
  readonly #first: Model;
  readonly #value: string;
  readonly #inputs: readonly ValueInfo[];
  readonly #prepare: (known: Tensor) => Model;
  readonly #rests = new Map<string, Model>();

  constructor(first: Model, value: string, inputs: readonly ValueInfo[], prepare: (known: Tensor) => Model) {
    this.#first = first;
    this.#value = value;
    this.#inputs = inputs;
    this.#prepare = prepare;
  }

  get bytes(): number {
    return [...this.#rests.values()].reduce((sum, { bytes }) => sum + bytes, this.#first.bytes);
  }

  async run(inputs: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
    const values = { ...Object.fromEntries(inputs), ...await this.#first.run(Object.fromEntries(inputs)) };
    const rest = await this.#restFor(values[this.#value]!);
    const own = Object.fromEntries(this.#inputs.map(({ name }) => [name, values[name]!]));
    return new Map(Object.entries(await rest.run(own)));
  }

  async #restFor(known: Tensor): Promise<Model> {
    const key = `${known.shape}: ${known.data}`;
    const rest = this.#rests.get(key) ?? this.#prepare(known);
    this.#rests.delete(key);
    this.#rests.set(key, rest);
    const oldest = this.#rests.keys().next();
    if (this.#rests.size > COMPILED_STAGES && !oldest.done) {
      await this.#rests.get(oldest.value)?.[Symbol.asyncDispose]();
      this.#rests.delete(oldest.value);
    }
    return rest;
  }

  [Symbol.dispose](): void {
    for (const model of [this.#first, ...this.#rests.values()]) model[Symbol.asyncDispose]();
  }
}
