import assert from "node:assert/strict";
import { encode, GpuContext } from "../../src/gpu/context.ts";
import { openGpu } from "../../src/gpu/device.ts";
import type { Launch, Packed } from "../../src/gpu/launch.ts";
import { allocateMemory, type Memory } from "../../src/gpu/memory.ts";
import { pipelineKey, Pipelines, placeOf } from "../../src/gpu/pipelines.ts";
import { SHADERS } from "../../src/gpu/shaders.ts";
import { relayout } from "../../src/ops/copy.ts";
import { noGpu } from "../ops/harness.ts";

const MEBIBYTE = 2 ** 20;

function test(name: string, fn: (context: GpuContext) => Promise<void>): void {
  Deno.test({
    name,
    ignore: noGpu !== null,
    fn: async () => {
      using context = new GpuContext({ ...(await openGpu())!, textureBytes: 0 });
      await fn(context);
    },
  });
}

const type = { dtype: "f32", shape: [4, 4] } as const;
const copy = relayout({ ...type, layout: "plain" }, { ...type, layout: "cols" });

/** The copy, of constant data. */
function copyOf(packed: Packed): Launch {
  return { ...copy, bindings: copy.bindings.map((binding) => "input" in binding ? { packed } : binding) };
}

function storage(source: object, key: string, bytes = 64): Packed & { packs: number } {
  const packed = {
    source,
    key,
    packs: 0,
    pack: () => (packed.packs++, new Float32Array(bytes / 4).fill(1)),
  };
  return packed;
}

function output({ gpu: { device } }: GpuContext): Memory {
  return allocateMemory(device, 64, "buffer", "output");
}

test("GpuContext.bind() throws where a launch binds an operand that does not exist", async (context) => {
  for (const inputs of [[], [null]]) {
    await assert.rejects(context.bind([copy], () => ({ inputs, outputs: [output(context)] })), {
      name: "RangeError",
      message: `Launch of "${copy.shader}" binds an operand that does not exist`,
    });
  }
});

