/** Where plans run. @module */
import type { ClockKind } from "../gpu/clock.ts";
import type { Peak } from "../gpu/peak.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ExecutionPlan, Step } from "./plan.ts";
import type { TuningStore } from "./tuning.ts";

/** A launch of a run, or a step where the backend has no launches, with the times it took. */
export interface TimedLaunch {
  /** The node that it belongs to. */
  readonly node: string;
  /** The step that it computes, or `null` for a copy into another layout. */
  readonly step: Step | null;
  /** The kernel, without its constants. */
  readonly kernel: string;
  /** The constants that the kernel is compiled with. */
  readonly constants: Readonly<Record<string, number>>;
  /** Bytes of the inputs, constants and outputs that it has bound, each counted once and as a whole. */
  readonly bytes: number;
  /** Milliseconds in each round. */
  readonly times: readonly number[];
}

/** The times of all launches of a run. */
export interface Timings {
  /** How they were taken. */
  readonly clock: ClockKind;
  /** The launches in order. */
  readonly launches: readonly TimedLaunch[];
}

/** A plan made ready on a device. */
export interface Executable extends Disposable {
  /** Bytes of device memory that it holds for itself: activations, inputs and outputs. */
  readonly bytes: number;
  /** Runs the plan once. State that the plan carries is neither given nor returned. */
  run(inputs: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>>;
  /** Reads the state after the runs so far, by the names of the outputs that it is carried from, and sets it to zero. Absent where there is none. */
  takeCarried?(): Promise<Map<string, Tensor>>;
  /** Times each launch of a run by itself, in interleaved rounds. No run may be under way. */
  time?(inputs: ReadonlyMap<string, Tensor>, rounds: number): Promise<Timings>;
}

/** A device that runs plans. */
export interface Backend extends AsyncDisposable {
  /** Which kind it is. */
  readonly name: "webgpu" | "cpu";
  /** What the device calls itself. */
  readonly device: string;
  /** Bytes of device memory that constants of all models take. */
  readonly constantBytes: number;
  /** Makes a plan ready to run. */
  prepare(plan: ExecutionPlan): Promise<Executable>;
  /** Measures what the device can do at most. Absent where that tells nothing. */
  peak?(): Promise<Peak>;
}

/** How a backend is opened. */
export interface BackendOptions {
  /**
   * Where the fastest variants of kernels are kept. With it, variants are timed when a model is prepared for shapes that are
   * not known yet, for a few seconds each time. Default: none; the variants that are estimated to be the fastest are taken.
   */
  readonly tuning?: TuningStore;
  /**
   * Whether variants are timed on adapters that compute on the CPU, too. Default false: the estimates are made for these, and
   * on lavapipe whole models ran no faster tuned.
   */
  readonly tuneSoftware?: boolean;
}
