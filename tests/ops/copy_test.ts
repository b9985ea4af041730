import assert from "node:assert/strict";
import { encode, GpuContext } from "../../src/gpu/context.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { arrange, bytesOf, type Layout, physicalOf } from "../../src/gpu/layout.ts";
import { allocateMemory } from "../../src/gpu/memory.ts";
import { relayout } from "../../src/ops/copy.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { random, random8 } from "./harness.ts";

const gpu = Deno.env.get("ACQUA_BACKEND") === "cpu" ? null : await openGpu();
const context = gpu && new GpuContext(gpu);
Deno.test.afterAll(() => context?.[Symbol.dispose]());

const LAYOUTS: readonly Layout[] = ["plain", "rows", "cols", "nhwc"];
const SHAPES = [[2, 3, 5, 7], [2, 6, 2, 4], [1, 16, 4, 4], [1, 8, 3, 8], [2, 5, 9], [7, 6], [13], [], [1, 1, 1, 1], [
  1,
  2,
  3,
  2,
  5,
]];

/** The bytes that `relayout` leaves in a destination full of rubbish. */
async function relaid(input: Tensor, from: Layout, to: Layout): Promise<ArrayBuffer> {
  const { device } = context!.gpu;
  const data = arrange(input, from);
  const source = allocateMemory(device, data.byteLength, "buffer", "source");
  source.write(data);
  const size = bytesOf(input, to);
  const destination = allocateMemory(device, size, "buffer", "destination");
  destination.write(new Uint8Array(size).fill(0x55));
  const type = { dtype: input.dtype, shape: input.shape };
  const launch = relayout({ ...type, layout: from }, { ...type, layout: to });
  device.pushErrorScope("validation");
  const { dispatches, uniforms } = await context!.bind(
    [launch],
    () => ({ inputs: [source], outputs: [destination] }),
  );
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  encode(pass, dispatches);
  pass.end();
  const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  destination.copyTo(encoder, read, 0, size);
  device.queue.submit([encoder.finish()]);
  assert.equal((await device.popErrorScope())?.message, undefined);
  await read.mapAsync(GPUMapMode.READ);
  const bytes = read.getMappedRange().slice(0);
  read.unmap();
  for (const memory of [source, destination, read, uniforms]) memory?.destroy();
  return bytes;
}

for (const dtype of ["f32", "i32", "i8"] as const) {
  Deno.test({
    name: `relayout() of ${dtype} gives what arrange() gives, zero padding included, between all layouts`,
    ignore: context === null,
    fn: async () => {
      for (const shape of SHAPES) {
        const input = dtype === "f32"
          ? random(shape)
          : dtype === "i8"
          ? random8(shape)
          : tensor("i32", shape, [...random(shape, 1, -1e9, 1e9).data].map(Math.round));
        for (const from of LAYOUTS) {
          for (const to of LAYOUTS) {
            const elements = physicalOf(input, to).length;
            const bytes = await relaid(input, from, to);
            const actual = dtype === "f32"
              ? new Float32Array(bytes)
              : dtype === "i8"
              ? new Int8Array(bytes)
              : new Int32Array(bytes);
            const expected = arrange(input, to);
            assert.deepEqual(
              actual.subarray(0, elements),
              expected.subarray(0, elements),
              `[${shape}] from ${from} to ${to}`,
            );
          }
        }
      }
    },
  });
}

Deno.test("relayout() of feature maps moves whole blocks where it can", () => {
  const shader = (dtype: "f32" | "i8", from: Layout, to: Layout) => {
    const type = { dtype, shape: [1, 16, 8, 8] };
    return relayout({ ...type, layout: from }, { ...type, layout: to }).shader;
  };
  assert.equal(shader("f32", "plain", "nhwc"), "copy_32x4");
  assert.equal(shader("f32", "nhwc", "plain"), "copy_32x4");
  assert.equal(shader("f32", "plain", "rows"), "copy_128");
  assert.equal(shader("i8", "plain", "nhwc"), "copy_8x16");
  assert.equal(shader("i8", "nhwc", "plain"), "copy_8x16");
});
