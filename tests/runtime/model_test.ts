import assert from "node:assert/strict";
import type { Backend } from "../../src/runtime/backend.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { checkInput, openModel } from "../../src/runtime/model.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node } from "../graphs.ts";
import { noGpu, random } from "../ops/harness.ts";

/** `y = Relu(x * w + b)` for any number of rows. */
const graph = graphOf({
  inputs: { x: ["N", 4] },
  nodes: [node("MatMul", ["x", "w"], "m"), node("Add", ["m", "b"], "a"), node("Relu", ["a"], "y")],
  constants: { w: random([4, 3], 1), b: random([3], 2) },
  outputs: ["y"],
});

const batch = (rows: number, seed = rows) => ({ x: random([rows, 4], seed) });

/** A backend that counts what is prepared, disposed of and running. */
function counting(): Backend & { prepared: number; disposed: number; running: number; most: number } {
  const inner = cpuBackend();
  const counts = { prepared: 0, disposed: 0, running: 0, most: 0 };
  return Object.assign(counts, {
    ...inner,
    async prepare(plan: Parameters<Backend["prepare"]>[0]) {
      counts.prepared++;
      const executable = await inner.prepare(plan);
      return {
        bytes: 10,
        async run(inputs: Parameters<typeof executable.run>[0]) {
          counts.most = Math.max(counts.most, ++counts.running);
          await new Promise((resolve) => setTimeout(resolve));
          counts.running--;
          return executable.run(inputs);
        },
        [Symbol.dispose]: () => void counts.disposed++,
      };
    },
  });
}

for (const name of ["cpu", "webgpu"] as const) {
  const test = (title: string, fn: (backend: Backend) => Promise<void>) =>
    Deno.test({
      name: `Model.run() ${title} (${name})`,
      ignore: name === "webgpu" && noGpu !== null,
      fn: async () => {
        await using backend = await openBackend(name);
        await fn(backend);
      },
    });

  test("takes open sizes from the inputs", async (backend) => {
    await using model = openModel(graph, backend);
    for (const rows of [2, 5, 2, 1]) {
      assertSame(await model.run(batch(rows)), interpret(graph, batch(rows)), { atol: 1e-6, rtol: 1e-6 });
    }
  });

  test("keeps runs apart that are started at once", async (backend) => {
    await using model = openModel(graph, backend);
    const sizes = [3, 3, 1, 4, 3, 1];
    const results = await Promise.all(sizes.map((rows, i) => model.run(batch(rows, i))));
    results.forEach((result, i) =>
      assertSame(result, interpret(graph, batch(sizes[i]!, i)), { atol: 1e-6, rtol: 1e-6 })
    );
  });

  test("goes on after a run that failed", async (backend) => {
    await using model = openModel(graph, backend);
    const [bad, good] = [model.run({}), model.run(batch(2))];
    await assert.rejects(bad, TypeError);
    assertSame(await good, interpret(graph, batch(2)), { atol: 1e-6, rtol: 1e-6 });
  });

  test("gives results that later runs leave alone", async (backend) => {
    await using model = openModel(graph, backend);
    const first = await model.run(batch(2, 1));
    const copy = structuredClone(first);
    await model.run(batch(2, 9));
    assertSame(first, copy);
  });

  test("returns inputs and constants that are outputs", async (backend) => {
    const passing = graphOf({
      inputs: { x: [2], z: [2] },
      nodes: [node("Identity", ["x"], "same"), node("Exp", ["z"], "e"), node("Neg", ["k"], "constant")],
      constants: { k: f32([1, 2]) },
      outputs: ["same", "constant", "e", "z"],
    });
    await using model = openModel(passing, backend);
    const inputs = { x: f32([3, 4]), z: f32([0, 0]) };
    assertSame(await model.run(inputs), { same: inputs.x, constant: f32([-1, -2]), e: f32([1, 1]), z: inputs.z });
  });
}

