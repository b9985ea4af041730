/** If, Loop and Scan: nodes whose bodies take their place when it is known how often they run. @module */
import { type Attributes, type AttributeValue, CAPTURED, type Graph, isGraph, type Node } from "../graph/graph.ts";
import type { Rewriter } from "../graph/rewriter.ts";
import { numberOf, numbersOf } from "../ops/op.ts";
import { i64, type KnownType, type Tensor, tensor } from "../tensor/tensor.ts";

/** What takes the place of a node. */
export interface Expansion {
  /** In order. */
  readonly nodes: readonly Node[];
  /** The names of constants that were added. */
  readonly constants: readonly string[];
}

/** Whether a node runs others. */
export function isControl({ op }: Node): boolean {
  return op === "If" || op === "Loop" || op === "Scan";
}

/**
 * The nodes that a control node stands for: the branch of an If, one round of a Loop and the Loop that is left, all rounds
 * of a Scan; `null` for other nodes, and where it does not follow from what is known.
 */
export function expandControl(node: Node, known: readonly (KnownType | null)[], rewriter: Rewriter): Expansion | null {
  const expander = new Expander(node, rewriter);
  switch (node.op) {
    case "If":
      return expander.branch(known[0] ?? null);
    case "Loop":
      return expander.round(known[0] ?? null, known[1] ?? null);
    case "Scan":
      return expander.scan(known);
    default:
      return null;
  }
}

function graphOf(attributes: Attributes, name: string): Graph {
  const value = attributes.get(name);
  if (isGraph(value)) return value;
  throw new TypeError(`It needs a graph as its attribute "${name}"`);
}

class Expander {
  readonly #node: Node;
  readonly #rewriter: Rewriter;
  readonly #nodes: Node[] = [];
  readonly #constants: string[] = [];

  constructor(node: Node, rewriter: Rewriter) {
    this.#node = node;
    this.#rewriter = rewriter;
  }

  branch(condition: KnownType | null): Expansion | null {
    if (!condition?.data) return null;
    const { attributes, inputs, outputs } = this.#node;
    const results = this.#inline(
      graphOf(attributes, condition.data[0] ? "then_branch" : "else_branch"),
      inputs.slice(1),
    );
    return this.#finish(results, outputs);
  }

  round(trips: KnownType | null, condition: KnownType | null): Expansion | null {
    const { inputs, outputs, attributes } = this.#node;
    if ((inputs[0] && !trips?.data) || (inputs[1] && !condition?.data)) return null;
    const body = graphOf(attributes, "body");
    const round = numberOf(attributes, "round", 0);
    const captured = numberOf(attributes, CAPTURED, 0);
    const carried = body.inputs.length - 2 - captured;
    const stacked = body.outputs.length - 1 - carried;
    const [state, outer, collected] = [
      inputs.slice(2, 2 + carried),
      inputs.slice(2 + carried, 2 + carried + captured),
      inputs.slice(2 + carried + captured),
    ];
    const goesOn = (!inputs[0] || round < trips!.data![0]!) && (!inputs[1] || condition!.data![0] !== 0);
    if (!goesOn) {
      const stacks = Array.from({ length: stacked }, (_, k) => {
        if (round === 0) throw new RangeError("A Loop that never runs cannot say what shape its stacked outputs have");
        return this.#stack(collected.filter((_, i) => i % stacked === k), 0);
      });
      return this.#finish([...state, ...stacks], outputs);
    }
    const results = this.#inline(body, [
      this.#constant("round", i64(round)),
      inputs[1] || this.#constant("condition", tensor("bool", [], [1])),
      ...state,
      ...outer,
    ]);
    this.#nodes.push({
      ...this.#node,
      name: this.#rewriter.unique(this.#node.name),
      inputs: [
        inputs[0]!,
        results[0]!,
        ...results.slice(1, 1 + carried),
        ...outer,
        ...collected,
        ...results.slice(1 + carried),
      ],
      attributes: new Map<string, AttributeValue>([...attributes, ["round", round + 1]]),
    });
    return this.#expansion();
  }

  scan(known: readonly (KnownType | null)[]): Expansion | null {
    const { inputs, outputs, attributes } = this.#node;
    const body = graphOf(attributes, "body");
    const count = numberOf(attributes, "num_scan_inputs", 0);
    const states = inputs.length - count - numberOf(attributes, CAPTURED, 0);
    const axes = numbersOf(attributes, "scan_input_axes") ?? new Array<number>(count).fill(0);
    const backwards = numbersOf(attributes, "scan_input_directions") ?? new Array<number>(count).fill(0);
    const stackAxes = numbersOf(attributes, "scan_output_axes") ?? [];
    const stackBackwards = numbersOf(attributes, "scan_output_directions") ?? [];
    const first = known[states];
    if (!first) return null;
    const rounds = first.shape.at(axes[0]!)!;
    let state = inputs.slice(0, states);
    const stacks = Array.from({ length: body.outputs.length - states }, (): string[] => []);
    for (let round = 0; round < rounds; round++) {
      const slices = inputs.slice(states, states + count).map((name, i) =>
        this.#add("Gather", [name, this.#constant("round", i64(backwards[i] ? rounds - 1 - round : round))], {
          axis: axes[i]!,
        })
      );
      const results = this.#inline(body, [...state, ...slices, ...inputs.slice(states + count)]);
      state = results.slice(0, states);
      stacks.forEach((own, i) => own.push(results[states + i]!));
    }
    const stacked = stacks.map((own, i) => this.#stack(stackBackwards[i] ? own.toReversed() : own, stackAxes[i] ?? 0));
    return this.#finish([...state, ...stacked], outputs);
  }

  /** Copies the nodes of a body, and returns the names of its outputs. */
  #inline(body: Graph, given: readonly string[]): string[] {
    const names = new Map(body.inputs.map(({ name }, i) => [name, given[i] ?? ""]));
    for (const [name, value] of body.constants) names.set(name, this.#constant(name, value));
    const rename = (name: string): string => {
      if (!name) return "";
      let own = names.get(name);
      if (own === undefined) names.set(name, own = this.#rewriter.unique(name));
      return own;
    };
    for (const node of body.nodes) {
      this.#nodes.push({
        ...node,
        name: this.#rewriter.unique(`${this.#node.name}/${node.name}`),
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      });
    }
    return body.outputs.map(({ name }) => rename(name));
  }

  /** Values stacked along a new axis. */
  #stack(values: readonly string[], axis: number): string {
    const axes = this.#constant("axes", i64([axis]));
    return this.#add("Concat", values.map((value) => this.#add("Unsqueeze", [value, axes])), { axis });
  }

  #add(op: string, inputs: readonly string[], attributes: Readonly<Record<string, number>> = {}): string {
    const output = this.#rewriter.unique(`${this.#node.name}_${op}`);
    this.#nodes.push({ name: output, op, inputs, outputs: [output], attributes: new Map(Object.entries(attributes)) });
    return output;
  }

  #constant(wish: string, value: Tensor): string {
    const name = this.#rewriter.constant(`${this.#node.name}_${wish}`, value);
    this.#constants.push(name);
    return name;
  }

  #finish(results: readonly string[], outputs: readonly string[]): Expansion {
    outputs.forEach((output, i) => {
      if (!output) return;
      const name = this.#rewriter.unique(`${output}/Identity`);
      this.#nodes.push({ name, op: "Identity", inputs: [results[i]!], outputs: [output], attributes: new Map() });
    });
    return this.#expansion();
  }

  #expansion(): Expansion {
    return { nodes: this.#nodes, constants: this.#constants };
  }
}
