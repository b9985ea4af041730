import assert from "node:assert/strict";
import fc from "fast-check";
import { openGpu } from "../../src/gpu/device.ts";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { quantize } from "../../src/quant/quantize.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { openModel, planOf } from "../../src/runtime/model.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { webgpuBackend } from "../../src/runtime/webgpu.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node, run } from "../graphs.ts";
import { noGpu, random, random8 } from "../ops/harness.ts";
import { images, network as trained } from "../quant/network.ts";

const gpu = noGpu === null ? await openBackend("webgpu") : null;
Deno.test.afterAll(async () => await gpu?.[Symbol.asyncDispose]());

function test(name: string, fn: (backend: Backend) => Promise<void>): void {
  Deno.test({ name: `${name}${noGpu === null ? "" : ` (${noGpu})`}`, ignore: gpu === null, fn: () => fn(gpu!) });
}

const x = random([1, 4, 8, 8], 1);
const image = { x: [1, 4, 8, 8] };
const same = { pads: [1, 1, 1, 1] };
const u8 = (zero: number): Tensor => tensor("u8", [], [zero]);
const pair = (value: string, output: string, s: string, z: string): Node[] => [
  node("QuantizeLinear", [value, s, z], `${output}q`),
  node("DequantizeLinear", [`${output}q`, s, z], output),
];
const quantizedConv = (input: string, output: string, attributes = {}, weights = "w"): Node[] => [
  node("DequantizeLinear", [weights, `${weights}s`, `${weights}z`], `${output}.wd`, { axis: 0 }),
  node("Conv", [input, `${output}.wd`], output, attributes),
];

/** Convolutions, a residual addition, pooling, a join and a matrix product, all between quantizers. */
const network: Graph = graphOf({
  inputs: image,
  nodes: [
    ...pair("x", "xd", "xs", "xz"),
    ...quantizedConv("xd", "c1", same),
    node("Relu", ["c1"], "r1"),
    ...pair("r1", "r1d", "rs", "zero"),
    ...quantizedConv("r1d", "c2", same),
    ...pair("c2", "c2d", "xs", "xz"),
    node("Add", ["c2d", "r1d"], "a"),
    ...pair("a", "ad", "rs", "xz"),
    ...quantizedConv("ad", "c3", { ...same, group: 4 }, "d"),
    node("Clip", ["c3", "low", "high"], "k"),
    ...pair("k", "kd", "rs", "zero"),
    node("MaxPool", ["kd"], "m", { kernel_shape: [2, 2], strides: [2, 2] }),
    ...pair("m", "md", "rs", "zero"),
    node("Concat", ["md", "md"], "j", { axis: 1 }),
    ...pair("j", "jd", "rs", "zero"),
    node("Flatten", ["jd"], "f"),
    ...pair("f", "fd", "rs", "zero"),
    node("DequantizeLinear", ["g", "gs", "gz"], "gd", { axis: 1 }),
    node("MatMul", ["fd", "gd"], "p"),
    ...pair("p", "y", "ps", "xz"),
  ],
  constants: {
    xs: f32(0.013),
    xz: u8(120),
    rs: f32(0.031),
    zero: u8(0),
    ps: f32(0.17),
    low: f32(0),
    high: f32(6),
    w: random8([4, 4, 3, 3], 2),
    ws: f32([0.003, 0.0021, 0.0017, 0.004]),
    wz: tensor("i8", [4], [0, 0, 0, 0]),
    d: random8([4, 1, 3, 3], 3),
    ds: f32([0.013, 0.021, 0.017, 0.014]),
    dz: tensor("i8", [4], [0, 0, 0, 0]),
    g: random8([128, 10], 4),
    gs: f32(Array.from({ length: 10 }, (_, i) => 0.001 * (i + 1))),
    gz: tensor("i8", [10], new Int8Array(10)),
  },
  outputs: ["y", "jd", "kd"],
});

test("webgpuBackend() runs a quantized network in integers, exactly like the CPU", async (backend) => {
  const outputs = await run(network, { x });
  const steps = planOf(network, { x }).steps;
  assert.deepEqual(
    steps.filter(({ precision }) => precision === "int8").map(({ node }) => node),
    ["c1", "c2", "c3", "m", "j", "f", "p"],
  );
  assert(new Set(outputs.y!.data).size > 5, "the test tells values apart");
  assertSame(await run(network, { x }, backend), outputs);
});

test("webgpuBackend() agrees with the CPU whatever the input", async (backend) => {
  await using model = openModel(network, backend);
  const inputs = fc.array(fc.float({ min: -3, max: 3, noNaN: true }), { minLength: 256, maxLength: 256 });
  await fc.assert(
    fc.asyncProperty(inputs, async (data) => {
      const input = { x: tensor("f32", [1, 4, 8, 8], data) };
      assertSame(await model.run(input), await run(network, input));
    }),
    { numRuns: 5 },
  );
});

const w = random([4, 4, 3, 3], 2, -0.3, 0.3);

