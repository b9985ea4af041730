/** Choosing a backend. @module */
import { openGpu } from "../gpu/device.ts";
import type { Backend, BackendOptions } from "./backend.ts";
import { cpuBackend } from "./cpu.ts";
import { webgpuBackend } from "./webgpu.ts";

/**
 * Opens a backend: the one that is named, else WebGPU where there is an adapter, else the CPU.
 *
 * @throws {RangeError} Where WebGPU is asked for and there is no adapter.
 */
export async function openBackend(name?: "webgpu" | "cpu", options: BackendOptions = {}): Promise<Backend> {
  const gpu = name === "cpu" ? null : await openGpu();
  if (gpu) return await webgpuBackend(gpu, options);
  if (name === "webgpu") throw new RangeError('Cannot open backend "webgpu": there is no WebGPU adapter');
  return cpuBackend();
}
