/** Times all runners of a workload in interleaved rounds, once their results agree. */
import type { Backend } from "../../mod.ts";
import { type AcquaRunner, int8Of, openAcqua } from "./acqua.ts";
import { disagreement } from "./agreement.ts";
import type { Peer } from "./peers.ts";
import type { Memory, Remark, Row, Timing } from "./row.ts";
import type { Precision, Runner } from "./runner.ts";
import { median, roundsFor, sameTop, signalToNoise, takesPart } from "./statistics.ts";
import type { Workload } from "./workload.ts";

/** Runs shorter than this are preceded by one that is not timed: the runner before leaves threads spinning and cold caches. */
const SETTLED_MS = 100;
/** Whose results the others must agree with: the first of these that runs. Native INT8 is not exact on every CPU. */
const JUDGES = {
  FP32: ["ort-wasm", "ort-node", "ort-node-1", "acqua"],
  INT8: ["ort-wasm", "acqua"],
} as const;
/** How long each runner runs before any is timed: V8 compiles hot WebAssembly anew beside it, on the cores that all share. */
const WARM_MS = 1500;
const WARM_RUNS = 200;
const MEMORY_RUNS = 100;
const MEMORY_MS = 1500;

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
    await task().catch((error) => remarks.push(refusal(who, precision, error)));
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
  const timings = await time(entries.filter((entry) => !failed(entry)), rounds, remarks);
  return {
    name,
    kind,
    about,
    fileBytes: { FP32: subject.bytes.length, INT8: files.INT8?.length ?? null },
    timings,
    remarks,
    memory,
    int8: costOfInt8(entries, subject.classes),
  };
}

function refusal(who: string, precision: Precision, error: unknown): Remark {
  const reason = error instanceof Error ? error.message : String(error);
  return { who, precision, kind: who === "acqua" ? "failed" : "missing", reason };
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
  const find = (who: string | undefined, precision: Precision) =>
    entries.find((entry) => entry.who === who && entry.precision === precision);
  for (const { who, precision, output } of entries) {
    const judge = JUDGES[precision].map((name) => find(name, precision)).find((entry) => entry !== undefined);
    const float = find(judge?.who, "FP32");
    const int8Decibels = judge && float ? signalToNoise(judge.output, float.output) : Infinity;
    const reason = judge && disagreement(output, judge.output, { precision, classes, int8Decibels });
    if (!reason) continue;
    const excuse = await peers[who]?.inexact?.(precision);
    const kind = excuse ? "inexact" : "failed";
    remarks.push({ who, precision, kind, reason: `beside ${judge.who} ${reason}${excuse ? `: ${excuse}` : ""}` });
  }
  return remarks;
}

/** One that throws on the way loses its times, and is remarked on. */
async function time(entries: readonly Entry[], rounds: number, remarks: Remark[]): Promise<Timing[]> {
  const runs = new Map(entries.map((entry): [Entry, number[]] => [entry, []]));
  for (const { runner } of entries) await warm(runner);
  for (let round = 0; round < rounds; round++) {
    for (const [entry, times] of runs) {
      const { who, precision, runner, ms } = entry;
      if (!takesPart(round, roundsFor(ms, rounds), rounds)) continue;
      try {
        if (ms < SETTLED_MS) await runner.run();
        times.push(await msOf(runner));
      } catch (error) {
        remarks.push(refusal(who, precision, error));
        runs.delete(entry);
      }
    }
  }
  return Array.from(runs, ([{ who, precision }, times]) => ({
    who,
    precision,
    medianMs: median(times),
    bestMs: Math.min(...times),
    rounds: times.length,
  }));
}

/** Errors are left to the rounds that follow. */
async function warm(runner: Runner): Promise<void> {
  const end = performance.now() + WARM_MS;
  try {
    for (let run = 0; run < WARM_RUNS && performance.now() < end; run++) await runner.run();
  } catch {
    return;
  }
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
  const [float, int8] = (["FP32", "INT8"] as const).map((precision) =>
    entries.find((entry) => entry.who === "acqua" && entry.precision === precision)?.output
  );
  if (!float || !int8) return null;
  return {
    decibels: signalToNoise(int8, float),
    sameTop: classes === null ? null : sameTop(int8, float, classes),
  };
}
