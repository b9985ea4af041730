/** A device with what is kept on it between models: pipelines and constants. @module */
import type { Gpu } from "./device.ts";
import type { Launch, Packed } from "./launch.ts";
import { allocateMemory, constantForm, type Memory } from "./memory.ts";
import { Pipelines } from "./pipelines.ts";

/** Constants without a user that are kept for the next plan of a search. */
const UNUSED_BYTES = 64 * 2 ** 20;

/** Constant data on the device. */
interface Constant {
  readonly memory: Memory;
  /** Takes it out of the cache. */
  readonly forget: () => void;
  /** Executables that have it bound. */
  users: number;
}

/** A launch with its resources bound, ready to be encoded. */
export interface Dispatch {
  /** What is run. */
  readonly pipeline: GPUComputePipeline;
  /** Its resources. */
  readonly group: GPUBindGroup;
  /** The grid. */
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/** The device, its pipelines and the constants uploaded to it; every model and plan on the device shares them. */
export class GpuContext implements Disposable {
  /** The device. */
  readonly gpu: Gpu;
  readonly #pipelines: Pipelines;
  readonly #constants = new WeakMap<object, Map<string, Constant>>();
  readonly #all = new Set<Constant>();

  constructor(gpu: Gpu) {
    this.gpu = gpu;
    this.#pipelines = new Pipelines(gpu.device);
  }

  /** Bytes of the constants on the device. */
  get constantBytes(): number {
    return Array.from(this.#all, ({ memory }) => memory.bytes).reduce((a, b) => a + b, 0);
  }

  /**
   * Binds launches to memory.
   *
   * @param memoryOf The memory of the inputs and outputs of a launch, by its index.
   * @returns The dispatches; the buffer that holds their uniforms (to be destroyed with them), if any needs one; and a
   * function that says that their constants are no longer in use.
   */
  async bind(
    launches: readonly Launch[],
    memoryOf: (index: number) => { inputs: readonly (Memory | null)[]; outputs: readonly Memory[] },
  ): Promise<{ dispatches: Dispatch[]; uniforms: GPUBuffer | null; release: () => void }> {
    const { device } = this.gpu;
    const alignment = device.limits.minUniformBufferOffsetAlignment;
    let size = 0;
    const offsets = launches.map(({ params }) => {
      const offset = size;
      if (params) size += Math.ceil(params.byteLength / alignment) * alignment;
      return offset;
    });
    const uniforms = size === 0
      ? null
      : device.createBuffer({ label: "uniforms", size, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    if (uniforms) {
      const bytes = new Uint8Array(size);
      launches.forEach(({ params }, i) => params && bytes.set(new Uint8Array(params), offsets[i]));
      device.queue.writeBuffer(uniforms, 0, bytes);
    }
    // Counted as they are taken: while pipelines compile, others may bind, and free what nobody uses.
    const used = new Set<Constant>();
    const release = (): void => used.forEach((constant) => constant.users--);
    const take = (packed: Packed): Memory => {
      const constant = this.#constant(packed);
      if (!used.has(constant)) constant.users++;
      used.add(constant);
      return constant.memory;
    };
    try {
      const dispatches = await this.#dispatches(launches, memoryOf, take, uniforms, offsets);
      this.#trim();
      return { dispatches, uniforms, release };
    } catch (cause) {
      uniforms?.destroy();
      release();
      throw cause;
    }
  }

  async #dispatches(
    launches: readonly Launch[],
    memoryOf: (index: number) => { inputs: readonly (Memory | null)[]; outputs: readonly Memory[] },
    take: (packed: Packed) => Memory,
    uniforms: GPUBuffer | null,
    offsets: readonly number[],
  ): Promise<Dispatch[]> {
    const { device } = this.gpu;
    const bound = launches.map(({ shader, bindings }, i) => {
      const { inputs, outputs } = memoryOf(i);
      return bindings.map((binding): Memory => {
        if ("packed" in binding) return take(binding.packed);
        const memory = "input" in binding ? inputs[binding.input] : outputs[binding.output];
        if (!memory) throw new RangeError(`Launch of "${shader}" binds an operand that does not exist`);
        return memory;
      });
    });
    const pipelines = await Promise.all(launches.map((launch, i) => {
      const forms = bound[i]!.flatMap(({ form }, b) => form === "buffer" ? [] : [[b, form] as const]);
      return this.#pipelines.get(launch, new Map(forms));
    }));
    return launches.map(({ shader, params, workgroups }, i): Dispatch => {
      const resources = bound[i]!.map((memory) => memory.resource);
      if (params) resources.push({ buffer: uniforms!, offset: offsets[i]!, size: params.byteLength });
      const pipeline = pipelines[i]!;
      const group = device.createBindGroup({
        label: shader,
        layout: pipeline.getBindGroupLayout(0),
        entries: resources.map((resource, binding) => ({ binding, resource })),
      });
      return { pipeline, group, workgroups };
    });
  }

  #constant({ source, key, pack }: Packed): Constant {
    let forms = this.#constants.get(source);
    if (!forms) this.#constants.set(source, forms = new Map());
    let constant = forms.get(key);
    if (!constant) {
      constant = { memory: this.#upload(key, pack()), forget: () => forms.delete(key), users: 0 };
      forms.set(key, constant);
    } else {
      this.#all.delete(constant);
    }
    this.#all.add(constant);
    return constant;
  }

  #upload(label: string, data: ReturnType<Packed["pack"]>): Memory {
    const { device, textureBytes } = this.gpu;
    const memory = allocateMemory(device, data.byteLength, constantForm(device, data.byteLength, textureBytes), label);
    const whole = data.byteLength % 16 === 0 ? data : new Uint8Array(Math.ceil(data.byteLength / 16) * 16);
    if (whole !== data) whole.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    memory.write(whole);
    return memory;
  }

  /** Destroys the constants that have gone unused longest while they exceed what is worth keeping. */
  #trim(): void {
    const unused = [...this.#all].filter((constant) => constant.users === 0);
    let bytes = unused.reduce((sum, { memory }) => sum + memory.bytes, 0);
    for (const constant of unused) {
      if (bytes <= UNUSED_BYTES) return;
      bytes -= constant.memory.bytes;
      constant.forget();
      constant.memory.destroy();
      this.#all.delete(constant);
    }
  }

  /** Frees the constants and the device. */
  [Symbol.dispose](): void {
    for (const { memory } of this.#all) memory.destroy();
    this.gpu.device.destroy();
  }
}

/** Encodes dispatches into a pass. */
export function encode(pass: GPUComputePassEncoder, dispatches: readonly Dispatch[]): void {
  for (const { pipeline, group, workgroups } of dispatches) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...workgroups);
  }
}
