/** Running a graph with steps behind it that reduce some of its values on the device. @module */
import type { Graph } from "../graph/graph.ts";
import { BINS, histogram } from "../ops/histogram.ts";
import { joinMoments, moments } from "../ops/moments.ts";
import type { Op } from "../ops/op.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import { planOf } from "../runtime/model.ts";
import type { ExecutionPlan, Step } from "../runtime/plan.ts";
import { simplify } from "../runtime/simplify.ts";
import { type KnownType, normalizeAxis, sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";

/** What is reduced of one value. */
export interface Observation {
  /** Tells it from others. */
  readonly key: string;
  /** The name of the value. */
  readonly value: string;
  /** The axis of channels, or `null`. */
  readonly axis: number | null;
  /** Whether each index of axis 0 is a sample of its own. */
  readonly batchwise: boolean;
  /** Whether each run hands back the counts by bins of each sample. */
  readonly eachCounted: boolean;
  /** Whether the counts by bins of all runs are kept on the device. */
  readonly allCounted: boolean;
}

/** What a run gave of an observation. */
export interface Observed {
  /** Of which. */
  readonly observation: Observation;
  /** The least, the greatest and the mean number of each sample and channel: `[3, samples?, channels?]`. */
  readonly moments: Tensor;
  /** The counts of each sample and channel, where they were asked for. */
  readonly counts: readonly Int32Array[] | null;
}

/** Input shapes kept compiled; the one unused longest goes first. */
const COMPILED_SHAPES = 8;

/** Elements of a value, of each of its channels, that go into its counts over all items, where there are more. */
const MOST_OF_EACH = 2 ** 13;

/** More of a value than this in one bin does not fit the counts on the device, which are 32-bit. */
const MOST_COUNTED = 2 ** 31;

interface Compiled {
  readonly executable: Executable;
  /** The most elements of an observed value in one run. */
  readonly largest: number;
  /** How many runs its counts hold. */
  runs: number;
}

/** A graph that is observed, compiled anew for each set of input shapes. */
export class Observer implements AsyncDisposable {
  readonly #graph: Graph;
  readonly #backend: Backend;
  readonly #observations: readonly Observation[];
  readonly #compiled = new Map<string, Compiled>();
  readonly #totals = new Map<string, Float64Array[]>();

  /** @param checked Values whose moments are wanted even where nobody observes them. */
  constructor(graph: Graph, observations: readonly Observation[], checked: readonly string[], backend: Backend) {
    const observed = new Set(observations.map(({ value }) => value));
    const rest = checked.filter((value) => !observed.has(value)).map((value): Observation => (
      { key: value, value, axis: null, batchwise: false, eachCounted: false, allCounted: false }
    ));
    const order = [...graph.inputs.map(({ name }) => name), ...graph.nodes.flatMap(({ outputs }) => outputs)];
    const places = new Map(order.map((name, place) => [name, place]));
    this.#observations = [...rest, ...observations]
      .sort((a, b) => (places.get(a.value) ?? 0) - (places.get(b.value) ?? 0));
    const outputs = Array.from(new Set(this.#observations.map(({ value }) => value)), (name) => (
      { name, dtype: "f32" as const, shape: null }
    ));
    this.#graph = simplify({ ...graph, outputs });
    this.#backend = backend;
  }

  /** Runs the graph once. What it gives comes in the order in which the graph computes the values. */
  async run(item: Readonly<Record<string, Tensor>>): Promise<Observed[]> {
    const compiled = await this.#compiledFor(item);
    if ((compiled.runs + 1) * compiled.largest >= MOST_COUNTED) await this.#drain(compiled);
    const results = await compiled.executable.run(new Map(Object.entries(item)));
    compiled.runs++;
    return this.#observations.map((observation) => {
      const counts = results.get(namesOf(observation).each);
      return {
        observation,
        moments: joinMoments(results.get(namesOf(observation).moments)!),
        counts: counts ? rowsOf(counts) : null,
      };
    });
  }

  /** The counts of all runs: for each observation that asks for them, those of each channel. */
  async totals(): Promise<ReadonlyMap<string, readonly Float64Array[]>> {
    for (const compiled of this.#compiled.values()) await this.#drain(compiled);
    return this.#totals;
  }

  async #drain(compiled: Compiled): Promise<void> {
    compiled.runs = 0;
    const taken = await compiled.executable.takeCarried?.();
    for (const observation of this.#observations) {
      const counts = taken?.get(namesOf(observation).all);
      if (!counts) continue;
      const rows = rowsOf(counts);
      const totals = this.#totals.get(observation.key) ?? rows.map(() => new Float64Array(BINS));
      this.#totals.set(observation.key, totals);
      rows.forEach((row, c) => row.forEach((count, bin) => totals[c]![bin]! += count));
    }
  }

  async #compiledFor(item: Readonly<Record<string, Tensor>>): Promise<Compiled> {
    const key = this.#graph.inputs.map(({ name }) => item[name]!.shape.join("x")).join(" ");
    let compiled = this.#compiled.get(key);
    if (!compiled) {
      const plan = observe(planOf(this.#graph, item), this.#observations);
      const largest = Math.max(...this.#observations.map(({ value }) => sizeOf(plan.types.get(value)!.shape)));
      compiled = { executable: await this.#backend.prepare(plan), largest, runs: 0 };
      if (this.#compiled.size >= COMPILED_SHAPES) await this.#forgetOldest();
    }
    this.#compiled.delete(key);
    this.#compiled.set(key, compiled);
    return compiled;
  }

  async #forgetOldest(): Promise<void> {
    const [key, oldest] = this.#compiled.entries().next().value!;
    await this.#drain(oldest);
    oldest.executable[Symbol.dispose]();
    this.#compiled.delete(key);
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const { executable } of this.#compiled.values()) executable[Symbol.dispose]();
    this.#compiled.clear();
    return Promise.resolve();
  }
}

/** What the results of an observation are called: longer than any name in a file could clash with. */
function namesOf({ key }: Observation): { moments: string; each: string; before: string; all: string } {
  return { moments: `\0moments ${key}`, each: `\0each ${key}`, before: `\0before ${key}`, all: `\0all ${key}` };
}

function rowsOf({ data }: Tensor): Int32Array[] {
  return Array.from(
    { length: data.length / BINS },
    (_, row) => data.subarray(row * BINS, (row + 1) * BINS) as Int32Array,
  );
}

/** Workgroups that share the elements of a sample or channel. */
function partsOf(shape: readonly number[], rows: readonly number[]): number {
  const length = sizeOf(shape.filter((_, axis) => !rows.includes(axis)));
  return Math.min(16, Math.max(1, Math.floor(length / 2 ** 16)));
}

/** A plan that computes the observations instead of its outputs. */
function observe(plan: ExecutionPlan, observations: readonly Observation[]): ExecutionPlan {
  const steps: Step[] = [...plan.steps];
  const constants = new Map(plan.constants);
  const types = new Map<string, KnownType>(plan.types);
  const inputs = [...plan.inputs];
  const outputs: string[] = [];
  const carried = new Map<string, string>();
  const add = (op: Op, value: string, more: readonly string[], output: string): void => {
    const operands = [value, ...more];
    types.set(output, op.infer(operands.map((name) => types.get(name)!))[0]!);
    steps.push({ node: value, operator: "", op, precision: "float", inputs: operands, outputs: [output] });
    outputs.push(output);
  };
  for (const observation of observations) {
    const { value, axis, batchwise, eachCounted, allCounted } = observation;
    const type = types.get(value);
    if (!type) throw new RangeError(`Cannot observe "${value}": the graph has no such value`);
    const { shape, dtype } = type;
    if (dtype !== "f32") throw new TypeError(`Cannot observe "${value}": it must be f32, and is ${dtype}`);
    const channels = axis === null ? [] : [normalizeAxis(axis, shape.length)];
    if (batchwise && channels[0] === 0) {
      throw new RangeError(`Cannot observe "${value}" by batch: its axis of channels must not be 0`);
    }
    const rows = batchwise && shape.length > 0 ? [0, ...channels] : channels;
    const names = namesOf(observation);
    add(moments(rows, partsOf(shape, rows)), value, [], names.moments);
    const countsOf = (kept: readonly number[]): readonly number[] => [...kept.map((own) => shape[own]!), BINS];
    if (eachCounted) {
      const none = `${names.each} none`;
      const zeros = tensor("i32", countsOf(rows), new Int32Array(sizeOf(countsOf(rows))));
      constants.set(none, zeros);
      types.set(none, zeros);
      add(histogram(rows), value, [none], names.each);
    }
    if (allCounted) {
      inputs.push({ name: names.before, dtype: "i32", shape: countsOf(channels) });
      types.set(names.before, { dtype: "i32", shape: countsOf(channels) });
      carried.set(names.before, names.all);
      add(histogram(channels, MOST_OF_EACH), value, [names.before], names.all);
    }
  }
  return {
    inputs,
    outputs: outputs.map((name) => ({ name, dtype: types.get(name)!.dtype, shape: null })),
    steps,
    constants,
    types,
    carried,
  };
}
