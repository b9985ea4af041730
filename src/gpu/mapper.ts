/** Bringing the contents of buffers to the host. @module */

/**
 * Maps staging buffers.
 *
 * Deno's mapAsync() waits for the GPU before it returns, and its promise settles only 10 ms later: there the contents can
 * be had at once. Elsewhere asking for them early throws, and the promise tells when. Which of the two holds is learnt
 * from the first buffer that is read.
 */
export class Mapper {
  readonly #device: GPUDevice;
  readonly #pending = new Set<Promise<unknown>>();
  #atOnce: boolean | null = null;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Whether contents are to be had without awaiting a promise; `null` before the first buffer is read. */
  get atOnce(): boolean | null {
    return this.#atOnce;
  }

  /** A buffer that {@linkcode read} can read, of `size` bytes or a little more. */
  buffer(size: number, label: string): GPUBuffer {
    const buffer = this.#device.createBuffer({
      label,
      size: Math.max(16, Math.ceil(size / 16) * 16),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      // Deno 2.9 ends the process where getMappedRange() meets a pending mapAsync() of a buffer that was never mapped.
      mappedAtCreation: true,
    });
    buffer.unmap();
    return buffer;
  }

  /**
   * Waits for what was submitted, and reads a buffer that {@linkcode buffer} made.
   *
   * @param take Gets the contents, which are gone when it returns.
   */
  async read<T>(buffer: GPUBuffer, take: (contents: ArrayBuffer) => T): Promise<T> {
    const mapped = buffer.mapAsync(GPUMapMode.READ);
    const settled = mapped.catch(() => {});
    this.#pending.add(settled);
    settled.then(() => this.#pending.delete(settled));
    const early = this.#atOnce === false ? null : rangeOf(buffer);
    this.#atOnce = early !== null;
    const contents = early ?? (await mapped, buffer.getMappedRange());
    try {
      return take(contents);
    } finally {
      buffer.unmap();
    }
  }

  /** Waits for promises that are under way: a device must not be destroyed before. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }
}

function rangeOf(buffer: GPUBuffer): ArrayBuffer | null {
  try {
    return buffer.getMappedRange();
  } catch {
    return null;
  }
}
