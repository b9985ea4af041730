/** From quantizers that have come to rest to the values on which they act. @module */
import type { Reader, Site } from "../graph/quantizers.ts";
import { type Flow, isActivation, readersOf } from "./flow.ts";
import type { QuantizerForm } from "./operator_classes.ts";
import type { Edge, Operation, Result } from "./operations.ts";
import { isEdge, type Quantizing } from "./propagation.ts";

/** A range, and where it acts. */
export interface Placed {
  /** Where it acts: on its sources, and on what holds their elements behind operators that move them. */
  readonly sites: readonly Site[];
  /** The values that the range is taken from. */
  readonly sources: readonly string[];
  /** How its quantizer is made. */
  readonly form: QuantizerForm;
  /** Names of the nodes that it is there for: those that compute with what they read, and do not just move it. */
  readonly nodes: readonly string[];
}

/** Where each range acts; those that share one are one. */
export function sitesOf(quantizers: readonly Quantizing[], operations: readonly Operation[], flow: Flow): Placed[] {
  const ranges = new Map<Set<Quantizing>, Quantizing[]>();
  for (const own of quantizers) ranges.set(own.unified, [...ranges.get(own.unified) ?? [], own]);
  const taken = new Set(quantizers.map(({ at }) => at));
  const moving = new Set(
    operations.flatMap(({ class: own, nodes }) =>
      own === "moving" || own === "concat" ? nodes.map((node) => node.name) : []
    ),
  );
  const position = new Map(operations.map(({ result }, i) => [result, i]));
  const at = ({ at: place }: Quantizing): number => position.get(isEdge(place) ? place.from : place)!;
  return [...ranges.values()].map((unsorted) => {
    const members = unsorted.toSorted((a, b) => at(a) - at(b));
    const cover = new Cover(operations, flow, taken);
    for (const { at } of members) {
      if (isEdge(at)) cover.edge(at);
      else cover.result(at);
    }
    const sources = cover.values;
    cover.moved();
    const forms = members.map(({ forms }) => forms[0]!);
    const readers = cover.sites.flatMap((site) => site.readers.map((reader) => reader.node));
    const sinks = members.flatMap((own) => [...own.sinks].flatMap(({ nodes }) => nodes[0]?.name ?? []));
    return {
      sites: cover.sites,
      sources,
      form: forms.find(({ mode }) => mode === "symmetric") ?? forms[0]!,
      nodes: [...new Set([...sinks, ...readers.filter((name) => !moving.has(name))])],
    };
  });
}

/** What one range acts on. */
class Cover {
  readonly #operations: readonly Operation[];
  readonly #flow: Flow;
  readonly #taken: ReadonlySet<Result | Edge>;
  readonly #readers = new Map<string, Map<string, Reader>>();
  readonly #outputs = new Set<string>();
  readonly #edges = new Set<Edge>();

  constructor(operations: readonly Operation[], flow: Flow, taken: ReadonlySet<Result | Edge>) {
    this.#operations = operations;
    this.#flow = flow;
    this.#taken = taken;
  }

  get values(): string[] {
    return [...this.#readers.keys()];
  }

  get sites(): Site[] {
    return [...this.#readers].map(([value, readers]) => ({
      value,
      readers: [...readers.values()],
      ...(this.#outputs.has(value) ? { output: true as const } : {}),
    }));
  }

  /** Acts on one use of a value. */
  edge(edge: Edge): void {
    const { value, node, input } = edge;
    this.#edges.add(edge);
    const readers = this.#readers.get(value) ?? new Map<string, Reader>();
    this.#readers.set(value, readers);
    if (node) readers.set(`${node.name} ${input}`, { node: node.name, input });
    else this.#outputs.add(value);
  }

  /** Acts on all uses of a result but those that have a quantizer of their own. */
  result({ of, values, readers }: Result): void {
    const free = readers.filter((edge) => !this.#taken.has(edge));
    const elsewhere = new Set(readers.filter((edge) => this.#taken.has(edge)).map(useOf));
    const fused = values.filter((value) => isActivation(this.#flow, value)).flatMap((value) =>
      readersOf(this.#flow, value).map(({ node, input }) => ({ from: readers[0]?.from, to: of, value, node, input }))
    );
    for (const edge of free) this.edge(edge);
    for (const use of fused) if (!elsewhere.has(useOf(use))) this.edge({ ...use, float: true } as Edge);
  }

  /** Acts on what operators make of covered values that only move them. */
  moved(): void {
    for (const { class: own, inputs, result } of this.#operations) {
      const data = inputs.filter((edge) => edge.float);
      const moves = (own === "moving" || own === "concat") && data.length > 0 && !this.#taken.has(result);
      if (moves && data.every((edge) => this.#edges.has(edge))) this.result(result);
    }
  }
}

function useOf({ value, node, input }: Pick<Edge, "value" | "node" | "input">): string {
  return `${value} ${node?.name ?? ""} ${input}`;
}
