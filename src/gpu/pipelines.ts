/** Compute pipelines, compiled once for each kernel and set of constants. @module */
import type { TextureForm } from "./bindings.ts";
import { expand } from "./expand.ts";
import type { Launch } from "./launch.ts";
import { type ShaderName, SHADERS } from "./shaders.ts";

/** A kernel that the device refuses: the message points at the file and line. */
export class ShaderError extends Error {
  override readonly name = "ShaderError";
}

/** What identifies the pipeline of a launch some of whose bindings, by number, are textures. */
export function pipelineKey(
  { shader, constants }: Pick<Launch, "shader" | "constants">,
  textures: ReadonlyMap<number, TextureForm> = new Map(),
): string {
  const values = Object.entries(constants).map(([name, value]) => `${name}=${value}`);
  const forms = Array.from(textures, ([binding, form]) => `@${binding}=${form}`);
  return [shader, ...values, ...forms].join(" ");
}

/** The pipelines of one device. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /**
   * The pipeline of a launch, compiled at its first use.
   *
   * @throws {ShaderError} Where the device refuses the kernel.
   */
  get(
    launch: Pick<Launch, "shader" | "constants">,
    textures: ReadonlyMap<number, TextureForm> = new Map(),
  ): Promise<GPUComputePipeline> {
    const key = pipelineKey(launch, textures);
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(key, launch, textures);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  async #compile(
    key: string,
    { shader, constants }: Pick<Launch, "shader" | "constants">,
    textures: ReadonlyMap<number, TextureForm>,
  ): Promise<GPUComputePipeline> {
    const { code, lines } = expand(SHADERS[shader], constants, textures);
    const module = this.#device.createShaderModule({ label: shader, code });
    try {
      return await this.#device.createComputePipelineAsync({
        label: key,
        layout: "auto",
        compute: { module, entryPoint: "main" },
      });
    } catch (cause) {
      const { messages } = await module.getCompilationInfo();
      const where = messages.filter((m) => m.type === "error").map((m) =>
        `${placeOf(shader, lines[m.lineNum - 1])}: ${m.message}`
      );
      throw new ShaderError(
        `Cannot compile ${key}: ${where.length > 0 ? where.join("; ") : (cause as Error).message}`,
        { cause },
      );
    }
  }
}

/** The file and line of a line of a kernel's source, behind which the files that it uses follow; no line for made code. */
export function placeOf(shader: ShaderName, line: number | undefined): string {
  const source = SHADERS[shader].split("\n");
  if (line === undefined || line > source.length) return `shaders/${shader}.wgsl:?`;
  const before = source.slice(0, line);
  const start = before.findLastIndex((text) => text.startsWith("// @file "));
  const file = start < 0 ? shader : before[start]!.slice("// @file ".length);
  return `shaders/${file}.wgsl:${line - 1 - start}`;
}