/** Random graphs of operators with different layouts, reading from any earlier value. */
const graphs = fc.array(
  fc.record({
    kind: fc.constantFrom("conv", "softmax", "add", "sigmoid", "reshape", "pool"),
    a: fc.nat(),
    b: fc.nat(),
  }),
  { minLength: 1, maxLength: 12 },
).chain((drawn) => {
  const values = ["x", ...drawn.map((_, i) => `v${i}`)];
  const nodes = drawn.map(({ kind, a, b }, i) => {
    const [left, right, output] = [values[a % (i + 1)]!, values[b % (i + 1)]!, `v${i}`];
    if (kind === "conv") return node("Conv", [left, "w"], output, same);
    if (kind === "softmax") return node("Softmax", [left], output);
    if (kind === "sigmoid") return node("Sigmoid", [left], output);
    if (kind === "add") return node("Add", [left, right], output);
    if (kind === "pool") return node("MaxPool", [left], output, { ...same, kernel_shape: [3, 3] });
    return node("Reshape", [left, "shape"], output);
  });
  return fc.subarray(values, { minLength: 1 }).map((outputs) =>
    graphOf({
      inputs: { ...image, unused: [1, 4, 8, 8] },
      nodes,
      constants: { w, shape: tensor("i64", [4], [1, 4, 8, 8]) },
      outputs,
    })
  );
});

test("webgpuBackend() computes what the nodes say, whatever the order, layouts and lives", async (backend) => {
  const inputs = { x, unused: random([1, 4, 8, 8], 9) };
  await fc.assert(
    fc.asyncProperty(graphs, async (graph) => {
      assertSame(await run(graph, inputs, backend), interpret(graph, inputs), { atol: 1e-4, rtol: 1e-4 });
    }),
    { numRuns: 12 },
  );
});

/** Random graphs in the manner of transformers: products, normalizations and, between them, elements in other orders. */
const attentions = fc.array(
  fc.record({
    kind: fc.constantFrom("attend", "scale", "normalize", "add", "transpose", "split", "join", "reverse", "conv"),
    a: fc.nat(),
    b: fc.nat(),
  }),
  { minLength: 1, maxLength: 12 },
).chain((drawn) =>
  fc.constantFrom(4, 6, 8).chain((size) => {
    const values = ["x", ...drawn.map((_, i) => `v${i}`)];
    const nodes = drawn.flatMap(({ kind, a, b }, i): Node[] => {
      const [left, right, output] = [values[a % (i + 1)]!, values[b % (i + 1)]!, `v${i}`];
      if (kind === "attend") {
        return [node("Softmax", [left], `${output}s`, { axis: 3 }), node("MatMul", [`${output}s`, right], output)];
      }
      if (kind === "normalize") return [node("LayerNormalization", [left, "scale", "bias"], output)];
      if (kind === "add") return [node("Add", [left, right], output)];
      if (kind === "scale") return [node("Mul", [left, "third"], output)];
      if (kind === "transpose") return [node("Transpose", [left], output, { perm: [0, 1, 3, 2] })];
      if (kind === "reverse") return [node("Slice", [left, "last", "before", `axis${b % 4}`, "last"], output)];
      if (kind === "conv") return [node("Conv", [left, "w"], output, same)];
      if (kind === "join") return [node("Transpose", [left], output, { perm: [0, 2, 1, 3] })];
      return [
        node("Reshape", [left, "split"], `${output}r`),
        node("Transpose", [`${output}r`], output, { perm: [1, 2, 0, 3] }),
      ];
    });
    return fc.subarray(values, { minLength: 1 }).map((outputs) =>
      graphOf({
        inputs: { x: [2, size, size, size] },
        nodes,
        constants: {
          w: random([size, size, 3, 3], 2, -0.2, 0.2),
          scale: random([size], 3),
          bias: random([size], 4),
          split: tensor("i64", [4], [size, 2, size, size]),
          third: f32(1 / 3),
          last: tensor("i64", [1], [-1]),
          before: tensor("i64", [1], [-100]),
          ...Object.fromEntries([0, 1, 2, 3].map((axis) => [`axis${axis}`, tensor("i64", [1], [axis])])),
        },
        outputs,
      })
    );
  })
);

test("webgpuBackend() computes what the nodes say of elements in any order", async (backend) => {
  await fc.assert(
    fc.asyncProperty(attentions, async (graph) => {
      const inputs = { x: random(graph.inputs[0]!.shape as number[], 5) };
      assertSame(await run(graph, inputs, backend), interpret(graph, inputs), { atol: 1e-3, rtol: 1e-3 });
    }),
    { numRuns: 15 },
  );
});

