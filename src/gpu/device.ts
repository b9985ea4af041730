/** Opening a WebGPU device. @module */
import { textureCapacity } from "./memory.ts";

/** A WebGPU device and what is worth knowing of it. */
export interface Gpu {
  /** The device. */
  readonly device: GPUDevice;
  /** What the driver calls itself. */
  readonly name: string;
  /** Whether the adapter computes on the CPU (lavapipe, SwiftShader): lanes are few and loads dear. */
  readonly software: boolean;
  /** The most bytes of a tensor that are kept in a texture: 0 where buffers are read as fast. */
  readonly textureBytes: number;
}

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxStorageTexturesPerShaderStage",
  "maxTextureDimension1D",
  "maxTextureDimension2D",
] as const;

/** The most arrays that a kernel binds. */
const MAX_TEXTURES = 8;

/**
 * Opens the best adapter, or returns `null` where there is none that can do integer dot products.
 *
 * Asks for all that the adapter offers in buffer sizes and bindings: the defaults (128 MiB, 8 buffers) are below what models need.
 */
export async function openGpu(): Promise<Gpu | null> {
  const gpu = navigator.gpu as (GPU & { readonly wgslLanguageFeatures: ReadonlySet<string> }) | undefined;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!gpu || !adapter || !gpu.wgslLanguageFeatures.has("packed_4x8_integer_dot_product")) return null;
  const device = await adapter.requestDevice({
    requiredFeatures: adapter.features.has("timestamp-query") ? ["timestamp-query"] : [],
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  const info = adapter.info as GPUAdapterInfo & { readonly isFallbackAdapter?: boolean };
  const readable = gpu.wgslLanguageFeatures.has("readonly_and_readwrite_storage_textures") &&
    device.limits.maxStorageTexturesPerShaderStage >= MAX_TEXTURES;
  const software = info.isFallbackAdapter ?? /llvmpipe|swiftshader/i.test(info.description);
  return {
    device,
    name: info.description || info.device || info.vendor || "unknown",
    software,
    textureBytes: software && readable ? textureCapacity(device) : 0,
  };
}