test("GpuContext.bind() makes dispatches that run", async (context) => {
  const { device } = context.gpu;
  const source = {
    source: {},
    key: "",
    pack: () => Float32Array.from({ length: 16 }, (_, i) => i),
  } as const;
  const target = output(context);
  const { dispatches, uniforms, release } = await context.bind(
    [copyOf(source)],
    () => ({ inputs: [], outputs: [target] }),
  );
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  encode(pass, dispatches);
  pass.end();
  const read = device.createBuffer({ size: 64, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  target.copyTo(encoder, read, 0, 64);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const transposed = Float32Array.from({ length: 16 }, (_, i) => i % 4 * 4 + Math.floor(i / 4));
  assert.deepEqual(new Float32Array(read.getMappedRange().slice(0)), transposed);
  for (const buffer of [target, read, uniforms]) buffer?.destroy();
  release();
});

test("GpuContext.bind() uploads constant data once for all that bind it", async (context) => {
  const [source, other] = [{}, {}];
  const bind = (packed: Packed) => context.bind([copyOf(packed)], () => ({ inputs: [], outputs: [output(context)] }));
  const packed = storage(source, "a");
  await bind(packed);
  await bind(packed);
  const same = storage(source, "a");
  await bind(same);
  assert.deepEqual([packed.packs, same.packs, context.constantBytes], [1, 0, 64]);
  for (const fresh of [storage(source, "b"), storage(other, "a")]) {
    await bind(fresh);
    assert.equal(fresh.packs, 1);
  }
  assert.equal(context.constantBytes, 192);
});

test("GpuContext.bind() frees what went unused longest, and nothing that is in use", async (context) => {
  const bind = (packed: Packed) => context.bind([copyOf(packed)], () => ({ inputs: [], outputs: [output(context)] }));
  const [kept, first, second] = ["kept", "first", "second"].map((key) => storage({}, key, 40 * MEBIBYTE));
  await bind(kept!);
  (await bind(first!)).release();
  (await bind(second!)).release();
  assert.equal(context.constantBytes, 120 * MEBIBYTE);
  await bind(storage({}, "small"));
  assert.equal(context.constantBytes, 80 * MEBIBYTE + 64);
  await bind(second!);
  await bind(kept!);
  await bind(first!);
  assert.deepEqual([kept, first, second].map((packed) => packed!.packs), [1, 2, 1]);
});

test("GpuContext.bind() keeps what it takes while its kernels compile", async (context) => {
  const bind = (packed: Packed) => context.bind([copyOf(packed)], () => ({ inputs: [], outputs: [output(context)] }));
  await Promise.all([bind(storage({}, "small")), bind(storage({}, "large", 80 * MEBIBYTE))]);
  assert.equal(context.constantBytes, 80 * MEBIBYTE + 64, "the first to end frees nothing of the other");
});

test("GpuContext.bind() frees what it took where a kernel does not compile", async (context) => {
  const { device } = context.gpu;
  const made: GPUBuffer[] = [];
  const createBuffer = device.createBuffer.bind(device);
  Reflect.set(device, "createBuffer", (descriptor: GPUBufferDescriptor) => {
    const buffer = createBuffer(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    if (descriptor.label === "uniforms") made.push(buffer);
    Reflect.set(buffer, "destroy", () => (made.splice(made.indexOf(buffer) >>> 0, 1), destroy()));
    return buffer;
  });
  const large = storage({}, "large", 80 * MEBIBYTE);
  const broken = { ...copyOf(large), constants: { NOTHING: 1 } };
  await assert.rejects(context.bind([broken], () => ({ inputs: [], outputs: [output(context)] })), /NOTHING/);
  assert.equal(made.length, 0, "the uniforms are destroyed");
  await context.bind([copyOf(storage({}, "small"))], () => ({ inputs: [], outputs: [output(context)] }));
  assert.equal(context.constantBytes, 64, "nobody uses the large constant");
});

Deno.test("pipelineKey() tells kernels apart by their constants", () => {
  const key = (constants: Record<string, number>): string => pipelineKey({ shader: copy.shader, constants });
  assert.equal(key({ A: 1, B: 2 }), key({ A: 1, B: 2 }));
  assert.equal(new Set([key({}), key({ A: 1 }), key({ A: 2 }), key({ B: 1 }), key({ A: 1, B: 1 })]).size, 5);
});

test("Pipelines.get() compiles a kernel once for each set of constants", async ({ gpu: { device } }) => {
  const pipelines = new Pipelines(device);
  assert.equal(pipelines.get(copy), pipelines.get({ ...copy, constants: { ...copy.constants } }));
  const pipeline = await pipelines.get(copy);
  assert.equal(pipeline, await pipelines.get(copy));
});

test("Pipelines.get() points at the line of the file that the device refuses", async ({ gpu: { device } }) => {
  const launch = { shader: "copy_32", constants: { AXES: 0 } } as const;
  await assert.rejects(new Pipelines(device).get(launch), {
    name: "ShaderError",
    message: /^Cannot compile copy_32 AXES=0: shaders\/copy_32\.wgsl:\d+: /,
  });
});

Deno.test("placeOf() finds lines of a kernel, and of the files that it uses", () => {
  for (
    const [line, file] of [["fn power(", "lib/steps"], ["fn finish(", "lib/finish"], ["fn main(", "conv_i8"]] as const
  ) {
    const at = SHADERS.conv_i8.split("\n").findIndex((text) => text.startsWith(line)) + 1;
    const [, path, number] = placeOf("conv_i8", at).match(/^(shaders\/.*\.wgsl):(\d+)$/)!;
    assert.equal(path, `shaders/${file}.wgsl`);
    const source = Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));
    assert(source.split("\n")[Number(number) - 1]!.startsWith(line), `${path}:${number}`);
  }
  for (const made of [undefined, 100_000]) assert.equal(placeOf("conv_i8", made), "shaders/conv_i8.wgsl:?");
});

test("Pipelines.get() throws for a constant that the kernel has not", async ({ gpu: { device } }) => {
  const launch = { shader: "copy_32", constants: { NOTHING: 1 } } as const;
  await assert.rejects(new Pipelines(device).get(launch), /The shader has no constant NOTHING/);
});
