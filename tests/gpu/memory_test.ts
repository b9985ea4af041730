import assert from "node:assert/strict";
import { openGpu } from "../../src/gpu/device.ts";
import { allocateMemory, textureCapacity } from "../../src/gpu/memory.ts";
import { noGpu } from "../ops/harness.ts";

for (const texture of [false, true]) {
  Deno.test({
    name: `allocateMemory() gives back what is written, ${texture ? "textures" : "buffers"} of any size`,
    ignore: noGpu !== null,
    fn: async () => {
      const { device } = (await openGpu())!;
      for (const texels of [1, 2, 17, 511, 512, 513, 1024, 2048, 5000]) {
        const memory = allocateMemory(device, texels * 16, texture, "memory");
        assert.equal(memory.texture, texture);
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
    allocateMemory(device, Math.min(textureCapacity(device), 2 ** 26), true, "largest").destroy();
    assert.equal((await device.popErrorScope())?.message, undefined);
    assert(textureCapacity(device) >= 2 ** 26);
    device.destroy();
  },
});
