/**
 * Quantizers that start at the inputs of quantizable operators and move up towards the inputs of the graph, as far as all
 * that reads the values there may see them quantized: the algorithm of NNCF (`quantizer_propagation`), in 8 bits.
 *
 * They pass through operators that move data. Where a value has several readers they wait for those of the other branches
 * and merge as the rule says; one reader in float stops them. All inputs of a Concat that a linear operator follows share a
 * range. Unlike in NNCF a quantizer with a scale for each channel gives that up before it passes an operator that moves
 * channels, where axis 1 would no longer mean the same.
 *
 * @module
 */
import type { Flow } from "./flow.ts";
import { mergeForms, sameForms } from "./merge_forms.ts";
import { type Edge, leadsToLinear, type Operation, type Result } from "./operations.ts";
import { keepsChannels, type QuantizerForm } from "./operator_classes.ts";
import type { QuantizerPropagationRule } from "./options.ts";

/** A quantizer on its way. */
export interface Quantizing {
  /** Where it is. */
  at: Result | Edge;
  /** How it can be made, best first. */
  forms: readonly QuantizerForm[];
  /** The operations whose inputs it quantizes. */
  readonly sinks: Set<Operation>;
  /** How far it has moved since it was made or merged. */
  moves: number;
  /** Those that share its range, itself among them. */
  unified: Set<Quantizing>;
  /** Everything that it acts on: where it is and was, and the operations that it quantizes or passed. */
  readonly passed: Set<Operation | Result | Edge>;
}

/** Whether a place is the use of a result by one reader. */
export function isEdge(place: Result | Edge): place is Edge {
  return "to" in place;
}

/** Gives all quantizers that share a range with either of two the same range. */
export function unify(a: Quantizing, b: Quantizing): void {
  if (a.unified === b.unified) return;
  for (const own of b.unified) {
    a.unified.add(own);
    own.unified = a.unified;
  }
}

/** Moves quantizers up from the inputs of all quantizable operations. Returns them where they have come to rest. */
export function propagate(
  operations: readonly Operation[],
  flow: Flow,
  rule: QuantizerPropagationRule,
): Quantizing[] {
  return new Propagation(flow, rule).run(operations);
}

class Propagation {
  readonly #flow: Flow;
  readonly #rule: QuantizerPropagationRule;
  readonly #active = new Set<Quantizing>();
  readonly #rested = new Set<Quantizing>();
  readonly #waiting = new Map<Quantizing, Result>();
  readonly #affecting = new Map<Operation | Result | Edge, Set<Quantizing>>();

  constructor(flow: Flow, rule: QuantizerPropagationRule) {
    this.#flow = flow;
    this.#rule = rule;
  }

  run(operations: readonly Operation[]): Quantizing[] {
    for (const operation of operations) {
      for (const edge of operation.forms ? operation.inputs : []) {
        if (edge.float) this.#create(edge, operation.forms!, [operation], [operation, edge]);
      }
    }
    for (let idle = 0; this.#active.size > 0;) {
      const [next] = this.#active;
      this.#active.delete(next!);
      idle = this.#step(next!) ? 0 : idle + 1;
      if (idle > this.#active.size) { for (const own of this.#active) this.#rest(own); }
    }
    return [...this.#rested];
  }

  #create(
    at: Result | Edge,
    forms: readonly QuantizerForm[],
    sinks: Iterable<Operation>,
    passed: Iterable<Operation | Result | Edge>,
  ): Quantizing {
    const own: Quantizing = { at, forms, sinks: new Set(sinks), moves: 0, unified: new Set(), passed: new Set() };
    own.unified.add(own);
    for (const place of passed) this.#affect(own, place);
    this.#active.add(own);
    return own;
  }

  #affect(quantizer: Quantizing, place: Operation | Result | Edge): void {
    quantizer.passed.add(place);
    const all = this.#affecting.get(place);
    if (all) all.add(quantizer);
    else this.#affecting.set(place, new Set([quantizer]));
  }

