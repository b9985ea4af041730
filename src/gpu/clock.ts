/** Measuring how long dispatches take. @module */
import { type Dispatch, encode } from "./context.ts";
import { Mapper } from "./mapper.ts";

/** How times are taken: by the device, around a pass; or by the host, around a submission. */
export type ClockKind = "timestamps" | "wall";

/** Times dispatches. */
export interface Clock extends AsyncDisposable {
  /** How it does so. */
  readonly kind: ClockKind;
  /**
   * Runs each dispatch as often in a row as `repeats` says, one after the other.
   *
   * @returns For each, the milliseconds of one repetition.
   */
  measure(dispatches: readonly Dispatch[], repeats: readonly number[]): Promise<number[]>;
}

/** Milliseconds that the repetitions of a dispatch take at least: single ones are near the resolution of the clock. */
const LEAST_MS: Readonly<Record<ClockKind, number>> = { timestamps: 2, wall: 5 };

/** The most repetitions of a dispatch. */
const MOST_REPEATS = 1000;

/** Passes that are timed between two readbacks; a query set holds 4096 timestamps. */
const PASSES = 1024;

/**
 * Opens a clock on a device: timestamps, where it was opened with `timestamp-query`.
 *
 * @param kind "wall" times submissions even where there are timestamps.
 */
export function openClock(device: GPUDevice, kind?: "wall"): Clock {
  if (kind !== "wall" && device.features.has("timestamp-query")) return new TimestampClock(device);
  return new WallClock(device);
}

/**
 * Times dispatches in interleaved rounds, after two that are not counted: the first compiles, the second says how often
 * each must be repeated.
 *
 * @returns For each dispatch, its milliseconds in each round.
 */
export async function timeDispatches(
  clock: Clock,
  dispatches: readonly Dispatch[],
  rounds: number,
): Promise<number[][]> {
  const once = dispatches.map(() => 1);
  await clock.measure(dispatches, once);
  const warm = await clock.measure(dispatches, once);
  const repeats = warm.map((ms) => Math.min(Math.max(1, Math.ceil(LEAST_MS[clock.kind] / ms)), MOST_REPEATS));
  const times: number[][] = dispatches.map(() => []);
  for (let round = 0; round < rounds; round++) {
    (await clock.measure(dispatches, repeats)).forEach((ms, i) => times[i]!.push(ms));
  }
  return times;
}

function encodeRepeated(pass: GPUComputePassEncoder, dispatch: Dispatch, repeats: number): void {
  encode(pass, new Array<Dispatch>(repeats).fill(dispatch));
  pass.end();
}

/** Timestamps around one pass for each dispatch. */
class TimestampClock implements Clock {
  readonly kind = "timestamps";
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #mapper: Mapper;
  readonly #readback: GPUBuffer;

  constructor(device: GPUDevice) {
    const size = PASSES * 16;
    this.#device = device;
    this.#queries = device.createQuerySet({ type: "timestamp", count: PASSES * 2 });
    this.#resolved = device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    this.#mapper = new Mapper(device);
    this.#readback = this.#mapper.buffer(size, "timestamps");
  }

  async measure(dispatches: readonly Dispatch[], repeats: readonly number[]): Promise<number[]> {
    const times: number[] = [];
    for (let first = 0; first < dispatches.length; first += PASSES) {
      const part = dispatches.slice(first, first + PASSES);
      part.forEach((dispatch, i) => this.#submit(dispatch, repeats[first + i]!, i));
      const stamps = await this.#read(part.length);
      part.forEach((_, i) => {
        const nanoseconds = Number(stamps[2 * i + 1]! - stamps[2 * i]!);
        times.push(Math.max(0, nanoseconds) / 1e6 / repeats[first + i]!);
      });
    }
    return times;
  }

  /** A submission for each dispatch: systems end those that take seconds. */
  #submit(dispatch: Dispatch, repeats: number, index: number): void {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass({
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: 2 * index,
        endOfPassWriteIndex: 2 * index + 1,
      },
    });
    encodeRepeated(pass, dispatch, repeats);
    this.#device.queue.submit([encoder.finish()]);
  }

  async #read(passes: number): Promise<BigUint64Array> {
    const encoder = this.#device.createCommandEncoder();
    encoder.resolveQuerySet(this.#queries, 0, 2 * passes, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readback, 0, 16 * passes);
    this.#device.queue.submit([encoder.finish()]);
    return await this.#mapper.read(
      this.#readback,
      (contents) => new BigUint64Array(contents.slice(0, 16 * passes)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mapper.settled();
    this.#queries.destroy();
    this.#resolved.destroy();
    this.#readback.destroy();
  }
}

/** The host's clock around one submission for each dispatch, each waited for. */
class WallClock implements Clock {
  readonly kind = "wall";
  readonly #device: GPUDevice;
  readonly #source: GPUBuffer;
  readonly #mapper: Mapper;
  readonly #target: GPUBuffer;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#source = device.createBuffer({ size: 4, usage: GPUBufferUsage.COPY_SRC });
    this.#mapper = new Mapper(device);
    this.#target = this.#mapper.buffer(4, "clock");
  }

  async measure(dispatches: readonly Dispatch[], repeats: readonly number[]): Promise<number[]> {
    const times: number[] = [];
    for (const [i, dispatch] of dispatches.entries()) {
      const start = performance.now();
      const encoder = this.#device.createCommandEncoder();
      encodeRepeated(encoder.beginComputePass(), dispatch, repeats[i]!);
      encoder.copyBufferToBuffer(this.#source, 0, this.#target, 0, 4);
      this.#device.queue.submit([encoder.finish()]);
      await this.#mapper.read(this.#target, () => {});
      times.push((performance.now() - start) / repeats[i]!);
    }
    return times;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mapper.settled();
    this.#source.destroy();
    this.#target.destroy();
  }
}