test("webgpuBackend() shares constants between models, and says what is held", async () => {
  await using backend = await webgpuBackend({ ...(await openGpu())!, textureBytes: 0 });
  assert.equal(backend.name, "webgpu");
  assert(backend.device.length > 0);
  const graph = graphOf({
    inputs: image,
    nodes: [node("Conv", ["x", "w"], "y", same)],
    constants: { w },
    outputs: ["y"],
  });
  await using first = openModel(graph, backend);
  await first.run({ x });
  const bytes = backend.constantBytes;
  assert(bytes >= 4 * 4 * 9 * 4);
  await using second = openModel(graph, backend);
  await second.run({ x });
  assert.equal(backend.constantBytes, bytes);
  assert.equal(second.bytes, 3 * x.data.byteLength, "two buffers in turn, and what is read back");
});

test("webgpuBackend() uploads nothing again for plans that it has run", async () => {
  await using backend = await openBackend("webgpu");
  const quantized = await quantize(trained(1), images(1), { backend });
  const plans = [new Set<string>(), ...quantized.groups.map(({ id }) => new Set([id]))];
  const held: number[][] = [];
  for (let round = 0; round < 2; round++) {
    const own: number[] = [];
    for (const plan of plans) {
      await run(applyPlan(quantized, plan), images(2)[0]!, backend);
      own.push(backend.constantBytes);
    }
    held.push(own);
  }
  assert(plans.length > 3);
  assert.deepEqual(held[1], plans.map(() => held[0]!.at(-1)));
});

test("webgpuBackend() gives outputs whose rows are padded on the device without their padding", async (backend) => {
  const graph = graphOf({
    inputs: { x: [2, 7, 4] },
    nodes: [node("MatMul", ["x", "w"], "m"), node("Softmax", ["m"], "y"), node("Softmax", ["x"], "z")],
    constants: { w: random([4, 6], 5) },
    outputs: ["y", "m", "z"],
  });
  const inputs = { x: random([2, 7, 4], 6) };
  assertSame(await run(graph, inputs, backend), interpret(graph, inputs), { atol: 1e-6, rtol: 1e-5 });
});

test("webgpuBackend() refuses activations that no buffer holds", async (backend) => {
  const graph = graphOf({
    inputs: { x: [1] },
    nodes: [node("Expand", ["x", "shape"], "e"), node("Softmax", ["e"], "y")],
    constants: { shape: tensor("i64", [2], [2 ** 17, 2 ** 14]) },
    outputs: ["y"],
  });
  await assert.rejects(run(graph, { x: f32([1]) }, backend), {
    name: "GpuError",
    message: /^An activation needs 8589934592 bytes, and a buffer of this device holds \d+: use a smaller batch$/,
  });
});

test("webgpuBackend() says what the device refuses", async () => {
  const gpu = (await openGpu())!;
  const refusing = new Proxy(gpu.device, {
    get(device, name) {
      if (name === "popErrorScope") return () => device.popErrorScope().then(() => ({ message: "too much" }));
      const value = Reflect.get(device, name, device);
      return typeof value === "function" ? value.bind(device) : value;
    },
  });
  await using backend = await webgpuBackend({ ...gpu, device: refusing });
  const graph = graphOf({ inputs: { x: [2] }, nodes: [node("Exp", ["x"], "y")], outputs: ["y"] });
  await assert.rejects(run(graph, { x: f32([1, 2]) }, backend), {
    name: "GpuError",
    message: "The device refuses the model: too much",
  });
});

test("webgpuBackend() takes no more memory in the thousandth run than in the second", async () => {
  const gpu = (await openGpu())!;
  let created = 0;
  const counting = new Proxy(gpu.device, {
    get(device, name) {
      if (typeof name === "string" && /^create(Buffer|Texture|BindGroup|ShaderModule)$/.test(name)) created++;
      const value = Reflect.get(device, name, device);
      return typeof value === "function" ? value.bind(device) : value;
    },
  });
  await using backend = await webgpuBackend({ ...gpu, device: counting });
  await using model = openModel(network, backend);
  const expected = await model.run({ x });
  const [before, held, resident] = [created, model.bytes + backend.constantBytes, Deno.memoryUsage().rss];
  assert(before > 0);
  for (let i = 1; i < 1000; i++) await model.run({ x });
  assert.deepEqual([created, model.bytes + backend.constantBytes], [before, held]);
  const growth = Deno.memoryUsage().rss - resident;
  assert(growth < 2 ** 26, `the process grew by ${growth} bytes`);
  assertSame(await model.run({ x }), expected);
});

test("webgpuBackend() computes on the host what has no kernel", async (backend) => {
  const graph = graphOf({
    inputs: { ...image, w: [4, 4, 3, 3] },
    nodes: [node("Conv", ["x", "w"], "y")],
    outputs: ["y"],
  });
  assertSame(await run(graph, { x, w }, backend), await run(graph, { x, w }), { atol: 1e-5 });
});

test("webgpuBackend() frees a model while another still runs", async (backend) => {
  const model = openModel(network, backend);
  const other = openModel(network, backend);
  const [a, b] = [model.run({ x }), other.run({ x })];
  await model[Symbol.asyncDispose]();
  assertSame(await a, await b);
  await other[Symbol.asyncDispose]();
});
