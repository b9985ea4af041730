/** Times all runners of a workload in interleaved rounds, once their results agree. */
import type { Backend } from "../../mod.ts";
import { type AcquaRunner, type DeviceBytes, int8Of, openAcqua } from "./acqua.ts";
import { disagreement } from "./agreement.ts";
import type { Peer } from "./peers.ts";
import type { Precision, Runner } from "./runner.ts";
import { median, roundsFor, sameTop, signalToNoise, takesPart } from "./statistics.ts";
import type { Workload } from "./workload.ts";

/** A runner may take this long for all its rounds of a workload, except that three are always run. */
const BUDGET_MS = 5000;
/** Runs shorter than this are preceded by one that is not timed: the runner before leaves threads spinning and cold caches. */
const SETTLED_MS = 100;
/** Whose results the others must agree with: the first of these that runs. Native INT8 is not exact on every CPU. */
const JUDGES = {
  FP32: ["ort-wasm", "ort-node", "ort-node-1", "acqua"],
  INT8: ["ort-wasm", "acqua"],
} as const;
const PRECISIONS = ["FP32", "INT8"] as const;
const MEMORY_RUNS = 100;
const MEMORY_MS = 1500;

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

/** How a workload is measured. */
export interface MeasureOptions {
  readonly peers: Readonly<Record<string, Peer>>;
  readonly rounds: number;
  /** For the calibration. */
  readonly backend: Backend;
}

/** A model that runs, and what its first runs told. */
interface Entry {
  readonly who: string;
  readonly precision: Precision;
  readonly runner: Runner;
  /** The result, in the order of ONNX. */
  readonly output: Float32Array;
  /** Milliseconds of the second run: the first compiles. */
  readonly ms: number;
}

/** Measures a workload. What a runner throws becomes a remark. */
export async function measure(workload: Workload, { peers, rounds, backend }: MeasureOptions): Promise<Row> {
  const { name, kind, about } = workload;
  const subject = await workload.load();
  const remarks: Remark[] = [];
  const entries: Entry[] = [];
  const memory: Partial<Record<Precision, Memory>> = {};
  await using open = new AsyncDisposableStack();

  async function attempt(who: string, precision: Precision, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      remarks.push({ who, precision, kind: who === "acqua" ? "failed" : "missing", reason });
    }
  }

  async function enter(who: string, precision: Precision, runner: Runner): Promise<Entry> {
    const first = await runner.run();
    const entry = { who, precision, runner, output: runner.restore?.(first) ?? first, ms: await msOf(runner) };
    entries.push(entry);
    return entry;
  }

  const files: Partial<Record<Precision, Uint8Array>> = { FP32: subject.bytes };
  await attempt("acqua", "INT8", async () => {
    files.INT8 = await int8Of(subject, backend);
  });
  for (const [precision, bytes] of Object.entries(files) as [Precision, Uint8Array][]) {
    await attempt("acqua", precision, async () => {
      const runner = open.use(await openAcqua(subject, bytes));
      const { ms } = await enter("acqua", precision, runner);
      memory[precision] = await memoryOf(runner, ms);
    });
    for (const [who, peer] of Object.entries(peers)) {
      await attempt(who, precision, async () => {
        const runner = await peer.open(subject, bytes, precision);
        if (runner) await enter(who, precision, open.use(runner));
      });
    }
  }
  remarks.push(...await disagreements(entries, subject.classes, peers));
  const failed = (entry: Entry) =>
    remarks.some(({ who, precision, kind }) => kind === "failed" && who === entry.who && precision === entry.precision);
  return {
    name,
    kind,
    about,
    fileBytes: { FP32: subject.bytes.length, INT8: files.INT8?.length ?? null },
    timings: await time(entries.filter((entry) => !failed(entry)), rounds),
    remarks,
    memory,
    int8: costOfInt8(entries, subject.classes),
  };
}

async function msOf(runner: Runner): Promise<number> {
  const start = performance.now();
  await runner.run();
  return performance.now() - start;
}

/** Compares each result with that of a judge. */
async function disagreements(
  entries: readonly Entry[],
  classes: number | null,
  peers: MeasureOptions["peers"],
): Promise<Remark[]> {
  const remarks: Remark[] = [];
  for (const { who, precision, output } of entries) {
    const judges = JUDGES[precision].map((name) => entries.find((e) => e.who === name && e.precision === precision));
    const judge = judges.find((entry) => entry !== undefined);
    const reason = judge && disagreement(output, judge.output, { precision, classes });
    if (!reason) continue;
    const excuse = await peers[who]?.inexact?.(precision);
    const kind = excuse ? "inexact" : "failed";
    remarks.push({ who, precision, kind, reason: `beside ${judge.who} ${reason}${excuse ? `: ${excuse}` : ""}` });
  }
  return remarks;
}

async function time(entries: readonly Entry[], rounds: number): Promise<Timing[]> {
  const runs = entries.map((entry) => ({
    ...entry,
    rounds: roundsFor(entry.ms, rounds, BUDGET_MS),
    times: new Array<number>(),
  }));
  for (let round = 0; round < rounds; round++) {
    for (const { runner, ms, rounds: own, times } of runs) {
      if (!takesPart(round, own, rounds)) continue;
      if (ms < SETTLED_MS) await runner.run();
      times.push(await msOf(runner));
    }
  }
  return runs.map(({ who, precision, times }) => ({
    who,
    precision,
    medianMs: median(times),
    bestMs: Math.min(...times),
    rounds: times.length,
  }));
}

async function memoryOf(runner: AcquaRunner, ms: number): Promise<Memory> {
  const runs = Math.max(5, Math.min(MEMORY_RUNS, Math.floor(MEMORY_MS / ms)));
  const before = residentBytes();
  for (let i = 0; i < runs; i++) await runner.run();
  return { ...runner.deviceBytes(), growthBytes: residentBytes() - before, runs };
}

/** Without garbage, where V8 was started with --expose-gc. */
function residentBytes(): number {
  (globalThis as { readonly gc?: () => void }).gc?.();
  return Deno.memoryUsage().rss;
}

function costOfInt8(entries: readonly Entry[], classes: number | null): Row["int8"] {
  const [float, int8] = PRECISIONS.map((precision) =>
    entries.find((entry) => entry.who === "acqua" && entry.precision === precision)?.output
  );
  if (!float || !int8) return null;
  return {
    decibels: signalToNoise(int8, float),
    sameTop: classes === null ? null : sameTop(int8, float, classes),
  };
}
