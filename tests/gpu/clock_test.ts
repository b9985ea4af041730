import assert from "node:assert/strict";
import { type Clock, openClock, timeDispatches } from "../../src/gpu/clock.ts";
import type { Dispatch } from "../../src/gpu/context.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { Pipelines } from "../../src/gpu/pipelines.ts";
import { noGpu } from "../ops/harness.ts";

/** A dispatch that counts up: the buffer tells how often it has run. */
async function counter(device: GPUDevice): Promise<{ dispatch: Dispatch; count: () => Promise<number> }> {
  const code =
    "@group(0) @binding(0) var<storage, read_write> n: u32; @compute @workgroup_size(1) fn main() { n += 1u; }";
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
  const buffer = device.createBuffer({ size: 4, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  const count = async (): Promise<number> => {
    const read = device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, read, 0, 4);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    return new Uint32Array(read.getMappedRange())[0]!;
  };
  return { dispatch: { pipeline, group, workgroups: [1, 1, 1] }, count };
}

for (const kind of ["timestamps", "wall"] as const) {
  Deno.test({
    name: `openClock() by ${kind} runs and times each dispatch${noGpu === null ? "" : ` (${noGpu})`}`,
    ignore: noGpu !== null,
    fn: async () => {
      using device = openDevice((await openGpu())!.device);
      if (kind === "timestamps" && !device.own.features.has("timestamp-query")) return;
      const { dispatch, count } = await counter(device.own);
      await using clock = openClock(device.own, kind === "wall" ? kind : undefined);
      assert.equal(clock.kind, kind);
      const times = await clock.measure([dispatch, dispatch], [3, 40]);
      assert.equal(times.length, 2);
      for (const ms of times) assert(Number.isFinite(ms) && ms > 0, String(ms));
      assert.equal(await count(), 43);
    },
  });
}

Deno.test({
  name: `openClock() times more dispatches than a query set holds${noGpu === null ? "" : ` (${noGpu})`}`,
  ignore: noGpu !== null,
  fn: async () => {
    using device = openDevice((await openGpu())!.device);
    const { dispatch, count } = await counter(device.own);
    await using clock = openClock(device.own);
    const times = await clock.measure(new Array<Dispatch>(1100).fill(dispatch), new Array<number>(1100).fill(1));
    assert.equal(times.length, 1100);
    assert(times.every((ms) => Number.isFinite(ms) && ms >= 0) && times.some((ms) => ms > 0));
    assert.equal(await count(), 1100);
  },
});

Deno.test("timeDispatches() repeats what is quick, and gives one time for each round", async () => {
  const calls: number[][] = [];
  const [slow, quick, unseen] = ["slow", "quick", "unseen"].map((name) => ({ name }) as unknown as Dispatch);
  const clock: Clock = {
    kind: "wall",
    measure: (dispatches, repeats) => {
      calls.push([...repeats]);
      return Promise.resolve(dispatches.map((own) => own === slow ? 50 : own === quick ? 0.5 + calls.length : 0));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  assert.deepEqual(await timeDispatches(clock, [slow!, quick!, unseen!], 2), [
    [50, 50],
    [3.5, 4.5],
    [0, 0],
  ]);
  assert.deepEqual(calls, [[1, 1, 1], [1, 1, 1], [1, 2, 1000], [1, 2, 1000]]);
});

Deno.test({
  name: `the kernels of measurePeak() compile whatever their size${noGpu === null ? "" : ` (${noGpu})`}`,
  ignore: noGpu !== null,
  fn: async () => {
    using device = openDevice((await openGpu())!.device);
    const pipelines = new Pipelines(device.own);
    await pipelines.get({ shader: "peak_f32", constants: { CHAINS: 1, UNROLL: 1 } });
    await pipelines.get({ shader: "peak_i8", constants: { ROWS: 1, COLUMNS: 1 } });
  },
});

/** A device that is destroyed with its scope. */
function openDevice(own: GPUDevice): { readonly own: GPUDevice } & Disposable {
  return { own, [Symbol.dispose]: () => own.destroy() };
}
