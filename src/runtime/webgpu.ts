/** The WebGPU backend: the only module that turns schedules into commands. @module */
import { openClock, timeDispatches } from "../gpu/clock.ts";
import { type Dispatch, encode, GpuContext } from "../gpu/context.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Launch } from "../gpu/launch.ts";
import { arrange, bytesOf } from "../gpu/layout.ts";
import { Mapper } from "../gpu/mapper.ts";
import { allocateMemory, type Memory } from "../gpu/memory.ts";
import { measurePeak } from "../gpu/peak.ts";
import type { Target } from "../ops/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Backend, BackendOptions, Executable, Timings } from "./backend.ts";
import type { ExecutionPlan } from "./plan.ts";
import type { OutputPort } from "./ports.ts";
import { Readback } from "./readback.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { Tuning } from "./tuning.ts";

/** A device that refuses or loses work: the message says what and why. */
export class GpuError extends Error {
  /** Tells it from other errors. */
  override readonly name = "GpuError";
}

/** Opens a backend on a device; disposing of it destroys the device. */
export async function webgpuBackend(
  gpu: Gpu,
  { tuning: store, tuneSoftware = false }: BackendOptions = {},
): Promise<Backend> {
  const context = new GpuContext(gpu);
  const mapper = new Mapper(gpu.device);
  const cores = gpu.software ? ` on ${navigator.hardwareConcurrency} cores` : "";
  const tuning = store && (tuneSoftware || !gpu.software) ? await Tuning.open(store, gpu.name + cores) : null;
  return {
    name: "webgpu",
    device: gpu.name,
    get constantBytes() {
      return context.constantBytes;
    },
    prepare: (plan) => prepare(plan, context, mapper, tuning),
    peak: () => measurePeak(gpu),
    async [Symbol.asyncDispose]() {
      await mapper.settled();
      context[Symbol.dispose]();
    },
  };
}

async function prepare(
  plan: ExecutionPlan,
  context: GpuContext,
  mapper: Mapper,
  tuning: Tuning | null,
): Promise<Executable> {
  const { device, software, textureBytes } = context.gpu;
  const target: Target = { lanes: software ? 8 : 64 };
  const work = await tuning?.schedule(plan, target, context) ?? schedule(plan, target, textureBytes);
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
  const built = await build(work, context, memory, mapper).catch((error: Error) => error);
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
  mapper: Mapper,
): Promise<Executable> {
  const { device } = context.gpu;
  for (const { bytes, texture } of work.regions) {
    memory.push(allocateMemory(device, bytes, texture ? "2d" : "buffer", "activations"));
  }
  const { dispatches, uniforms, release } = await context.bind(
    work.launches.map(({ launch }) => launch),
    (index) => {
      const { inputs, outputs } = work.launches[index]!;
      return { inputs: inputs.map((r) => r === null ? null : memory[r]!), outputs: outputs.map((r) => memory[r]!) };
    },
  );
  const readback = new Readback(mapper, work.outputs);
  const carried = work.carried.length > 0 ? new Readback(mapper, statesOf(work)) : null;
  return new GpuExecutable(device, work, memory, dispatches, uniforms, readback, carried, release);
}

class GpuExecutable implements Executable {
  readonly bytes: number;
  readonly #device: GPUDevice;
  readonly #schedule: Schedule;
  readonly #memory: readonly Memory[];
  readonly #dispatches: readonly Dispatch[];
  readonly #uniforms: GPUBuffer | null;
  readonly #readback: Readback;
  readonly #carried: Readback | null;
  readonly #release: () => void;

  constructor(
    device: GPUDevice,
    schedule: Schedule,
    memory: readonly Memory[],
    dispatches: readonly Dispatch[],
    uniforms: GPUBuffer | null,
    readback: Readback,
    carried: Readback | null,
    release: () => void,
  ) {
    this.#device = device;
    this.#schedule = schedule;
    this.#memory = memory;
    this.#dispatches = dispatches;
    this.#uniforms = uniforms;
    this.#readback = readback;
    this.#carried = carried;
    this.#release = release;
    this.bytes = memory.reduce((sum, { bytes }) => sum + bytes, readback.bytes + (carried?.bytes ?? 0));
  }

  async run(inputs: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
    for (const { name, region } of this.#schedule.inputs) {
      this.#memory[region]!.write(arrange(inputs.get(name)!, "plain"));
    }
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass, this.#dispatches);
    pass.end();
    for (const { region, next, type } of this.#schedule.carried) {
      if (region !== next) {
        this.#memory[region]!.copyTo(encoder, this.#memory[next]!.buffer!, 0, bytesOf(type, "plain"));
      }
    }
    this.#readback.copy(encoder, this.#memory);
    this.#device.queue.submit([encoder.finish()]);
    return await this.#readback.read();
  }

  async takeCarried(): Promise<Map<string, Tensor>> {
    if (!this.#carried) return new Map();
    const encoder = this.#device.createCommandEncoder();
    this.#carried.copy(encoder, this.#memory);
    for (const { next } of this.#schedule.carried) encoder.clearBuffer(this.#memory[next]!.buffer!);
    this.#device.queue.submit([encoder.finish()]);
    return await this.#carried.read();
  }

  async time(inputs: ReadonlyMap<string, Tensor>, rounds: number): Promise<Timings> {
    await this.run(inputs);
    await using clock = openClock(this.#device);
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
    this.#carried?.[Symbol.dispose]();
    this.#release();
  }
}

/** The state where the next run finds it, to be read. */
function statesOf({ carried }: Schedule): OutputPort[] {
  return carried.map(({ name, type, next }) => ({ name, type, region: next, layout: "plain" }));
}

/** Bytes of the constants that a launch reads. */
function constantBytesOf({ bindings }: Launch): number {
  return bindings.reduce((sum, binding) => sum + ("packed" in binding ? binding.packed.pack().byteLength : 0), 0);
}
