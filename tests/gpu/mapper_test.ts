import assert from "node:assert/strict";
import { openGpu } from "../../src/gpu/device.ts";
import { Mapper } from "../../src/gpu/mapper.ts";
import { noGpu } from "../ops/harness.ts";

Deno.test({
  name: "Mapper.read() gives what was submitted last, from the first read on",
  ignore: noGpu !== null,
  fn: async () => {
    const { device } = (await openGpu())!;
    const mapper = new Mapper(device);
    const source = device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
    const buffers = [mapper.buffer(16, "first"), mapper.buffer(10, "second")];
    for (let i = 0; i < 20; i++) {
      const buffer = buffers[i % 2]!;
      device.queue.writeBuffer(source, 0, Uint32Array.of(i, 2, 3, 4));
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(source, 0, buffer, 0, 16);
      device.queue.submit([encoder.finish()]);
      assert.deepEqual(await mapper.read(buffer, (bytes) => [...new Uint32Array(bytes)]), [i, 2, 3, 4]);
    }
    await mapper.settled();
    device.destroy();
  },
});

/** A device whose buffers are mapped some time after they are asked for, and tell how often they are asked too early. */
function fake({ blocks, fails }: { blocks?: boolean; fails?: boolean }): { device: GPUDevice; early: () => number } {
  let early = 0;
  const createBuffer = ({ size }: GPUBufferDescriptor) => {
    let mapped = false;
    return {
      size,
      mapAsync: async () => {
        if (blocks) mapped = true;
        await new Promise((resolve) => setTimeout(resolve));
        if (fails) throw new Error("lost");
        mapped = true;
      },
      getMappedRange: () => {
        if (mapped) return new ArrayBuffer(size);
        early++;
        throw new Error("not mapped yet");
      },
      unmap: () => void (mapped = false),
    };
  };
  return { device: { createBuffer } as unknown as GPUDevice, early: () => early };
}

Deno.test("Mapper.read() asks for contents before their time once, whichever buffers follow", async () => {
  const { device, early } = fake({});
  const mapper = new Mapper(device);
  assert.equal(mapper.atOnce, null);
  for (let i = 0; i < 5; i++) {
    assert.equal(await mapper.read(mapper.buffer(32, "buffer"), ({ byteLength }) => byteLength), 32);
    assert.equal(mapper.atOnce, false);
  }
  assert.equal(early(), 1);
});

Deno.test("Mapper.read() does not await what is there at once", async () => {
  const { device, early } = fake({ blocks: true });
  const mapper = new Mapper(device);
  for (let i = 0; i < 3; i++) {
    let taken = false;
    const reading = mapper.read(mapper.buffer(16, "buffer"), () => taken = true);
    assert(taken);
    await reading;
  }
  assert.deepEqual([mapper.atOnce, early()], [true, 0]);
  await mapper.settled();
});

Deno.test("Mapper.read() rejects where the device is lost", async () => {
  const mapper = new Mapper(fake({ fails: true }).device);
  await assert.rejects(mapper.read(mapper.buffer(16, "buffer"), () => {}), { message: "lost" });
  await mapper.settled();
});
