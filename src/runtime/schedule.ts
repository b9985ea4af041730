/** From a plan to launches: layouts chosen, copies between them inserted, buffers shared by lifetime. @module */
import type { Binding, Launch, Operand } from "../gpu/launch.ts";
import { arrange, type Layout } from "../gpu/layout.ts";
import { relayout } from "../ops/copy.ts";
import type { Layouts, Target } from "../ops/op.ts";
import { copyView } from "../ops/view.ts";
import type { Tensor, TensorType } from "../tensor/tensor.ts";
import { create, isDirect, isIn, type Place, type Storage, viewAt } from "./place.ts";
import type { ExecutionPlan, Step } from "./plan.ts";
import { NodeError } from "./specialize.ts";

/** A launch with the buffers that it reads and writes, by number. */
export interface ScheduledLaunch {
  /** What is run; it binds no operand that is a constant. */
  readonly launch: Launch;
  /** The node that it belongs to. */
  readonly node: string;
  /** The buffer of each input; `null` for constants and inputs that are left out. */
  readonly inputs: readonly (number | null)[];
  /** The buffer of each output. */
  readonly outputs: readonly number[];
}

/** An input or output of the whole graph, in plain layout. */
export interface Port {
  /** Its name. */
  readonly name: string;
  /** Its type. */
  readonly type: TensorType;
  /** The number of its buffer. */
  readonly buffer: number;
}

/** All that a device must do for one run, as data. */
export interface Schedule {
  /** Size of each buffer in bytes. */
  readonly buffers: readonly number[];
  /** The launches in order. */
  readonly launches: readonly ScheduledLaunch[];
  /** Where inputs are uploaded. */
  readonly inputs: readonly Port[];
  /** Where outputs are read. */
  readonly outputs: readonly Port[];
}

interface Pending {
  readonly launch: Launch;
  readonly node: string;
  readonly inputs: readonly (Place | null)[];
  readonly outputs: readonly Place[];
}

/**
 * Schedules a plan.
 *
 * @throws {NodeError} Where an operator has no kernel for its inputs.
 */
export function schedule(plan: ExecutionPlan, target: Target): Schedule {
  const scheduler = new Scheduler(plan, target);
  const inputs = plan.inputs.map(({ name }) => ({ name, place: scheduler.input(name) }));
  for (const step of plan.steps) scheduler.step(step);
  const outputs = plan.outputs.map(({ name }) => ({ name, place: scheduler.output(name) }));
  const { buffers, bufferOf } = assign(scheduler.pending, inputs.map(({ place }) => place.storage));
  const port = ({ name, place }: { name: string; place: Place }): Port => ({
    name,
    type: plan.types.get(name)!,
    buffer: bufferOf(place),
  });
  return {
    buffers,
    launches: scheduler.pending.map(({ launch, node, inputs, outputs }) => ({
      launch,
      node,
      inputs: inputs.map((place) => place && bufferOf(place)),
      outputs: outputs.map(bufferOf),
    })),
    inputs: inputs.map(port),
    outputs: outputs.map(port),
  };
}

class Scheduler {
  readonly pending: Pending[] = [];
  readonly #plan: ExecutionPlan;
  readonly #target: Target;
  readonly #places = new Map<string, Place[]>();

  constructor(plan: ExecutionPlan, target: Target) {
    this.#plan = plan;
    this.#target = target;
  }

