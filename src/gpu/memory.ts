/** Device memory: storage buffers, or textures on adapters that read those faster. @module */
import { TEXTURE_WIDTH } from "./bindings.ts";

/** Whole blocks of 16 bytes on a device. */
export interface Memory {
  /** Whether it is a texture, which kernels must be compiled for. */
  readonly texture: boolean;
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
export function allocateMemory(device: GPUDevice, bytes: number, texture: boolean, label: string): Memory {
  return texture ? textureMemory(device, bytes, label) : bufferMemory(device, bytes, label);
}

function bufferMemory(device: GPUDevice, bytes: number, label: string): Memory {
  const size = Math.max(16, Math.ceil(bytes / 16) * 16);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = device.createBuffer({ label, size, usage });
  return {
    texture: false,
    bytes: size,
    resource: { buffer },
    buffer,
    write: (data) => device.queue.writeBuffer(buffer, 0, data),
    copyTo: (encoder, to, offset, count) => encoder.copyBufferToBuffer(buffer, 0, to, offset, count),
    destroy: () => buffer.destroy(),
  };
}

function textureMemory(device: GPUDevice, bytes: number, label: string): Memory {
  const texels = Math.max(1, Math.ceil(bytes / 16));
  const width = Math.min(TEXTURE_WIDTH, 2 ** Math.ceil(Math.log2(texels)));
  const height = textureHeight(texels);
  const texture = device.createTexture({
    label,
    size: [width, height],
    format: "rgba32uint",
    usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST | GPUTextureUsage.COPY_SRC,
  });
  return {
    texture: true,
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
 * Rows of a texture that holds `texels`: never a power of two.
 *
 * CPU adapters compile a kernel anew for each mix of sizes that are and are not powers of two, and keep only the first on
 * disk (lavapipe: 0.7-1 s for a large tile): so all are alike.
 */
function textureHeight(texels: number): number {
  const rows = Math.max(3, Math.ceil(texels / TEXTURE_WIDTH));
  return (rows & (rows - 1)) === 0 ? rows + 1 : rows;
}

/** The most bytes that a texture of a device holds. */
export function textureCapacity(device: GPUDevice): number {
  return (device.limits.maxTextureDimension2D - 1) * TEXTURE_WIDTH * 16;
}
