import assert from "node:assert/strict";
import { openGpu } from "../../src/gpu/device.ts";
import type { Peak } from "../../src/gpu/peak.ts";
import type { TimedLaunch } from "../../src/runtime/backend.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { planOf } from "../../src/runtime/model.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { nodeCosts, type Profile, profileModel, summarize, variantOf } from "../../src/runtime/profile.ts";
import { schedule } from "../../src/runtime/schedule.ts";
import { webgpuBackend } from "../../src/runtime/webgpu.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { f32, graphOf, node } from "../graphs.ts";
import { noGpu, random, random8 } from "../ops/harness.ts";

const peak: Peak = { f32: 100, i8: 400, copy: 10 };
const x = random([2, 4, 8, 8], 1);

/** A convolution with a Relu, its mean over each image, and a matrix product: 2*8*64*36 and 2*8*3 multiply-adds. */
const network = graphOf({
  inputs: { x: ["N", 4, 8, 8] },
  nodes: [
    node("Conv", ["x", "w"], "c", { pads: [1, 1, 1, 1] }),
    node("Relu", ["c"], "r"),
    node("GlobalAveragePool", ["r"], "g"),
    node("Flatten", ["g"], "f"),
    node("Gemm", ["f", "m"], "y"),
  ],
  constants: { w: random([8, 4, 3, 3], 2), m: random([8, 3], 3) },
  outputs: ["y"],
});

const plan = planOf(network, { x });
const stepOf = (name: string) => plan.steps.find((step) => step.node === name)!;

function timed(name: string, times: readonly number[], kernel: string, own: Partial<TimedLaunch> = {}): TimedLaunch {
  return { node: name, step: stepOf(name), kernel, constants: {}, bytes: 1000, times, ...own };
}

const convMacs = 2 * 8 * 64 * 36;
const summary = summarize(
  {
    clock: "timestamps",
    launches: [
      timed("c", [0.25, 0.5, 9], "copy_32", { step: null, bytes: 4000 }),
      timed("c", [1, 3, 2], "conv_f32", { constants: { TM: 16, TN: 8, LANES: 8 } }),
      timed("c", [0.5, 0.5, 0.5], "reduce_f32"),
      timed("g", [0, 0, 0], "pool_f32"),
      timed("y", [1, 4], "conv_f32"),
    ],
  },
  plan.types,
  peak,
);

Deno.test("summarize() takes the median of the rounds", () => {
  assert.deepEqual(summary.launches.map(({ ms }) => ms), [0.5, 2, 0.5, 0, 2.5]);
  assert.equal(summary.total.ms, 5.5);
  assert.equal(summary.clock, "timestamps");
});

Deno.test("summarize() says what each launch belongs to", () => {
  assert.deepEqual(
    summary.launches.map(({ node, operator, precision, kernel, variant }) => [
      ...[node, operator, precision, kernel, variant],
    ]),
    [
      ["c", null, null, "copy_32", ""],
      ["c", "Conv", "float", "conv_f32", "16x8"],
      ["c", "Conv", "float", "reduce_f32", ""],
      ["g", "GlobalAveragePool", "float", "pool_f32", ""],
      ["y", "Gemm", "float", "conv_f32", ""],
    ],
  );
});

Deno.test("summarize() counts the multiply-adds of a step once, at its slowest launch", () => {
  assert.deepEqual(summary.launches.map(({ macs }) => macs), [0, convMacs, 0, 0, 48]);
  assert.equal(summary.total.macs, convMacs + 48);
});

Deno.test("summarize() gives rates: 2 operations a multiply-add, and bytes in a nanosecond", () => {
  const [copy, convolution, , nothing] = summary.launches;
  assert.equal(convolution!.gops, 2 * convMacs / 2e6);
  assert.equal(convolution!.share, 2 * convMacs / 2e6 / 100);
  assert.equal(copy!.gops, null);
  assert.equal(copy!.share, null);
  assert.equal(copy!.gbps, 4000 / 0.5e6);
  assert.equal(nothing!.gbps, 0, "no time was seen to pass");
});

Deno.test("summarize() compares integers with the peak of integers, and nothing without a peak", () => {
  const own = { ...stepOf("c"), precision: "int8" as const };
  const launches = [timed("c", [2], "conv_i8", { step: own })];
  const of = (known: Peak | null) => summarize({ clock: "wall", launches }, plan.types, known).launches[0]!;
  assert.equal(of(peak).share, 2 * convMacs / 2e6 / 400);
  assert.equal(of(null).share, null);
  assert.equal(of(null).gops, 2 * convMacs / 2e6);
});

Deno.test("summarize() sums by node in order, and by kernel with the slowest first", () => {
  assert.deepEqual(summary.nodes, [
    { name: "c", launches: 3, ms: 3, macs: convMacs, bytes: 6000 },
    { name: "g", launches: 1, ms: 0, macs: 0, bytes: 1000 },
    { name: "y", launches: 1, ms: 2.5, macs: 48, bytes: 1000 },
  ]);
  assert.deepEqual(summary.kernels.map(({ name, launches, ms }) => [name, launches, ms]), [
    ["conv_f32", 2, 4.5],
    ["copy_32", 1, 0.5],
    ["reduce_f32", 1, 0.5],
    ["pool_f32", 1, 0],
  ]);
});

Deno.test("nodeCosts() gives the milliseconds of each node, its copies among them", () => {
  assert.deepEqual([...nodeCosts(summary)], [["c", 3], ["g", 0], ["y", 2.5]]);
});