Deno.test("Model tells its inputs and outputs", async () => {
  await using model = openModel(graph, cpuBackend());
  assert.deepEqual(model.inputs, graph.inputs);
  assert.deepEqual(model.outputs, graph.outputs);
});

Deno.test("Model.run() names an input that is missing or does not fit", async () => {
  await using model = openModel(graph, cpuBackend());
  await assert.rejects(model.run({}), { name: "TypeError", message: 'Input "x" is missing' });
  await assert.rejects(model.run({ x: tensor("i32", [1, 4], [1, 2, 3, 4]) }), {
    name: "TypeError",
    message: 'Input "x" must be f32: current value is i32',
  });
  for (const shape of [[1, 5], [4], [1, 1, 4]]) {
    await assert.rejects(model.run({ x: random(shape) }), {
      name: "RangeError",
      message: `Input "x" must have shape [N,4]: current value is [${shape}]`,
    });
  }
});

Deno.test("Model.run() rejects where a node does not fit the shapes", async () => {
  const sum = graphOf({ inputs: { a: ["N"], b: ["M"] }, nodes: [node("Add", ["a", "b"], "y")], outputs: ["y"] });
  await using model = openModel(sum, cpuBackend());
  await assert.rejects(model.run({ a: f32([1, 2]), b: f32([1, 2, 3]) }), {
    name: "NodeError",
    message: /^Cannot run node "y" \(Add\)/,
  });
});

Deno.test("Model.run() compiles each set of shapes once, keeps the last eight, and frees all at the end", async () => {
  const backend = counting();
  {
    await using model = openModel(graph, backend);
    assert.equal(backend.prepared, 0);
    for (const rows of [1, 2, 1, 2]) await model.run(batch(rows));
    assert.equal(backend.prepared, 2);
    assert.equal(model.bytes, 20);
    for (const rows of [3, 4, 5, 6, 7, 8, 1, 9]) await model.run(batch(rows));
    assert.deepEqual([backend.prepared, backend.disposed], [9, 1]);
    await model.run(batch(1));
    assert.equal(backend.prepared, 9, "1 was used after 2, which went");
    await model.run(batch(2));
    assert.deepEqual([backend.prepared, backend.disposed], [10, 2]);
    assert.equal(model.bytes, 80);
  }
  assert.equal(backend.disposed, backend.prepared);
});

Deno.test("Model.run() lets runs wait for one another, and disposal for the last", async () => {
  const backend = counting();
  const model = openModel(graph, backend);
  const runs = [1, 1, 2, 1].map((rows) => model.run(batch(rows)));
  await model[Symbol.asyncDispose]();
  assert.equal((await Promise.all(runs)).length, 4);
  assert.equal(backend.most, 1);
  assert.equal(backend.disposed, 2);
});

Deno.test("checkInput() takes any shape where the model declares none", () => {
  checkInput({ name: "x", dtype: "f32", shape: null }, random([1, 2, 3]));
  checkInput({ name: "x", dtype: "f32", shape: [] }, f32(1));
  assert.throws(() => checkInput({ name: "x", dtype: "f32", shape: [] }, f32([1])), RangeError);
});

Deno.test("openBackend() opens the one that is named", async () => {
  await using cpu = await openBackend("cpu");
  assert.equal(cpu.name, "cpu");
  assert.equal(cpu.constantBytes, 0);
  await using any = await openBackend();
  assert.equal(any.name, noGpu === null ? "webgpu" : any.name);
});

Deno.test("openBackend() falls back to the CPU, and throws where WebGPU is asked for, without an adapter", async () => {
  const own = Object.getOwnPropertyDescriptor(navigator, "gpu");
  Object.defineProperty(navigator, "gpu", { value: undefined, configurable: true });
  try {
    assert.equal((await openBackend()).name, "cpu");
    await assert.rejects(openBackend("webgpu"), {
      name: "RangeError",
      message: 'Cannot open backend "webgpu": there is no WebGPU adapter',
    });
  } finally {
    if (own) Object.defineProperty(navigator, "gpu", own);
    else Reflect.deleteProperty(navigator, "gpu");
  }
});
