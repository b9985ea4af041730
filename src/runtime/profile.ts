/** Where the time of a run goes, launch by launch. @module */
import type { ClockKind } from "../gpu/clock.ts";
import type { Peak } from "../gpu/peak.ts";
import type { Graph } from "../graph/graph.ts";
import type { KnownType, Tensor } from "../tensor/tensor.ts";
import type { Backend, Executable, TimedLaunch, Timings } from "./backend.ts";
import { checkInput, planOf } from "./model.ts";
import type { Precision, Step } from "./plan.ts";
import { simplify } from "./simplify.ts";

/** What is known of a launch, or of several together. */
export interface Work {
  /** Milliseconds: of a launch, the median of the rounds; of several, the sum. */
  readonly ms: number;
  /** Multiply-adds of Conv, MatMul and Gemm; 0 for other operators. */
  readonly macs: number;
  /** Bytes of inputs, constants and outputs, each counted once for each launch. */
  readonly bytes: number;
}

/** One launch of a run. */
export interface ProfiledLaunch extends Work {
  /** The node that it belongs to. */
  readonly node: string;
  /** The ONNX operator of the node, or `null` for a copy into another layout. */
  readonly operator: string | null;
  /** In which precision it computes, or `null` for a copy into another layout. */
  readonly precision: Precision | null;
  /** The kernel. */
  readonly kernel: string;
  /** The constants that the kernel is compiled with, in short: its tile, say. */
  readonly variant: string;
  /** Operations in a nanosecond (GFLOP/s, GOP/s), a multiply-add counted as 2; `null` where it has none. */
  readonly gops: number | null;
  /** That as a share of the device's peak for its precision, 0 to about 1; `null` where either is not known. */
  readonly share: number | null;
  /** `bytes` in a nanosecond: GB/s. */
  readonly gbps: number;
}

/** Launches that have something in common. */
export interface ProfileTotal extends Work {
  /** What they have in common: the name of a node or kernel. */
  readonly name: string;
  /** How many they are. */
  readonly launches: number;
}

/** Where the time of a run goes. */
export interface Profile {
  /** What the device calls itself. */
  readonly device: string;
  /** How launches were timed: by the device, or by the host around whole submissions. */
  readonly clock: ClockKind;
  /** Rounds that medians are taken of. */
  readonly rounds: number;
  /** What the device can do at most; `null` where the backend does not measure it. */
  readonly peak: Peak | null;
  /** The launches in order of execution. */
  readonly launches: readonly ProfiledLaunch[];
  /** The sums of all launches. */
  readonly total: Work;
  /** Milliseconds of a whole run, from inputs in host memory to outputs in host memory: the median of the rounds. */
  readonly endToEndMs: number;
  /** Sums by node, in order of execution. */
  readonly nodes: readonly ProfileTotal[];
  /** Sums by kernel, the slowest first. */
  readonly kernels: readonly ProfileTotal[];
}

/** What {@linkcode profileModel} can be told. */
export interface ProfileOptions {
  /** Rounds of measurement. Default 5. */
  readonly rounds?: number;
}

/**
 * Measures each launch of a run by itself, and the run as a whole.
 *
 * A launch is repeated in a row until it takes milliseconds, so its data is in the caches as far as they hold it; launches
 * take turns in several rounds.
 *
 * @example
 * ```ts
 * import { type Graph, nodeCosts, openBackend, profileModel, tensor } from "@acqua/acqua";
 * import assert from "node:assert/strict";
 *
 * const graph: Graph = {
 *   name: "product",
 *   opset: 13,
 *   inputs: [{ name: "x", dtype: "f32", shape: ["N", 4] }],
 *   outputs: [{ name: "y", dtype: "f32", shape: ["N", 8] }],
 *   nodes: [{ name: "product", op: "MatMul", inputs: ["x", "w"], outputs: ["y"], attributes: new Map() }],
 *   constants: new Map([["w", tensor("f32", [4, 8], new Float32Array(32).fill(1))]]),
 *   metadata: new Map(),
 * };
 *
 * await using backend = await openBackend("cpu");
 * const profile = await profileModel(graph, { x: tensor("f32", [2, 4], new Float32Array(8)) }, backend);
 * assert.equal(profile.total.macs, 2 * 4 * 8);
 * assert(nodeCosts(profile).has("product")); // milliseconds
 * ```
 *
 * @param inputs A tensor for each input, by name: times depend on their shapes.
 * @throws {TypeError} Where an input is missing or has another element type, or the backend has no clock.
 * @throws {RangeError} Where a shape does not fit, or `rounds` is not a whole number of at least 1.
 */
