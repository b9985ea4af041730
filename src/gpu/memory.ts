/** Device memory: storage buffers, or textures on adapters that read those faster. @module */
import { TEXTURE_WIDTH, type TextureForm } from "./bindings.ts";

/** What memory is: a buffer, or a texture of rows or of one row. */
export type MemoryForm = "buffer" | TextureForm;

/** Whole blocks of 16 bytes on a device. */
export interface Memory {
  /** What it is, which kernels must be compiled for. */
  readonly form: MemoryForm;
  /** Bytes that it takes on the device. */
  readonly bytes: number;
  /** What is bound. */
  readonly resource: GPUBindingResource;
  /** The buffer; `null` for a texture. */
  readonly buffer: GPUBuffer | null;
  /** Writes blocks at its beginning; the length of `data` is a multiple of 16 bytes. */
  write(data: ArrayBufferView<ArrayBuffer>): void;
  /** Copies `size` bytes, a multiple of 16, from its beginning. */
  copyTo(encoder: GPUCommandEncoder, buffer: GPUBuffer, offset: number, size: number): void;
  /** Frees it. */
  destroy(): void;
}

/** Allocates memory for `bytes` bytes. */
export function allocateMemory(device: GPUDevice, bytes: number, form: MemoryForm, label: string): Memory {
  return form === "buffer" ? bufferMemory(device, bytes, label) : textureMemory(device, bytes, form, label);
}

/**
 * What constants of a size are best kept in, where textures are read faster: one row, which wastes nothing, as long as the
 * device allows.
 *
 * @param textureBytes The most bytes of a tensor that are kept in a texture; 0 for none.
 */
export function constantForm(device: GPUDevice, bytes: number, textureBytes: number): MemoryForm {
  if (bytes > textureBytes) return "buffer";
  return bytes <= (device.limits.maxTextureDimension1D - 1) * 16 ? "1d" : "2d";
}

function bufferMemory(device: GPUDevice, bytes: number, label: string): Memory {
  const size = Math.max(16, Math.ceil(bytes / 16) * 16);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = device.createBuffer({ label, size, usage });
  return {
    form: "buffer",
    bytes: size,
    resource: { buffer },
    buffer,
    write: (data) => device.queue.writeBuffer(buffer, 0, data),
    copyTo: (encoder, to, offset, count) => encoder.copyBufferToBuffer(buffer, 0, to, offset, count),
    destroy: () => buffer.destroy(),
  };
}

function textureMemory(device: GPUDevice, bytes: number, form: TextureForm, label: string): Memory {
  const [width, height] = textureSize(Math.ceil(bytes / 16), form);
  const texture = device.createTexture({
    label,
    size: [width, height],
    dimension: form,
    format: "rgba32uint",
    usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST | GPUTextureUsage.COPY_SRC,
  });
  return {
    form,
    bytes: width * height * 16,
    resource: texture.createView(),
    buffer: null,
    write(data) {
      for (const { row, size, offset } of regions(data.byteLength, width)) {
        const layout = { offset, bytesPerRow: width * 16 };
        device.queue.writeTexture({ texture, origin: [0, row] }, data, layout, size);
      }
    },
    copyTo(encoder, buffer, offset, count) {
      for (const { row, size, offset: own } of regions(count, width)) {
        const rows = size[1] > 1 ? { bytesPerRow: width * 16 } : {};
        encoder.copyTextureToBuffer({ texture, origin: [0, row] }, { buffer, offset: offset + own, ...rows }, size);
      }
    },
    destroy: () => texture.destroy(),
  };
}

/** The rectangles that `bytes` bytes from the beginning of a texture fill: whole rows, and part of one. */
function regions(
  bytes: number,
  width: number,
): { row: number; size: [width: number, height: number]; offset: number }[] {
  const texels = bytes / 16;
  const [rows, rest] = [Math.floor(texels / width), texels % width];
  return [
    ...(rows > 0 ? [{ row: 0, size: [width, rows] as [number, number], offset: 0 }] : []),
    ...(rest > 0 ? [{ row: rows, size: [rest, 1] as [number, number], offset: rows * width * 16 }] : []),
  ];
}

/**
 * The size of a texture that holds `texels`.
 *
 * CPU adapters compile a kernel anew for each mix of sizes that are and are not powers of two, and keep only the first on
 * disk (lavapipe: 0.7-1 s for a large tile). So all of a form are alike: the width of several rows is a power of two, their
 * number is none, and neither is the width of one row.
 */
function textureSize(texels: number, form: TextureForm): [width: number, height: number] {
  if (form === "1d") return [noPowerOfTwo(texels), 1];
  const width = Math.min(TEXTURE_WIDTH, 2 ** Math.ceil(Math.log2(Math.max(1, texels))));
  return [width, noPowerOfTwo(Math.ceil(texels / TEXTURE_WIDTH))];
}

/** The least number from `least` on that is no power of two. */
function noPowerOfTwo(least: number): number {
  const count = Math.max(3, least);
  return (count & (count - 1)) === 0 ? count + 1 : count;
}

/** The most bytes that a texture of a device holds. */
export function textureCapacity(device: GPUDevice): number {
  return (device.limits.maxTextureDimension2D - 1) * TEXTURE_WIDTH * 16;
}
