/** The WebGPU backend: the only module that turns schedules into commands. @module */
import { openClock, timeDispatches } from "../gpu/clock.ts";
import { type Dispatch, encode, GpuContext } from "../gpu/context.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Launch } from "../gpu/launch.ts";
import { arrange, bytesOf, checkRange } from "../gpu/layout.ts";
import { Mapper } from "../gpu/mapper.ts";
import { allocateMemory, type Memory } from "../gpu/memory.ts";
import { measurePeak } from "../gpu/peak.ts";
import type { Target } from "../ops/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Backend, BackendOptions, Executable, TimedLaunch, Timings } from "./backend.ts";
import { runStep, timedStep } from "./cpu.ts";
import type { ExecutionPlan, Step } from "./plan.ts";
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
  const built = await build(plan, work, context, memory, mapper).catch((error: Error) => error);
  const invalid = await device.popErrorScope();
  const refused = await device.popErrorScope() ?? invalid;
  if (!(built instanceof Error) && !refused) return built;
  if (built instanceof Error) { for (const own of memory) own.destroy(); }
  else built[Symbol.dispose]();
  throw refused ? new GpuError(`The device refuses the model: ${refused.message}`) : built;
}

/** Creates what a schedule needs on the device. Its memory is in `memory` even where it fails. */
async function build(
  plan: ExecutionPlan,
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
  const readbacks = work.segments.map(({ reads }) => reads.length > 0 ? new Readback(mapper, reads) : null);
  const carried = work.carried.length > 0 ? new Readback(mapper, statesOf(work)) : null;
  return new GpuExecutable(device, plan, work, memory, { dispatches, uniforms, readbacks, carried, release });
}

/** What a schedule needs on the device besides memory for values. */
interface Resources {
  readonly dispatches: readonly Dispatch[];
  readonly uniforms: GPUBuffer | null;
  /** One for each segment; `null` where the host reads nothing. */
  readonly readbacks: readonly (Readback | null)[];
  /** For the state that is carried from run to run. */
  readonly carried: Readback | null;
  readonly release: () => void;
}

class GpuExecutable implements Executable {
  readonly bytes: number;
  readonly #device: GPUDevice;
  readonly #plan: ExecutionPlan;
  readonly #schedule: Schedule;
  readonly #memory: readonly Memory[];
  readonly #resources: Resources;

  constructor(
    device: GPUDevice,
    plan: ExecutionPlan,
    schedule: Schedule,
    memory: readonly Memory[],
    resources: Resources,
  ) {
    this.#device = device;
    this.#plan = plan;
    this.#schedule = schedule;
    this.#memory = memory;
    this.#resources = resources;
    const staged = [...resources.readbacks, resources.carried].reduce((sum, own) => sum + (own?.bytes ?? 0), 0);
    this.bytes = memory.reduce((sum, { bytes }) => sum + bytes, staged);
  }

  run(inputs: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
    return this.#run(inputs, () => {});
  }

  /** @param onStep Is told of each step of the host, and the milliseconds that it took. */
  async #run(
    inputs: ReadonlyMap<string, Tensor>,
    onStep: (step: Step, ms: number) => void,
  ): Promise<Map<string, Tensor>> {
    const values = new Map([...this.#plan.constants, ...inputs]);
    let start = 0;
    for (const [i, { steps, writes, end }] of this.#schedule.segments.entries()) {
      for (const step of steps) runStep(step, values, (ms) => onStep(step, ms));
      for (const { name, region } of writes) {
        checkRange(values.get(name)!);
        this.#memory[region]!.write(arrange(values.get(name)!, "plain"));
      }
      const readback = this.#resources.readbacks[i] ?? null;
      const carried = i === this.#schedule.segments.length - 1 ? this.#schedule.carried : [];
      if (end > start || readback || carried.length > 0) {
        this.#submit(this.#resources.dispatches.slice(start, end), carried, readback);
      }
      for (const [name, value] of await readback?.read() ?? []) values.set(name, value);
      start = end;
    }
    const left = new Set(this.#schedule.carried.map(({ name }) => name));
    const outputs = this.#plan.outputs.filter(({ name }) => !left.has(name));
    return new Map(outputs.map(({ name }) => [name, values.get(name)!]));
  }

  /** @param carried State to bring to where the next run finds it. */
  #submit(dispatches: readonly Dispatch[], carried: Schedule["carried"], readback: Readback | null): void {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass, dispatches);
    pass.end();
    for (const { region, next, type } of carried) {
      if (region !== next) {
        this.#memory[region]!.copyTo(encoder, this.#memory[next]!.buffer!, 0, bytesOf(type, "plain"));
      }
    }
    readback?.copy(encoder, this.#memory);
    this.#device.queue.submit([encoder.finish()]);
  }

  async takeCarried(): Promise<Map<string, Tensor>> {
    const { carried } = this.#resources;
    if (!carried) return new Map();
    const encoder = this.#device.createCommandEncoder();
    carried.copy(encoder, this.#memory);
    for (const { next } of this.#schedule.carried) encoder.clearBuffer(this.#memory[next]!.buffer!);
    this.#device.queue.submit([encoder.finish()]);
    return await carried.read();
  }

  async time(inputs: ReadonlyMap<string, Tensor>, rounds: number): Promise<Timings> {
    const onHost = new Map<Step, number[]>();
    for (const step of this.#schedule.segments.flatMap(({ steps }) => steps)) onHost.set(step, []);
    for (let round = 0; round < (onHost.size > 0 ? rounds : 1); round++) {
      await this.#run(inputs, (step, ms) => onHost.get(step)!.push(ms));
    }
    await using clock = openClock(this.#device);
    const times = await timeDispatches(clock, this.#resources.dispatches, rounds);
    const launches = this.#schedule.launches.map(({ launch, node, step, valueBytes }, i): TimedLaunch => ({
      node,
      step,
      kernel: launch.shader,
      constants: launch.constants,
      bytes: valueBytes + constantBytesOf(launch),
      times: times[i]!,
    }));
    let start = 0;
    const inOrder = this.#schedule.segments.flatMap(({ steps, end }) => {
      const own = steps.map((step) => timedStep(step, this.#plan, onHost.get(step)!));
      return [...own, ...launches.slice(start, start = end)];
    });
    return { clock: clock.kind, launches: inOrder };
  }

  [Symbol.dispose](): void {
    for (const own of this.#memory) own.destroy();
    this.#resources.uniforms?.destroy();
    for (const readback of [...this.#resources.readbacks, this.#resources.carried]) readback?.[Symbol.dispose]();
    this.#resources.release();
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