  input(name: string): Place {
    const place = create(this.#plan.types.get(name)!, "plain");
    this.#places.set(name, [place]);
    return place;
  }

  /** A graph output in plain layout, kept to the end. */
  output(name: string): Place {
    const place = this.#in(name, "plain", name);
    place.storage.last = Infinity;
    return place;
  }

  step(step: Step): void {
    const { node, op, inputs, outputs } = step;
    const types = outputs.map((name) => this.#plan.types.get(name)!);
    const present = inputs.map((name) => name === null ? null : this.#present(name));
    const wanted: Layouts = op.layouts?.(present, types) ??
      { inputs: inputs.map((): Layout => "plain"), outputs: types.map((): Layout => "plain") };
    if ((op.view || op.moves) && this.#look(step, wanted.outputs)) return;
    const operands = inputs.map((name, i) => name === null ? null : this.#operand(name, wanted.inputs[i] ?? "plain"));
    const places = types.map((type, i) => create(type, wanted.outputs[i]!));
    if (!op.lower) {
      throw new NodeError(`Cannot run node "${node}" on the GPU: its operator has no kernel for these types`);
    }
    let launches: Launch[];
    let sources: readonly (Place | null)[];
    try {
      const outs = places.map((place) => place.operand);
      const inPlace = op.lowerViews ? this.#inPlace(step, operands, outs) : null;
      launches = inPlace?.launches ?? op.lower(operands, outs, this.#target);
      const bound = new Set(launches.flatMap(({ bindings }) => bindings.flatMap((b) => "input" in b ? [b.input] : [])));
      sources = inPlace?.sources ??
        inputs.map((name, i) =>
          name === null || this.#plan.constants.has(name) || !bound.has(i)
            ? null
            : this.#in(name, operands[i]!.layout, node)
        );
    } catch (cause) {
      throw new NodeError(`Cannot run node "${node}" on the GPU: ${(cause as Error).message}`, { cause });
    }
    for (const launch of launches) {
      const bindings = launch.bindings.map((binding) => this.#bindConstant(binding, inputs, operands));
      this.#push({ launch: { ...launch, bindings }, node, inputs: sources, outputs: places });
    }
    outputs.forEach((name, i) => this.#places.set(name, [places[i]!]));
  }

  /** The launches of a step whose kernels can read what it reads where it lies. */
  #inPlace(
    { op, inputs }: Step,
    operands: readonly (Operand | null)[],
    outputs: readonly Operand[],
  ): { launches: Launch[]; sources: (Place | null)[] } | null {
    let choices: (Place | null)[][] = [[]];
    for (const name of inputs) {
      const places = name === null || this.#plan.constants.has(name) ? [null] : this.#placesOf(name);
      choices = choices.flatMap((chosen) => places.map((place) => [...chosen, place]));
    }
    for (const sources of choices) {
      const views = sources.map((place) => place && place.view);
      const launches = op.lowerViews!(operands, views, outputs, this.#target);
      if (launches) return { launches, sources };
    }
    return null;
  }

  /** Gives outputs that hold elements of input 0 as views of it, where that can be. */
  #look({ node, op, inputs, outputs }: Step, wanted: readonly Layout[]): boolean {
    const source = inputs[0]!;
    if (!op.view && this.#plan.constants.has(source)) return false;
    const moves = op.moves?.(inputs.map((name) => name === null ? null : this.#plan.types.get(name)!));
    const places = this.#placesOf(source);
    const found = outputs.map((name, i) => {
      const type = this.#plan.types.get(name)!;
      const moved = (from: Place) => viewAt(from, type, moves?.[i] ?? null, wanted[i]!);
      const views = places.flatMap((from) => moved(from) ?? []);
      return views.find(isDirect) ?? views[0] ?? (op.view ? moved(this.#in(source, "plain", node)) : null);
    });
    if (found.includes(null)) return false;
    outputs.forEach((name, i) => this.#places.set(name, [found[i]!]));
    return true;
  }

  #placesOf(name: string): Place[] {
    const constant = this.#plan.constants.get(name);
    let places = this.#places.get(name);
    if (!places) this.#places.set(name, places = constant ? [this.#upload(name, constant)] : []);
    return places;
  }

  #present(name: string): Operand {
    const constant = this.#plan.constants.get(name);
    return constant ? { ...constant, layout: "plain" } : this.#places.get(name)![0]!.operand;
  }

  #operand(name: string, layout: Layout): Operand {
    const constant = this.#plan.constants.get(name);
    const type = this.#plan.types.get(name)!;
    return constant ? { ...constant, layout } : { dtype: type.dtype, shape: type.shape, layout };
  }

  #bindConstant(
    binding: Binding,
    names: readonly (string | null)[],
    operands: readonly (Operand | null)[],
  ): Binding {
    const name = "input" in binding ? names[binding.input] : null;
    const constant = name ? this.#plan.constants.get(name) : undefined;
    if (!constant || !("input" in binding)) return binding;
    const { layout } = operands[binding.input]!;
    return { packed: { source: constant, key: layout, pack: () => arrange(constant, layout), as: "storage" } };
  }

  /** The value in a layout: where it is already, or copied there. */
  #in(name: string, layout: Layout, node: string): Place {
    const places = this.#placesOf(name);
    const found = places.find((place) => isIn(place, layout));
    if (found) return found;
    const from = places[0]!;
    const to = create(from.operand, layout);
    this.#push({ launch: copyView(from.view, to.operand), node, inputs: [from], outputs: [to] });
    if (isDirect(from)) places.push(to);
    else places.unshift(to);
    return to;
  }

  /** A constant copied into a buffer of its own: only for constants that are outputs of the graph. */
  #upload(name: string, constant: Tensor): Place {
    const from: Operand = { ...constant, layout: "plain" };
    const to = create(constant, "plain");
    const copy = relayout(from, to.operand);
    const bindings = copy.bindings.map((binding) => this.#bindConstant(binding, [name], [from]));
    this.#push({ launch: { ...copy, bindings }, node: name, inputs: [null], outputs: [to] });
    return to;
  }

  #push(pending: Pending): void {
    const index = this.pending.length;
    for (const place of [...pending.inputs, ...pending.outputs]) {
      if (place) place.storage.last = Math.max(place.storage.last, index);
    }
    this.pending.push(pending);
  }
}

/** Gives storages whose lives do not overlap the same buffer. Inputs are written before the first launch. */
function assign(
  pending: readonly Pending[],
  inputs: readonly Storage[],
): { buffers: number[]; bufferOf: (place: Place) => number } {
  const buffers: number[] = [];
  const numbers = new Map<Storage, number>();
  const free: number[] = [];
  const take = (storage: Storage): void => {
    if (numbers.has(storage)) return;
    const fits = free.filter((b) => buffers[b]! >= storage.bytes).sort((a, b) => buffers[a]! - buffers[b]!)[0];
    const chosen = fits ?? free.toSorted((a, b) => buffers[b]! - buffers[a]!)[0];
    if (chosen === undefined) {
      numbers.set(storage, buffers.length);
      buffers.push(storage.bytes);
      return;
    }
    free.splice(free.indexOf(chosen), 1);
    buffers[chosen] = Math.max(buffers[chosen]!, storage.bytes);
    numbers.set(storage, chosen);
  };
  inputs.forEach(take);
  pending.forEach(({ inputs, outputs }, index) => {
    for (const place of outputs) take(place.storage);
    const ended = new Set(
      [...inputs, ...outputs].flatMap((place) => place?.storage.last === index ? [place.storage] : []),
    );
    for (const storage of ended) free.push(numbers.get(storage)!);
  });
  const bufferOf = ({ storage }: Place): number => {
    take(storage);
    return numbers.get(storage)!;
  };
  return { buffers, bufferOf };
}
