/** A device with what is kept on it between models: pipelines and constants. @module */
import type { Gpu } from "./device.ts";
import { type Launch, type Packed, TEXTURE_WIDTH } from "./launch.ts";
import { Pipelines } from "./pipelines.ts";

/** Constants without a user that are kept for the next plan of a search. */
const UNUSED_BYTES = 64 * 2 ** 20;

/** Constant data on the device. */
interface Constant {
  readonly resource: GPUBindingResource;
  readonly bytes: number;
  readonly destroy: () => void;
  /** Takes it out of the cache. */
  forget: () => void;
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
    return Array.from(this.#all, (constant) => constant.bytes).reduce((a, b) => a + b, 0);
  }

  /**
   * Binds launches to buffers.
   *
   * @param buffersOf The buffers of the inputs and outputs of a launch, by its index.
   * @returns The dispatches; the buffer that holds their uniforms (to be destroyed with them), if any needs one; and a
   * function that says that their constants are no longer in use.
   */
  async bind(
    launches: readonly Launch[],
    buffersOf: (index: number) => { inputs: readonly (GPUBuffer | null)[]; outputs: readonly GPUBuffer[] },
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
    const pipelines = await Promise.all(launches.map((launch) => this.#pipelines.get(launch)));
    const used = new Set<Constant>();
    const dispatches = launches.map((launch, i): Dispatch => {
      const { inputs, outputs } = buffersOf(i);
      const resources: GPUBindingResource[] = launch.bindings.map((binding) => {
        if ("packed" in binding) {
          const constant = this.#constant(binding.packed);
          used.add(constant);
          return constant.resource;
        }
        const buffer = "input" in binding ? inputs[binding.input] : outputs[binding.output];
        if (!buffer) throw new RangeError(`Launch of "${launch.shader}" binds an operand that does not exist`);
        return { buffer };
      });
      if (launch.params) {
        resources.push({ buffer: uniforms!, offset: offsets[i]!, size: launch.params.byteLength });
      }
      const pipeline = pipelines[i]!;
      const group = device.createBindGroup({
        label: launch.shader,
        layout: pipeline.getBindGroupLayout(0),
        entries: resources.map((resource, binding) => ({ binding, resource })),
      });
      return { pipeline, group, workgroups: launch.workgroups };
    });
    for (const constant of used) constant.users++;
    this.#trim();
    return { dispatches, uniforms, release: () => used.forEach((constant) => constant.users--) };
  }

  #constant({ source, key, pack, as }: Packed): Constant {
    let forms = this.#constants.get(source);
    if (!forms) this.#constants.set(source, forms = new Map());
    let constant = forms.get(key);
    if (!constant) {
      constant = as === "storage" ? this.#buffer(key, pack()) : this.#texture(key, pack(), as);
      const owner = forms;
      constant.forget = () => owner.delete(key);
      forms.set(key, constant);
    } else {
      this.#all.delete(constant);
    }
    this.#all.add(constant);
    return constant;
  }

  /** Destroys the constants that have gone unused longest while they exceed what is worth keeping. */
  #trim(): void {
    const unused = [...this.#all].filter((constant) => constant.users === 0);
    let bytes = unused.reduce((sum, constant) => sum + constant.bytes, 0);
    for (const constant of unused) {
      if (bytes <= UNUSED_BYTES) return;
      bytes -= constant.bytes;
      constant.forget();
      constant.destroy();
      this.#all.delete(constant);
    }
  }

  #buffer(label: string, data: ReturnType<Packed["pack"]>): Constant {
    const size = Math.max(16, Math.ceil(data.byteLength / 16) * 16);
    const buffer = this.gpu.device.createBuffer({
      label,
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    });
    const whole = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
    whole.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.gpu.device.queue.writeBuffer(buffer, 0, whole);
    return { resource: { buffer }, bytes: size, destroy: () => buffer.destroy(), forget: () => {}, users: 0 };
  }

  #texture(label: string, data: ReturnType<Packed["pack"]>, as: "texture-f32" | "texture-u32"): Constant {
    const texels = Math.max(1, Math.ceil(data.byteLength / 16));
    const width = Math.min(TEXTURE_WIDTH, 2 ** Math.ceil(Math.log2(texels)));
    const height = textureHeight(texels);
    const texture = this.gpu.device.createTexture({
      label,
      size: [width, height],
      format: as === "texture-f32" ? "rgba32float" : "rgba32uint",
      usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST,
    });
    const whole = new Uint8Array(width * height * 16);
    whole.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.gpu.device.queue.writeTexture(
      { texture },
      whole,
      { bytesPerRow: width * 16, rowsPerImage: height },
      [width, height],
    );
    return {
      resource: texture.createView(),
      bytes: whole.length,
      destroy: () => texture.destroy(),
      forget: () => {},
      users: 0,
    };
  }

  /** Frees the constants and the device. */
  [Symbol.dispose](): void {
    for (const constant of this.#all) constant.destroy();
    this.gpu.device.destroy();
  }
}

/**
 * Rows of a texture that holds `texels`: never a power of two.
 *
 * CPU adapters compile a kernel anew for each mix of sizes that are and are not powers of two, and keep only the first on
 * disk (lavapipe: 0.7-1 s for a large tile): so all are alike.
 */
function textureHeight(texels: number): number {
  const rows = Math.max(3, Math.ceil(texels / TEXTURE_WIDTH));
  return (rows & (rows - 1)) === 0 ? rows + 1 : rows;
}

/** Encodes dispatches into a pass. */
export function encode(pass: GPUComputePassEncoder, dispatches: readonly Dispatch[]): void {
  for (const { pipeline, group, workgroups } of dispatches) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...workgroups);
  }
}
