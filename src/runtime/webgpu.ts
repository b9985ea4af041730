/** The WebGPU backend: the only module that turns schedules into commands. @module */
import { openClock, timeDispatches } from "../gpu/clock.ts";
import { type Dispatch, encode, GpuContext } from "../gpu/context.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Launch } from "../gpu/launch.ts";
import { arrange, bytesOf, fromPlain } from "../gpu/layout.ts";
import { allocateMemory, type Memory } from "../gpu/memory.ts";
import { measurePeak } from "../gpu/peak.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Backend, Executable, Timings } from "./backend.ts";
import type { ExecutionPlan } from "./plan.ts";
import { type Port, type Schedule, schedule } from "./schedule.ts";

/** A device that refuses or loses work: the message says what and why. */
export class GpuError extends Error {
  /** Tells it from other errors. */
  override readonly name = "GpuError";
}

/** Opens a backend on a device; disposing of it destroys the device. */
export function webgpuBackend(gpu: Gpu): Backend {
  const context = new GpuContext(gpu);
  const pending = new Set<Promise<unknown>>();
  return {
    name: "webgpu",
    device: gpu.name,
    get constantBytes() {
      return context.constantBytes;
    },
    prepare: (plan) => prepare(plan, context, pending),
    peak: () => measurePeak(gpu),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(pending);
      context[Symbol.dispose]();
    },
  };
}

async function prepare(
  plan: ExecutionPlan,
  context: GpuContext,
  pending: Set<Promise<unknown>>,
): Promise<Executable> {
  const { device, software, textureBytes } = context.gpu;
  const work = schedule(plan, { lanes: software ? 8 : 64 }, textureBytes);
  const limit = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  const largest = Math.max(0, ...work.regions.map(({ bytes, texture }) => texture ? 0 : bytes));
  if (largest > limit) {
    throw new GpuError(
      `An activation needs ${largest} bytes, and a buffer of this device holds ${limit}: use a smaller batch`,
    );
  }
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  const memory: Memory[] = [];
  const built = await build(work, context, memory, pending).catch((error: Error) => error);
  const invalid = await device.popErrorScope();
  const refused = await device.popErrorScope() ?? invalid;
  if (!(built instanceof Error) && !refused) return built;
  if (built instanceof Error) { for (const own of memory) own.destroy(); }
  else built[Symbol.dispose]();
  throw refused ? new GpuError(`The device refuses the model: ${refused.message}`) : built;
}

/** Creates what a schedule needs on the device. Its memory is in `memory` even where it fails. */
async function build(
  work: Schedule,
  context: GpuContext,
  memory: Memory[],
  pending: Set<Promise<unknown>>,
): Promise<Executable> {
  const { device } = context.gpu;
  for (const { bytes, texture } of work.regions) memory.push(allocateMemory(device, bytes, texture, "activations"));
  const { dispatches, uniforms, release } = await context.bind(
    work.launches.map(({ launch }) => launch),
    (index) => {
      const { inputs, outputs } = work.launches[index]!;
      return { inputs: inputs.map((r) => r === null ? null : memory[r]!), outputs: outputs.map((r) => memory[r]!) };
    },
  );
  const readback = await Readback.create(device, work.outputs, pending);
  return new GpuExecutable(device, work, memory, dispatches, uniforms, readback, release);
}

class GpuExecutable implements Executable {
  readonly bytes: number;
  readonly #device: GPUDevice;
  readonly #schedule: Schedule;
  readonly #memory: readonly Memory[];
  readonly #dispatches: readonly Dispatch[];
  readonly #uniforms: GPUBuffer | null;
  readonly #readback: Readback;
  readonly #release: () => void;

  constructor(
    device: GPUDevice,
    schedule: Schedule,
    memory: readonly Memory[],
    dispatches: readonly Dispatch[],
    uniforms: GPUBuffer | null,
    readback: Readback,
    release: () => void,
  ) {
    this.#device = device;
    this.#schedule = schedule;
    this.#memory = memory;
    this.#dispatches = dispatches;
    this.#uniforms = uniforms;
    this.#readback = readback;
    this.#release = release;
    this.bytes = memory.reduce((sum, { bytes }) => sum + bytes, readback.bytes);
  }

