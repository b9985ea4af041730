import assert from "node:assert/strict";
import { openGpu } from "../../src/gpu/device.ts";
import { allocateMemory, constantForm, type MemoryForm, textureCapacity } from "../../src/gpu/memory.ts";
import { noGpu } from "../ops/harness.ts";

const SIZES = [1, 2, 17, 511, 512, 513, 1024, 2048, 5000];

for (const form of ["buffer", "1d", "2d"] as const) {
  Deno.test({
    name: `allocateMemory() gives back what is written, of any size: ${form}`,
    ignore: noGpu !== null,
    fn: async () => {
      const { device } = (await openGpu())!;
      for (const texels of SIZES) {
        const memory = allocateMemory(device, texels * 16, form, "memory");
        assert.equal(memory.form, form);
        assert(memory.bytes >= texels * 16);
        const data = Uint32Array.from({ length: texels * 4 }, (_, i) => Math.imul(i + 1, 2654435761));
        device.pushErrorScope("validation");
        memory.write(data);
        const size = texels * 16 + 16;
        const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
        const encoder = device.createCommandEncoder();
        memory.copyTo(encoder, read, 16, texels * 16);
        device.queue.submit([encoder.finish()]);
        assert.equal((await device.popErrorScope())?.message, undefined, `${texels} blocks`);
        await read.mapAsync(GPUMapMode.READ);
        assert.deepEqual(new Uint32Array(read.getMappedRange().slice(16)), data, `${texels} blocks`);
        read.destroy();
        memory.destroy();
      }
      device.destroy();
    },
  });
}

Deno.test({
  name: "textureCapacity() is what the largest texture holds",
  ignore: noGpu !== null,
  fn: async () => {
    const { device } = (await openGpu())!;
    device.pushErrorScope("validation");
    allocateMemory(device, Math.min(textureCapacity(device), 2 ** 26), "2d", "largest").destroy();
    assert.equal((await device.popErrorScope())?.message, undefined);
    assert(textureCapacity(device) >= 2 ** 26);
    device.destroy();
  },
});

Deno.test({
  name: "constantForm() keeps constants in one row, which wastes a block at most, as long as it fits",
  ignore: noGpu !== null,
  fn: async () => {
    const { device } = (await openGpu())!;
    const most = 2 ** 30;
    const widest = device.limits.maxTextureDimension1D;
    device.pushErrorScope("validation");
    for (const texels of [...SIZES, widest - 1]) {
      assert.equal(constantForm(device, texels * 16, most), "1d");
      const memory = allocateMemory(device, texels * 16, "1d", "constant");
      assert(memory.bytes <= Math.max(48, texels * 16 + 16), `${memory.bytes} bytes for ${texels} blocks`);
      memory.destroy();
    }
    assert.equal((await device.popErrorScope())?.message, undefined);
    const forms = [widest * 16, most, most + 1].map((bytes): MemoryForm => constantForm(device, bytes, most));
    assert.deepEqual(forms, ["2d", "2d", "buffer"]);
    assert.equal(constantForm(device, 16, 0), "buffer");
    device.destroy();
  },
});