  #rest(quantizer: Quantizing): void {
    this.#active.delete(quantizer);
    this.#waiting.delete(quantizer);
    this.#rested.add(quantizer);
  }

  /** Lets another quantizer take the place of one, below where that other is. */
  #replace(quantizer: Quantizing, by: Quantizing): void {
    this.#active.delete(quantizer);
    this.#waiting.delete(quantizer);
    for (const place of quantizer.passed) {
      this.#affecting.get(place)!.delete(quantizer);
      this.#affect(by, place);
    }
    quantizer.sinks.forEach((sink) => by.sinks.add(sink));
    if (quantizer.unified.size > 1) unify(by, quantizer);
    quantizer.unified.delete(quantizer);
  }

  /** Moves a quantizer on by one place. Returns whether it did more than wait. */
  #step(quantizer: Quantizing): boolean {
    const branch = this.#waiting.get(quantizer);
    if (branch) return this.#await(quantizer, branch);
    if (isEdge(quantizer.at)) this.#toResult(quantizer, quantizer.at);
    else this.#throughOperation(quantizer, quantizer.at.of);
    return true;
  }

  #throughOperation(quantizer: Quantizing, operation: Operation): void {
    const { class: own, inputs, nodes } = operation;
    const edges = own === "moving" || own === "concat" ? inputs.filter((edge) => edge.float) : [];
    const forms = nodes[0] && keepsChannels(nodes[0]) ? quantizer.forms : quantizer.forms.filter((f) => !f.perChannel);
    if (edges.length === 0 || forms.length === 0) return this.#rest(quantizer);
    quantizer.forms = forms;
    const copies = edges.slice(1).map((edge) => {
      const copy = this.#create(edge, forms, quantizer.sinks, quantizer.passed);
      if (quantizer.unified.size > 1) unify(quantizer, copy);
      return copy;
    });
    const all = [quantizer, ...copies];
    all.forEach((own, i) => {
      Object.assign(own, { at: edges[i]!, moves: quantizer.moves + 2 });
      this.#affect(own, operation);
      this.#affect(own, edges[i]!);
      this.#active.add(own);
    });
    if (own === "concat" && leadsToLinear(operation.result, this.#flow)) all.forEach((copy) => unify(quantizer, copy));
  }

  /** From one use of a result to the result, for all who read it. */
  #toResult(quantizer: Quantizing, { from }: Edge): void {
    const above = [...this.#affecting.get(from) ?? []];
    if (from.readers.some((edge) => !edge.float)) {
      this.#rest(quantizer);
    } else if (above.length > 0) {
      if (!sameForms(quantizer.forms, above[0]!.forms)) this.#rest(quantizer);
      else for (const own of above) this.#replace(quantizer, own);
    } else {
      const state = from.readers.length > 1 ? this.#atBranch(quantizer, from) : "go";
      if (state === "stop") return this.#rest(quantizer);
      this.#active.add(quantizer);
      if (state === "wait") {
        this.#waiting.set(quantizer, from);
      } else {
        Object.assign(quantizer, { at: from, moves: quantizer.moves + 1 });
        this.#affect(quantizer, from);
      }
    }
  }

  /** Whether a quantizer may move to a result that several read: not where one reads it in float. */
  #atBranch(quantizer: Quantizing, branch: Result): "go" | "wait" | "stop" {
    const others = new Set<Quantizing>();
    for (const operation of readersBehindMoves(branch)) {
      let own = [...this.#affecting.get(operation) ?? []];
      if (own.length === 0 && operation.class === "concat") {
        own = [...this.#below(operation.result)].filter((other) => this.#active.has(other) || other === quantizer);
      }
      if (own.length === 0) return "stop";
      own.forEach((other) => others.add(other));
    }
    others.delete(quantizer);
    return others.size > 0 ? "wait" : "go";
  }

  /** The first quantizers below a result. */
  #below(result: Result, found = new Set<Quantizing>()): Set<Quantizing> {
    const isHere = (place: Result | Edge) => [...this.#affecting.get(place) ?? []].filter((own) => own.at === place);
    for (const edge of result.readers) {
      const here = isHere(edge);
      const next = here.length > 0 ? here : isHere(edge.to.result);
      if (next.length > 0) next.forEach((own) => found.add(own));
      else if (edge.to.class === "moving" || edge.to.class === "concat") this.#below(edge.to.result, found);
    }
    return found;
  }

  /** Merges the quantizers below a branch once all have arrived. */
  #await(quantizer: Quantizing, branch: Result): boolean {
    this.#active.add(quantizer);
    const waiting = [...this.#waiting].flatMap(([own, at]) => at === branch ? [own] : []);
    const expected = [...this.#below(branch)].filter((own) => this.#active.has(own));
    if (expected.length !== waiting.length || !waiting.every((own) => expected.includes(own))) return false;
    const stopped = waiting.some((own) => this.#atBranch(own, branch) === "stop");
    const { merged, stays } = stopped
      ? { merged: null, stays: waiting.map(() => true) }
      : mergeForms(waiting.map((own) => own.forms), this.#rule);
    const one = merged && this.#create(branch, merged, [], [branch]);
    waiting.forEach((own, i) => {
      if (one && !stays[i]) return this.#replace(own, one);
      this.#rest(own);
      if (one) own.sinks.forEach((sink) => one.sinks.add(sink));
    });
    return true;
  }
}

/** The operations that read a result, directly or behind those that move it. */
function readersBehindMoves({ readers }: Result): Operation[] {
  return readers.flatMap(({ to }) => to.class === "moving" ? readersBehindMoves(to.result) : [to]);
}
