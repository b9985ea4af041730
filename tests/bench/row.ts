/** What is known of a workload once it has been measured. */
import type { DeviceBytes } from "./acqua.ts";
import type { Precision } from "./runner.ts";
import type { Workload } from "./workload.ts";

/** What a runner took. */
export interface Timing {
  readonly who: string;
  readonly precision: Precision;
  readonly medianMs: number;
  readonly bestMs: number;
  readonly rounds: number;
}

/** Memory of acqua with one model. */
export interface Memory extends DeviceBytes {
  /** Growth of the process over `runs` further runs. */
  readonly growthBytes: number;
  readonly runs: number;
}

/** Something to say of a cell. */
export interface Remark {
  readonly who: string;
  readonly precision: Precision;
  /**
   * Left empty since the runner gave a wrong result, or acqua itself cannot do it: the bench ends with an error. Left empty
   * since a peer cannot do it. Timed though the result differs, for a reason that lies in the machine.
   */
  readonly kind: "failed" | "missing" | "inexact";
  readonly reason: string;
}

/** All that is known of a workload. */
export interface Row {
  readonly name: string;
  readonly kind: Workload["kind"];
  readonly about: string;
  readonly fileBytes: Readonly<Record<Precision, number | null>>;
  readonly timings: readonly Timing[];
  readonly remarks: readonly Remark[];
  readonly memory: Readonly<Partial<Record<Precision, Memory>>>;
  /** What INT8 costs in acqua on the timed input: signal to noise, and the share of rows with the same top class. */
  readonly int8: { readonly decibels: number; readonly sameTop: number | null } | null;
}