export async function profileModel(
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
  backend: Backend,
  { rounds = 5 }: ProfileOptions = {},
): Promise<Profile> {
  if (!Number.isSafeInteger(rounds) || rounds < 1) {
    throw new RangeError(`"rounds" must be a whole number of at least 1: current value is ${rounds}`);
  }
  const own = simplify(graph);
  for (const info of own.inputs) checkInput(info, inputs[info.name]);
  const plan = planOf(own, inputs);
  using executable = await backend.prepare(plan);
  if (!executable.time) {
    throw new TypeError(`Cannot profile on backend "${backend.name}": it does not time its launches`);
  }
  const values = new Map(Object.entries(inputs));
  const timings = await executable.time(values, rounds);
  const endToEndMs = median(await timeRuns(executable, values, rounds));
  const peak = await backend.peak?.() ?? null;
  return { device: backend.device, rounds, peak, endToEndMs, ...summarize(timings, plan.types, peak) };
}

async function timeRuns(
  executable: Executable,
  inputs: ReadonlyMap<string, Tensor>,
  rounds: number,
): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await executable.run(inputs);
    times.push(performance.now() - start);
  }
  return times;
}

/**
 * Times as rates and sums.
 *
 * @param types The types of the values that the steps read and compute.
 */
export function summarize(
  { clock, launches: timed }: Timings,
  types: ReadonlyMap<string, KnownType>,
  peak: Peak | null,
): Pick<Profile, "clock" | "launches" | "total" | "nodes" | "kernels"> {
  const medians = timed.map(({ times }) => median(times));
  const slowest = slowestOfSteps(timed, medians);
  const launches = timed.map((own, i): ProfiledLaunch => {
    const { node, step, kernel, constants, bytes } = own;
    const ms = medians[i]!;
    const macs = step && slowest.get(step) === i ? macsOf(step, types) : 0;
    const gops = macs > 0 ? rateOf(2 * macs, ms) : null;
    const best = peak && (step?.precision === "int8" ? peak.i8 : peak.f32);
    return {
      ...{ node, operator: step?.operator ?? null, precision: step?.precision ?? null },
      ...{ kernel, variant: variantOf(constants), ms, macs, bytes, gops },
      share: gops !== null && best ? gops / best : null,
      gbps: rateOf(bytes, ms),
    };
  });
  return {
    clock,
    launches,
    total: sumOf(launches),
    nodes: totals(launches, ({ node }) => node),
    kernels: totals(launches, ({ kernel }) => kernel).toSorted((a, b) => b.ms - a.ms),
  };
}

/**
 * What each node costs: the milliseconds of its launches, and of the copies that bring its inputs into the layout it wants.
 *
 * Nodes that are fused into another cost nothing by themselves and are not in it; copies that bring an output of the graph
 * into its layout count under the name of that output.
 */
export function nodeCosts({ nodes }: Pick<Profile, "nodes">): Map<string, number> {
  return new Map(nodes.map(({ name, ms }) => [name, ms]));
}

/** Multiply-adds of a step; 0 where its operator counts none. */
function macsOf({ op, inputs, outputs }: Step, types: ReadonlyMap<string, KnownType>): number {
  const typeOf = (name: string | null): KnownType | null => name === null ? null : types.get(name) ?? null;
  return op.macs?.(inputs.map(typeOf), outputs.map((name) => types.get(name)!)) ?? 0;
}

/** The slowest launch of each step: where a step has several, the others prepare or finish what that one multiplies. */
function slowestOfSteps(timed: readonly TimedLaunch[], medians: readonly number[]): Map<Step, number> {
  const slowest = new Map<Step, number>();
  timed.forEach(({ step }, i) => {
    if (!step) return;
    const other = slowest.get(step);
    if (other === undefined || medians[i]! > medians[other]!) slowest.set(step, i);
  });
  return slowest;
}

function totals(launches: readonly ProfiledLaunch[], nameOf: (launch: ProfiledLaunch) => string): ProfileTotal[] {
  const groups = Map.groupBy(launches, nameOf);
  return Array.from(groups, ([name, own]) => ({ name, launches: own.length, ...sumOf(own) }));
}

/** The sums of several launches. */
export function sumOf(works: readonly Work[]): Work {
  const sum = (of: (work: Work) => number): number => works.reduce((total, work) => total + of(work), 0);
  return { ms: sum(({ ms }) => ms), macs: sum(({ macs }) => macs), bytes: sum(({ bytes }) => bytes) };
}

/** Amounts in `ms` milliseconds as billions a second; 0 where the clock saw no time pass. */
function rateOf(amount: number, ms: number): number {
  return ms > 0 ? amount / (ms * 1e6) : 0;
}

/** Constants that say little: the width of a workgroup or texture, what follows from the tile, numbered programs. */
const MINOR = /^(LANES|TEXTURE_WIDTH|TM|TN|TN4)$|\d$/;

/** Constants of a kernel in short: the tile, then by name what else is not 0. */
export function variantOf(constants: Readonly<Record<string, number>>): string {
  const { TM, TN } = constants;
  const tile = TM === undefined || TN === undefined ? [] : [`${TM}x${TN}`];
  const others = Object.entries(constants).filter(([name, value]) => value !== 0 && !MINOR.test(name));
  return [...tile, ...others.map(([name, value]) => `${name.toLowerCase()}=${value}`)].join(" ");
}

/** The middle of some numbers; between the two in the middle where they are even. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
