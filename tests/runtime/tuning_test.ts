import assert from "node:assert/strict";
import { GpuContext } from "../../src/gpu/context.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { openModel, planOf } from "../../src/runtime/model.ts";
import { schedule } from "../../src/runtime/schedule.ts";
import { fastest, Tuning, type TuningStore } from "../../src/runtime/tuning.ts";
import { webgpuBackend } from "../../src/runtime/webgpu.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertSame, graphOf, node } from "../graphs.ts";
import { noGpu, random } from "../ops/harness.ts";

/** A store in memory, with what was written to it. */
function memoryStore(text: string | null = null): TuningStore & { text: string | null; writes: number } {
  const store = {
    text,
    writes: 0,
    read: () => Promise.resolve(store.text),
    write: (own: string) => {
      store.text = own;
      store.writes++;
      return Promise.resolve();
    },
  };
  return store;
}

const graph = graphOf({
  inputs: { x: [1, 8, 10, 10] },
  nodes: [node("Conv", ["x", "w"], "c", { pads: [1, 1, 1, 1] }), node("Relu", ["c"], "y")],
  constants: { w: random([20, 8, 3, 3], 2) },
  outputs: ["y"],
});
const x = random([1, 8, 10, 10], 1);

Deno.test("fastest() wants a margin before it takes another variant than the first", () => {
  const [a, b, c] = [{ variant: "a", ms: 10 }, { variant: "b", ms: 9.7 }, { variant: "c", ms: 8 }];
  assert.equal(fastest([a, b]), a);
  assert.equal(fastest([a, b, c]), c);
  assert.equal(fastest([{ variant: "refused", ms: Infinity }, b]), b);
});

function test(name: string, fn: (context: GpuContext) => Promise<void>): void {
  Deno.test({
    name,
    ignore: noGpu !== null,
    fn: async () => {
      using context = new GpuContext((await openGpu())!);
      await fn(context);
    },
  });
}

/** A store that a plan was tuned with, and the choices in it. */
async function tuned(context: GpuContext) {
  const store = memoryStore();
  const tuning = await Tuning.open(store, "device", 60_000);
  await tuning.schedule(planOf(graph, { x }), { lanes: 8 }, context);
  const { devices } = JSON.parse(store.text!);
  const [device] = Object.keys(devices);
  return { store, device: device!, choices: devices[device!] as Record<string, { variant: string; at: number }> };
}

/** The variants that a launch of the graph is offered, by key. */
function offered(): Map<string, readonly string[]> {
  const keys = new Map<string, readonly string[]>();
  const choose = (key: string, variants: readonly string[]): number => {
    keys.set(key, variants);
    return 0;
  };
  schedule(planOf(graph, { x }), { lanes: 8, choose });
  return keys;
}

test("Tuning times every variant once, and stores the choice for the next process", async (context) => {
  const { store, choices } = await tuned(context);
  assert.deepEqual(Object.keys(choices), [...offered().keys()]);
  assert.equal(store.writes, 1);
  for (const [key, { variant }] of Object.entries(choices)) assert(offered().get(key)!.includes(variant), variant);
  const next = await Tuning.open(store, "device");
  await next.schedule(planOf(graph, { x }), { lanes: 8 }, context);
  assert.equal(store.writes, 1, "nothing was left to tune");
});

test("Tuning serves stored choices, unless they are old, or of another device or other kernels", async (context) => {
  const { device, choices } = await tuned(context);
  const [[key, choice]] = Object.entries(choices) as [[string, { variant: string; at: number }]];
  const [first, second] = offered().get(key) as [string, string];
  const chosen = async (name: string, at: number): Promise<number> => {
    const known = { ...choice, variant: second, at };
    const store = memoryStore(JSON.stringify({ version: 1, devices: { [name]: { [key]: known } } }));
    return (await Tuning.open(store, "device")).choose(key, [first, second]);
  };
  const day = 24 * 3600 * 1000;
  assert.equal(await chosen(device, Date.now()), 1);
  assert.equal(await chosen(device, Date.now() - 31 * day), 0);
  assert.equal(await chosen(device.replace("device", "other"), Date.now()), 0);
  assert.equal(await chosen(device.replace(/.$/, "x"), Date.now()), 0);
});

