/** From a plan to launches: layouts chosen, copies between them inserted, memory shared by lifetime. @module */
import { bindingsOf, fitsTexture } from "../gpu/bindings.ts";
import type { Binding, Launch, Operand } from "../gpu/launch.ts";
import { arrange, bytesOf, type Layout } from "../gpu/layout.ts";
import { type ShaderName, SHADERS } from "../gpu/shaders.ts";
import { relayout } from "../ops/copy.ts";
import type { Layouts, Target } from "../ops/op.ts";
import { copyView } from "../ops/view.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { create, isDirect, isIn, type Place, type Storage, viewAt } from "./place.ts";
import type { ExecutionPlan, Step } from "./plan.ts";
import type { CarriedPort, OutputPort, Port } from "./ports.ts";
import { assignRegions, liveBytesOf, livesOf, type Region } from "./regions.ts";
import { NodeError } from "./specialize.ts";

/** A launch with the regions that it reads and writes, by number. */
export interface ScheduledLaunch {
  /** What is run; it binds no operand that is a constant. */
  readonly launch: Launch;
  /** The node that it belongs to. */
  readonly node: string;
  /** The step that it computes, or `null` for a copy into another layout. */
  readonly step: Step | null;
  /** Bytes of the values that it reads and writes, each counted once; constants not among them. */
  readonly valueBytes: number;
  /** The region of each input; `null` for constants and inputs that are left out. */
  readonly inputs: readonly (number | null)[];
  /** The region of each output. */
  readonly outputs: readonly number[];
}

/** What runs between two waits of the host: its own steps, what they give to the device, then launches. */
export interface Segment {
  /** The steps that the host computes first, by their definition. */
  readonly steps: readonly Step[];
  /** What it writes then: inputs of the graph and results of its steps. */
  readonly writes: readonly Port[];
  /** The number of the launch after the last of this segment. */
  readonly end: number;
  /** What it waits for in the end: outputs of the graph, and what its steps of the next segment need. */
  readonly reads: readonly OutputPort[];
}

/** All that a device must do for one run, as data. */
export interface Schedule {
  /** The memory that is needed. */
  readonly regions: readonly Region[];
  /** The most bytes that values take at one time: no assignment of regions needs less. */
  readonly liveBytes: number;
  /** The launches in order. */
  readonly launches: readonly ScheduledLaunch[];
  /** Who does what and when; one segment where all steps run on the device. */
  readonly segments: readonly Segment[];
  /** State that stays on the device: where a run leaves it, and the region of a buffer where the next finds it. */
  readonly carried: readonly CarriedPort[];
}

interface Write {
  readonly name: string;
  readonly place: Place;
}

interface Read extends Write {
  readonly layout: "plain" | "rows";
}

interface OpenSegment {
  /** The number of its first launch. */
  readonly start: number;
  readonly steps: Step[];
  readonly writes: Write[];
  readonly reads: Read[];
}

interface Pending {
  readonly launch: Launch;
  readonly node: string;
  readonly step: Step | null;
  readonly inputs: readonly (Place | null)[];
  readonly outputs: readonly Place[];
}

/**
 * Schedules a plan.
 *
 * @param textureBytes The most bytes of a value that are kept in a texture; 0 for none.
 * @throws {NodeError} Where an operator has no kernel for its inputs.
 */
export function schedule(plan: ExecutionPlan, target: Target, textureBytes = 0): Schedule {
  const scheduler = new Scheduler(plan, target);
  const carried = plan.carried ?? new Map<string, string>();
  const states = Array.from(carried, ([input, output]) => ({ output, before: scheduler.state(input) }));
  for (const { name } of plan.inputs) if (!carried.has(name)) scheduler.input(name);
  for (const step of plan.steps) scheduler.step(step);
  const after = states.map(({ output }) => ({ name: output, place: scheduler.stateAfter(output) }));
  const left = new Set(carried.values());
  for (const { name } of plan.outputs) if (!left.has(name)) scheduler.output(name);
  const written = scheduler.segments.flatMap(({ start, writes }) =>
    writes.map(({ place }) => [place.storage, start === 0 ? -1 : start] as const)
  );
  const lives = livesOf(scheduler.pending, [...states.map(({ before }) => [before.storage, -1] as const), ...written]);
  const { regions, numbers } = assignRegions(lives, textureBytes);
  const regionOf = ({ storage }: Place): number => numbers.get(storage)!;
  const port = ({ name, place }: Write): Port => ({ name, type: plan.types.get(name)!, region: regionOf(place) });
  return {
    regions,
    liveBytes: liveBytesOf(lives),
    launches: scheduler.pending.map((pending) => ({
      launch: pending.launch,
      node: pending.node,
      step: pending.step,
      valueBytes: valueBytesOf(pending),
      inputs: pending.inputs.map((place) => place && regionOf(place)),
      outputs: pending.outputs.map(regionOf),
    })),
    segments: scheduler.segments.map(({ steps, writes, reads }, i) => ({
      steps,
      writes: writes.map(port),
      end: scheduler.segments[i + 1]?.start ?? scheduler.pending.length,
      reads: reads.map((read) => ({ ...port(read), layout: read.layout })),
    })),
    carried: after.map((own, i) => ({ ...port(own), next: regionOf(states[i]!.before) })),
  };
}