  async run(inputs: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
    for (const { name, region } of this.#schedule.inputs) {
      this.#memory[region]!.write(arrange(inputs.get(name)!, "plain"));
    }
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass, this.#dispatches);
    pass.end();
    this.#readback.copy(encoder, this.#memory);
    this.#device.queue.submit([encoder.finish()]);
    return await this.#readback.read();
  }

  async time(inputs: ReadonlyMap<string, Tensor>, rounds: number): Promise<Timings> {
    await this.run(inputs);
    await using clock = await openClock(this.#device);
    const times = await timeDispatches(clock, this.#dispatches, rounds);
    const launches = this.#schedule.launches.map(({ launch, node, step, valueBytes }, i) => ({
      node,
      step,
      kernel: launch.shader,
      constants: launch.constants,
      bytes: valueBytes + constantBytesOf(launch),
      times: times[i]!,
    }));
    return { clock: clock.kind, launches };
  }

  [Symbol.dispose](): void {
    for (const own of this.#memory) own.destroy();
    this.#uniforms?.destroy();
    this.#readback[Symbol.dispose]();
    this.#release();
  }
}

/** Bytes of the constants that a launch reads. */
function constantBytesOf({ bindings }: Launch): number {
  return bindings.reduce((sum, binding) => sum + ("packed" in binding ? binding.packed.pack().byteLength : 0), 0);
}

interface StagedPort extends Port {
  readonly offset: number;
  readonly size: number;
}

/** Brings the outputs of a run back through one mapped buffer. */
class Readback implements Disposable {
  readonly bytes: number;
  readonly #buffer: GPUBuffer;
  readonly #ports: readonly StagedPort[];
  readonly #pending: Set<Promise<unknown>>;

  private constructor(buffer: GPUBuffer, ports: readonly StagedPort[], pending: Set<Promise<unknown>>) {
    this.#buffer = buffer;
    this.#ports = ports;
    this.#pending = pending;
    this.bytes = buffer.size;
  }

  static async create(
    device: GPUDevice,
    outputs: readonly Port[],
    pending: Set<Promise<unknown>>,
  ): Promise<Readback> {
    let end = 0;
    const ports = outputs.map((port) => {
      const size = bytesOf(port.type, "plain");
      const offset = end;
      end += size;
      return { ...port, offset, size };
    });
    const buffer = device.createBuffer({
      label: "readback",
      size: Math.max(16, end),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    // Deno 2.9 ends the process where getMappedRange() meets the first pending mapAsync() of a buffer: map it once, awaited.
    await buffer.mapAsync(GPUMapMode.READ);
    buffer.unmap();
    return new Readback(buffer, ports, pending);
  }

  copy(encoder: GPUCommandEncoder, memory: readonly Memory[]): void {
    for (const { region, offset, size } of this.#ports) {
      memory[region]!.copyTo(encoder, this.#buffer, offset, size);
    }
  }

  async read(): Promise<Map<string, Tensor>> {
    const mapped = this.#buffer.mapAsync(GPUMapMode.READ);
    const settled = mapped.catch(() => {});
    this.#pending.add(settled);
    settled.then(() => this.#pending.delete(settled));
    const range = this.#mappedAlready() ?? (await mapped, this.#buffer.getMappedRange());
    const results = new Map(this.#ports.map(({ name, type, offset, size }): [string, Tensor] => {
      const { dtype, shape } = type;
      return [name, { dtype, shape, data: fromPlain(type, range.slice(offset, offset + size)) }];
    }));
    this.#buffer.unmap();
    return results;
  }

  /** Deno's mapAsync() waits for the GPU before it returns, and its promise only 10 ms later: take the data at once. */
  #mappedAlready(): ArrayBuffer | null {
    try {
      return this.#buffer.getMappedRange();
    } catch {
      return null;
    }
  }

  [Symbol.dispose](): void {
    this.#buffer.destroy();
  }
}