test("Tuning keeps apart what was found on different machines", async (context) => {
  const { device, choices } = await tuned(context);
  const [[key, choice]] = Object.entries(choices) as [[string, { variant: string; at: number }]];
  const [first, second] = offered().get(key) as [string, string];
  const own = { [device.replace("device", "device of one")]: { [key]: { ...choice, variant: second } } };
  const text = JSON.stringify({ version: 1, devices: own });
  const chosen = async (machine: string): Promise<number> => {
    const given = { ...memoryStore(text), machine };
    return (await Tuning.open(given, "device")).choose(key, [first, second]);
  };
  assert.deepEqual([await chosen("one"), await chosen("two"), await chosen("")], [1, 0, 0]);
});

test("webgpuBackend() tunes nothing on a software adapter, unless it is told to", async ({ gpu }) => {
  const store = memoryStore();
  await using backend = await webgpuBackend({ ...(await openGpu())!, software: true }, { tuning: store });
  await using model = openModel(graph, backend);
  await model.run({ x });
  assert.equal(store.text, null, gpu.name);
});

test("Tuning ends with its budget, and stores nothing that is half known", async (context) => {
  const store = memoryStore();
  const tuning = await Tuning.open(store, "device", -1);
  await tuning.schedule(planOf(graph, { x }), { lanes: 8 }, context);
  assert.equal(store.text, null);
});

test("Tuning goes on where its budget ended the last time", async (context) => {
  const two = graphOf({
    inputs: { x: [1, 8, 10, 10] },
    nodes: [node("Conv", ["x", "w"], "c", { pads: [1, 1, 1, 1] }), node("Conv", ["c", "v"], "y")],
    constants: { w: random([20, 8, 3, 3], 2), v: random([12, 20, 1, 1], 3) },
    outputs: ["y"],
  });
  const store = memoryStore();
  const known = (): number => store.text?.match(/"variant"/g)?.length ?? 0;
  for (let opened = 0; opened < 20 && known() < 2; opened++) {
    const tuning = await Tuning.open(store, "device", 40);
    await tuning.schedule(planOf(two, { x }), { lanes: 8 }, context);
  }
  assert.equal(known(), 2);
});

Deno.test("Tuning takes a store that is broken, or fails, for an empty one", async () => {
  for (const text of ["", "{", "null", '{"version":2}', '{"version":1,"devices":{"device":3}}', '{"version":1}']) {
    assert.equal((await Tuning.open(memoryStore(text), "device")).choose("key", ["a", "b"]), 0);
  }
  const failing: TuningStore = {
    read: () => Promise.reject(new Error("no")),
    write: () => Promise.reject(new Error("no")),
  };
  assert.equal((await Tuning.open(failing, "device")).choose("key", ["a", "b"]), 0);
});

test("webgpuBackend() gives the same results tuned, and frees what tuning took", async ({ gpu }) => {
  const results: Tensor[] = [];
  const bytes: number[] = [];
  for (const tuning of [null, memoryStore(), memoryStore("{")]) {
    await using backend = await webgpuBackend((await openGpu())!, tuning ? { tuning, tuneSoftware: true } : {});
    await using model = openModel(graph, backend);
    results.push((await model.run({ x }))["y"]!);
    bytes.push(model.bytes);
    if (tuning) assert.match(tuning.text!, new RegExp(gpu.name.slice(0, 8)));
  }
  for (const result of results) assertSame({ y: result }, { y: results[0]! }, { atol: 1e-6 });
  assert.equal(new Set(bytes).size, 1);
});
