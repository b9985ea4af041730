/** What a device can do at most, measured. @module */
import { type Clock, openClock, timeDispatches } from "./clock.ts";
import type { Dispatch } from "./context.ts";
import type { Gpu } from "./device.ts";
import { foldGrid, type Launch } from "./launch.ts";
import { Pipelines } from "./pipelines.ts";

/** The highest rates that were measured on a device. */
export interface Peak {
  /** Multiply-adds in f32: GFLOP/s, where each counts as 2 operations. */
  readonly f32: number;
  /** Multiply-adds of 8-bit integers by `dot4I8Packed`: GOP/s, where each of the 4 of a dot product counts as 2. */
  readonly i8: number;
  /** A kernel that copies a buffer: GB/s read plus GB/s written. */
  readonly copy: number;
}

const ROUNDS = 5;

/** Of the copy, whose buffers are larger than caches: few CPUs do it in less than tens of milliseconds. */
const COPY_ROUNDS = 2;

const WORKGROUP = 256;
const TURNS = 64;

/** Steps of the chains in a turn. */
const UNROLL = 4;

/** Independent chains of f32: how many are fastest depends on the registers and the latency of the device. */
const CHAINS = [8, 16, 32];

/** Tiles of integer sums, rows by columns. They use each operand several times, as the kernels do. */
const TILES = [[4, 4], [8, 4], [8, 8]] as const;

/** Measures the peaks of a device. Takes about half a second on a CPU adapter; whatever else runs there lowers them. */
export async function measurePeak({ device, software }: Gpu): Promise<Peak> {
  await using clock = openClock(device);
  const pipelines = new Pipelines(device);
  const groups = software ? 64 : 2048;
  const copied = (software ? 32 : 64) * 2 ** 20;
  const candidates = async (launches: readonly Pick<Launch, "shader" | "constants">[], buffer: GPUBuffer) =>
    await Promise.all(launches.map(async (launch): Promise<Dispatch> => {
      const pipeline = await pipelines.get(launch);
      return { pipeline, group: bind(device, pipeline, [buffer]), workgroups: [groups, 1, 1] };
    }));

  using resources = new DisposableStack();
  const bufferOf = (size: number, data?: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): GPUBuffer => {
    const buffer = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
    resources.defer(() => buffer.destroy());
    if (data) device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  };

  const floats = await candidates(
    CHAINS.map((count) => ({ shader: "peak_f32", constants: { CHAINS: count, UNROLL, TURNS } })),
    bufferOf(16, Float32Array.of(0.75, 0.125, -1, 0)),
  );
  const integers = await candidates(
    TILES.map(([rows, columns]) => ({
      shader: "peak_i8",
      constants: { ROWS: rows, COLUMNS: columns, TURNS },
    })),
    bufferOf(16, Uint32Array.of(0x9e3779b9, 0x7f4a7c15, 0xdeadbeef, 0)),
  );
  const copyPipeline = await pipelines.get({ shader: "peak_copy", constants: {} });
  const copy: Dispatch = {
    pipeline: copyPipeline,
    group: bind(device, copyPipeline, [bufferOf(copied), bufferOf(copied)]),
    workgroups: foldGrid(copied / 16 / 64),
  };

  const turns = groups * WORKGROUP * TURNS;
  return {
    f32: await best(clock, floats, CHAINS.map((count) => turns * UNROLL * count * 2)),
    i8: await best(clock, integers, TILES.map(([rows, columns]) => turns * rows * columns * 8)),
    copy: await best(clock, [copy], [2 * copied], COPY_ROUNDS),
  };
}

/** The highest rate of any dispatch in any round: `work` per nanosecond. */
async function best(
  clock: Clock,
  dispatches: readonly Dispatch[],
  work: readonly number[],
  rounds = ROUNDS,
): Promise<number> {
  const times = await timeDispatches(clock, dispatches, rounds);
  return Math.max(...times.map((own, i) => work[i]! / (Math.min(...own) * 1e6)));
}

function bind(device: GPUDevice, pipeline: GPUComputePipeline, buffers: readonly GPUBuffer[]): GPUBindGroup {
  return device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
}