Deno.test("variantOf() names the tile first and leaves out what says little", () => {
  assert.equal(variantOf({ LANES: 8, TM: 16, TN: 8, TN4: 2, WORDS: 4, FLOAT_OUT: 0 }), "16x8 words=4");
  assert.equal(variantOf({ INPUTS: 2, OPERAND0: 17, STEP0: 3 }), "inputs=2");
});

/** What holds of every profile of {@linkcode network}. */
function check(profile: Profile): void {
  const own = profile.launches.filter(({ operator }) => operator !== null);
  assert.deepEqual(own.map(({ node }) => node), plan.steps.filter(({ op }) => !op.view).map(({ node }) => node));
  for (const launch of profile.launches) {
    assert(Number.isFinite(launch.ms) && launch.ms > 0, `${launch.node} takes ${launch.ms} ms`);
    assert(launch.bytes > 0);
  }
  assert.equal(profile.total.macs, convMacs + 48);
  assert(Number.isFinite(profile.endToEndMs) && profile.endToEndMs > 0);
  assert.equal(profile.rounds, 3);
}

Deno.test("profileModel() times the steps of the CPU", async () => {
  await using backend = cpuBackend();
  const profile = await profileModel(network, { x }, backend, { rounds: 3 });
  const { clock, peak, launches } = profile;
  assert.deepEqual([clock, peak], ["wall", null]);
  check({ ...profile, launches: launches.filter(({ node }) => node !== "f") });
  const [convolution] = launches;
  assert.equal(convolution!.bytes, 4 * (2 * 4 * 64 + 8 * 36 + 2 * 8 * 64), "input, weights and output");
});

Deno.test("schedule() tells which step each launch computes, and the bytes that it reads and writes", () => {
  const image = 4 * 2 * 4 * 64;
  const launches = schedule(plan, { lanes: 8 }).launches.map(({ node, step, valueBytes }) => [node, step, valueBytes]);
  assert.deepEqual(launches.slice(0, 3), [
    ["c", null, 2 * image],
    ["c", stepOf("c"), image + 2 * image],
    ["g", stepOf("g"), 2 * image + 4 * 2 * 8],
  ]);
});

Deno.test("profileModel() refuses what it cannot measure", async () => {
  await using backend = cpuBackend();
  for (const rounds of [0, 1.5, NaN]) {
    await assert.rejects(profileModel(network, { x }, backend, { rounds }), {
      name: "RangeError",
      message: `"rounds" must be a whole number of at least 1: current value is ${rounds}`,
    });
  }
  await assert.rejects(profileModel(network, {}, backend), { name: "TypeError", message: 'Input "x" is missing' });
  const untimed = {
    ...backend,
    prepare: () => Promise.resolve({ bytes: 0, run: () => Promise.reject(), [Symbol.dispose]: () => {} }),
  };
  await assert.rejects(profileModel(network, { x }, untimed), {
    name: "TypeError",
    message: 'Cannot profile on backend "cpu": it does not time its launches',
  });
});

Deno.test({
  name: `profileModel() times the launches of a GPU${noGpu === null ? "" : ` (${noGpu})`}`,
  ignore: noGpu !== null,
  fn: async () => {
    await using backend = await openBackend("webgpu");
    const profile = await profileModel(network, { x }, backend, { rounds: 3 });
    check(profile);
    for (const rate of Object.values(profile.peak!)) assert(Number.isFinite(rate) && rate > 0);
    for (const { macs, gops, share } of profile.launches) {
      assert.deepEqual([gops !== null, share !== null], [macs > 0, macs > 0]);
    }
    const [copy, convolution] = profile.launches;
    assert.equal(copy!.operator, null);
    assert.equal(copy!.bytes, 2 * 4 * (2 * 4 * 64), "input and output");
    assert(convolution!.bytes >= 4 * (2 * 4 * 64 + 8 * 36 + 2 * 8 * 64), "input, weights and output");
  },
});

Deno.test({
  name: `profileModel() takes the clock of the host where the device has none${noGpu === null ? "" : ` (${noGpu})`}`,
  ignore: noGpu !== null,
  fn: async () => {
    const gpu = (await openGpu())!;
    const clockless = new Proxy(gpu.device, {
      get(device, name) {
        if (name === "features") return new Set();
        const value = Reflect.get(device, name, device);
        return typeof value === "function" ? value.bind(device) : value;
      },
    });
    await using backend = await webgpuBackend({ ...gpu, device: clockless });
    const profile = await profileModel(network, { x }, backend, { rounds: 3 });
    assert.equal(profile.clock, "wall");
    check(profile);
  },
});

Deno.test({
  name: `profileModel() knows what runs in integers${noGpu === null ? "" : ` (${noGpu})`}`,
  ignore: noGpu !== null,
  fn: async () => {
    const quantized = graphOf({
      inputs: { x: [2, 4, 8, 8] },
      nodes: [
        node("QuantizeLinear", ["x", "s", "z"], "q"),
        node("DequantizeLinear", ["q", "s", "z"], "d"),
        node("DequantizeLinear", ["w", "ws", "wz"], "wd", { axis: 0 }),
        node("Conv", ["d", "wd"], "y"),
      ],
      constants: {
        ...{ s: f32(0.01), z: tensor("u8", [], [128]), w: random8([4, 4, 1, 1], 2) },
        ...{ ws: f32([0.1, 0.2, 0.3, 0.4]), wz: tensor("i8", [4], [0, 0, 0, 0]) },
      },
      outputs: ["y"],
    });
    await using backend = await openBackend("webgpu");
    const { launches, peak } = await profileModel(quantized, { x }, backend, { rounds: 1 });
    const convolution = launches.find(({ operator }) => operator === "Conv")!;
    assert.equal(convolution.precision, "int8");
    assert.equal(convolution.share, convolution.gops! / peak!.i8);
  },
});