class Scheduler {
  readonly pending: Pending[] = [];
  readonly segments: OpenSegment[] = [{ start: 0, steps: [], writes: [], reads: [] }];
  /** Values that the host has. */
  readonly #host = new Set<string>();
  readonly #plan: ExecutionPlan;
  readonly #target: Target;
  readonly #places = new Map<string, Place[]>();

  constructor(plan: ExecutionPlan, target: Target) {
    this.#plan = plan;
    this.#target = target;
  }

  /** State that the run before left: nothing else may lie where it does. */
  state(name: string): Place {
    const place = create(this.#plan.types.get(name)!, "plain");
    Object.assign(place.storage, { last: Infinity, inBlocks: false });
    this.#places.set(name, [place]);
    return place;
  }

  /** State for the next run, which stays on the device. */
  stateAfter(name: string): Place {
    const place = this.#in(name, "plain", name);
    place.storage.last = Infinity;
    return place;
  }

  /** An input of the graph, which is written at the start where the device reads it. */
  input(name: string): void {
    this.#host.add(name);
    if (this.#plan.steps.some((step) => step.precision !== "cpu" && step.inputs.includes(name))) this.#write(name);
  }

  /** An output of the graph: the device keeps it to the end, where the host does not have it already. */
  output(name: string): void {
    if (!this.#host.has(name) && !this.#plan.constants.has(name)) this.#read(name).last = Infinity;
  }

  /** Has the host read a value at the end of the present segment: in rows where it lies so and their padding is little. */
  #read(name: string): Storage {
    const places = this.#placesOf(name);
    const rows = places.some((place) => isIn(place, "plain")) ? undefined : places.find((place) => isIn(place, "rows"));
    const type = this.#plan.types.get(name)!;
    const layout = rows && bytesOf(type, "rows") <= 2 * bytesOf(type, "plain") ? "rows" : "plain";
    const place = this.#in(name, layout, name);
    this.segments.at(-1)!.reads.push({ name, place, layout });
    this.#host.add(name);
    return place.storage;
  }

  /** Has the host write a value that it has at the beginning of the present segment. */
  #write(name: string): Place {
    const place = create(this.#plan.types.get(name)!, "plain");
    this.segments.at(-1)!.writes.push({ name, place });
    this.#places.set(name, [place]);
    return place;
  }

  /** A step that the host computes: in the present segment where it has all inputs, else in a new one. */
  #hostStep(step: Step): void {
    const missing = new Set(
      step.inputs.filter((name) => name !== null && !this.#plan.constants.has(name) && !this.#host.has(name)),
    );
    for (const name of missing) {
      const storage = this.#read(name!);
      storage.last = Math.max(storage.last, this.pending.length);
    }
    if (missing.size > 0) this.segments.push({ start: this.pending.length, steps: [], writes: [], reads: [] });
    this.segments.at(-1)!.steps.push(step);
    for (const name of step.outputs) if (name) this.#host.add(name);
  }

  step(step: Step): void {
    if (step.precision === "cpu") return this.#hostStep(step);
    const { node, op, inputs, outputs } = step;
    const types = outputs.map((name) => this.#plan.types.get(name)!);
    const present = inputs.map((name) => name === null ? null : this.#present(name));
    const wanted: Layouts = op.layouts?.(present, types) ??
      { inputs: inputs.map((): Layout => "plain"), outputs: types.map((): Layout => "plain") };
    if ((op.view || op.moves) && this.#look(step, wanted.outputs)) return;
    const operands = inputs.map((name, i) => name === null ? null : this.#operand(name, wanted.inputs[i] ?? "plain"));
    const state = op.lowerUpdate ? this.#stateOf(inputs[1] ?? "", outputs[0]!) : null;
    const places = state ? [state] : types.map((type, i) => create(type, wanted.outputs[i]!));
    if (!op.lower) {
      throw new NodeError(`Cannot run node "${node}" on the GPU: its operator has no kernel for these types`);
    }
    let launches: Launch[];
    let sources: readonly (Place | null)[];
    try {
      const outs = places.map((place) => place.operand);
      const inPlace = op.lowerViews ? this.#inPlace(step, operands, outs) : null;
      launches = inPlace?.launches ?? (state ? op.lowerUpdate! : op.lower)(operands, outs, this.#target);
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
      this.#push({ launch: { ...launch, bindings }, node, step, inputs: sources, outputs: places });
    }
    outputs.forEach((name, i) => this.#places.set(name, [places[i]!]));
  }

  /** Where state lies that a step only changes for the next run. */
  #stateOf(before: string, after: string): Place | null {
    return this.#plan.carried?.get(before) === after ? this.#placesOf(before)[0]! : null;
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
    const moves = op.moves?.(inputs.map((name) => name === null ? null : this.#plan.types.get(name)!)) ?? null;
    if (!op.view && !moves) return false;
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
    if (!places && this.#host.has(name)) return [this.#write(name)];
    if (!places) this.#places.set(name, places = constant ? [this.#upload(name, constant)] : []);
    return places;
  }

  #present(name: string): Operand {
    const constant = this.#plan.constants.get(name);
    return constant ? { ...constant, layout: "plain" } : this.#placesOf(name)[0]!.operand;
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
    return { packed: { source: constant, key: layout, pack: () => arrange(constant, layout) } };
  }

  /** The value in a layout: where it is already, or copied there. */
  #in(name: string, layout: Layout, node: string): Place {
    const places = this.#placesOf(name);
    const found = places.find((place) => isIn(place, layout));
    if (found) return found;
    const from = places[0]!;
    const to = create(from.operand, layout);
    this.#push({ launch: copyView(from.view, to.operand), node, step: null, inputs: [from], outputs: [to] });
    if (isDirect(from)) places.push(to);
    else places.unshift(to);
    return to;
  }

  /** A constant copied into a buffer of its own, for a view of it. */
  #upload(name: string, constant: Tensor): Place {
    const from: Operand = { ...constant, layout: "plain" };
    const to = create(constant, "plain");
    const copy = relayout(from, to.operand);
    const bindings = copy.bindings.map((binding) => this.#bindConstant(binding, [name], [from]));
    this.#push({ launch: { ...copy, bindings }, node: name, step: null, inputs: [null], outputs: [to] });
    return to;
  }

  #push(pending: Pending): void {
    const index = this.pending.length;
    for (const place of [...pending.inputs, ...pending.outputs]) {
      if (place) place.storage.last = Math.max(place.storage.last, index);
    }
    const { shader, bindings } = pending.launch;
    bindings.forEach((binding, i) => {
      if ("output" in binding && !writesBlocks(shader, i)) pending.outputs[binding.output]!.storage.inBlocks = false;
    });
    this.pending.push(pending);
  }
}

/** Bytes of what a launch has bound, constants aside. */
function valueBytesOf({ launch, inputs, outputs }: Pending): number {
  const bound = new Set(
    launch.bindings.map((b) => "input" in b ? inputs[b.input] : "output" in b ? outputs[b.output] : null),
  );
  return Array.from(bound, (place) => place ? bytesOf(place.operand, place.operand.layout) : 0)
    .reduce((sum, bytes) => sum + bytes, 0);
}

const blockWriters = new Map<ShaderName, ReadonlySet<number>>();

/** Whether a kernel writes one of its bindings in whole blocks of 16 bytes. */
export function writesBlocks(shader: ShaderName, binding: number): boolean {
  let own = blockWriters.get(shader);
  if (!own) {
    own = new Set(bindingsOf(SHADERS[shader]).filter(fitsTexture).map(({ binding }) => binding));
    blockWriters.set(shader, own);
  }
  return own.has(binding);
}
