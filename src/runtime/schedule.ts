/** From a plan to launches: layouts chosen, copies between them inserted, memory shared by lifetime. @module */
import type { Launch, Operand } from "../gpu/launch.ts";
import { bytesOf, type Layout } from "../gpu/layout.ts";
import type { Layouts, Target } from "../ops/op.ts";
import { create, isDirect, type Place, viewAt } from "./place.ts";
import type { ExecutionPlan, Step } from "./plan.ts";
import type { CarriedPort, OutputPort, Port } from "./ports.ts";
import { assignRegions, liveBytesOf, livesOf, type Region } from "./regions.ts";
import { NodeError } from "./specialize.ts";
import { type Pending, Values, type Write } from "./values.ts";

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

/**
 * Schedules a plan.
 *
 * @param textureBytes The most bytes of a value that are kept in a texture; 0 for none.
 * @throws {NodeError} Where an operator has no kernel for its inputs.
 */
export function schedule(plan: ExecutionPlan, target: Target, textureBytes = 0): Schedule {
  const scheduler = new Scheduler(plan, target);
  const { values } = scheduler;
  const carried = plan.carried ?? new Map<string, string>();
  const states = Array.from(carried, ([input, output]) => ({ output, before: values.state(input) }));
  for (const { name } of plan.inputs) if (!carried.has(name)) values.input(name);
  for (const step of plan.steps) scheduler.step(step);
  const after = states.map(({ output }) => ({ name: output, place: values.stateAfter(output) }));
  const left = new Set(carried.values());
  for (const { name } of plan.outputs) if (!left.has(name)) values.output(name);
  const written = values.segments.flatMap(({ start, writes }) =>
    writes.map(({ place }) => [place.storage, start === 0 ? -1 : start] as const)
  );
  const lives = livesOf(values.pending, [...states.map(({ before }) => [before.storage, -1] as const), ...written]);
  const { regions, numbers } = assignRegions(lives, textureBytes);
  const regionOf = ({ storage }: Place): number => numbers.get(storage)!;
  const port = ({ name, place }: Write): Port => ({ name, type: plan.types.get(name)!, region: regionOf(place) });
  return {
    regions,
    liveBytes: liveBytesOf(lives),
    launches: values.pending.map((pending) => ({
      launch: pending.launch,
      node: pending.node,
      step: pending.step,
      valueBytes: valueBytesOf(pending),
      inputs: pending.inputs.map((place) => place && regionOf(place)),
      outputs: pending.outputs.map(regionOf),
    })),
    segments: values.segments.map(({ steps, writes, reads }, i) => ({
      steps,
      writes: writes.map(port),
      end: values.segments[i + 1]?.start ?? values.pending.length,
      reads: reads.map((read) => ({ ...port(read), layout: read.layout })),
    })),
    carried: after.map((own, i) => ({ ...port(own), next: regionOf(states[i]!.before) })),
  };
}

class Scheduler {
  readonly values: Values;
  readonly #plan: ExecutionPlan;
  readonly #target: Target;

  constructor(plan: ExecutionPlan, target: Target) {
    this.values = new Values(plan);
    this.#plan = plan;
    this.#target = target;
  }

  /** A step that the host computes: in the present segment where it has all inputs, else in a new one. */
  #hostStep(step: Step): void {
    const { pending, segments } = this.values;
    const missing = new Set(step.inputs.filter((name) => name !== null && !this.values.isOnHost(name)));
    for (const name of missing) {
      const storage = this.values.read(name!);
      storage.last = Math.max(storage.last, pending.length);
    }
    if (missing.size > 0) segments.push({ start: pending.length, steps: [], writes: [], reads: [] });
    segments.at(-1)!.steps.push(step);
    for (const name of step.outputs) if (name) this.values.computeOnHost(name);
  }

  step(step: Step): void {
    if (step.precision === "cpu") return this.#hostStep(step);
    const { node, op, inputs, outputs } = step;
    const types = outputs.map((name) => this.#plan.types.get(name)!);
    const present = inputs.map((name) => name === null ? null : this.values.present(name));
    const wanted: Layouts = op.layouts?.(present, types) ??
      { inputs: inputs.map((): Layout => "plain"), outputs: types.map((): Layout => "plain") };
    if ((op.view || op.moves) && this.#look(step, wanted.outputs)) return;
    const operands = inputs.map((name, i) =>
      name === null ? null : this.values.operand(name, wanted.inputs[i] ?? "plain")
    );
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
            : this.values.in(name, operands[i]!.layout, node)
        );
    } catch (cause) {
      throw new NodeError(`Cannot run node "${node}" on the GPU: ${(cause as Error).message}`, { cause });
    }
    for (const launch of launches) {
      const bindings = launch.bindings.map((binding) => this.values.bindConstant(binding, inputs, operands));
      this.values.push({ launch: { ...launch, bindings }, node, step, inputs: sources, outputs: places });
    }
    outputs.forEach((name, i) => this.values.set(name, places[i]!));
  }

  /** Where state lies that a step only changes for the next run. */
  #stateOf(before: string, after: string): Place | null {
    return this.#plan.carried?.get(before) === after ? this.values.placesOf(before)[0]! : null;
  }

  /** The launches of a step whose kernels can read what it reads where it lies. */
  #inPlace(
    { op, inputs }: Step,
    operands: readonly (Operand | null)[],
    outputs: readonly Operand[],
  ): { launches: Launch[]; sources: (Place | null)[] } | null {
    let choices: (Place | null)[][] = [[]];
    for (const name of inputs) {
      const places = name === null || this.#plan.constants.has(name) ? [null] : this.values.placesOf(name);
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
    const places = this.values.placesOf(source);
    const found = outputs.map((name, i) => {
      const type = this.#plan.types.get(name)!;
      const moved = (from: Place) => viewAt(from, type, moves?.[i] ?? null, wanted[i]!);
      const views = places.flatMap((from) => moved(from) ?? []);
      return views.find(isDirect) ?? views[0] ?? (op.view ? moved(this.values.in(source, "plain", node)) : null);
    });
    if (found.includes(null)) return false;
    outputs.forEach((name, i) => this.values.set(name, found[i]!));
    return true;
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
