import assert from "node:assert/strict";
import fc from "fast-check";
import type { Graph } from "../../src/graph/graph.ts";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import type { QuantizedGraph } from "../../src/graph/quantizers.ts";
import type { CalibrationItem } from "../../src/quant/statistics.ts";
import type { QuantizeOptions } from "../../src/quant/options.ts";
import { quantize } from "../../src/quant/quantize.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { planOf } from "../../src/runtime/model.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { rangeOf } from "../../src/tensor/quantization.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node, run } from "../graphs.ts";
import { noGpu, random } from "../ops/harness.ts";
import { images, network } from "./network.ts";

const onCpu = (
  graph: Graph,
  items: Iterable<CalibrationItem> | AsyncIterable<CalibrationItem>,
  options: QuantizeOptions = {},
) => quantize(graph, items, { backend: cpuBackend(), ...options });

/** Signal to quantization noise over some items, in decibels. */
async function signalToNoise(graph: Graph, quantized: Graph, items: readonly CalibrationItem[]): Promise<number> {
  let [signal, noise] = [0, 0];
  for (const item of items) {
    const expected = (await run(graph, item)).y!.data;
    const actual = (await run(quantized, item)).y!.data;
    expected.forEach((v: number, i: number) => [signal, noise] = [signal + v ** 2, noise + (v - actual[i]!) ** 2]);
  }
  return 10 * Math.log10(signal / noise);
}

const perTensor = { advanced: { weightsQuantizationParams: { perChannel: false } } } as const;

function parametersOf(model: QuantizedGraph, id: string) {
  return model.quantizers.find((quantizer) => quantizer.id === id)!.parameters;
}

Deno.test("quantize() gives networks whose results are close to the float ones", async () => {
  for (const seed of [1, 2, 3, 4]) {
    for (const options of [{}, perTensor, { preset: "mixed" }] as const) {
      const graph = network(seed);
      const items = images(seed);
      const model = await onCpu(graph, items, options);
      assert.deepEqual(model.warnings, []);
      const snr = await signalToNoise(graph, applyPlan(model, new Set()), [...items, ...images(seed + 50)]);
      assert(snr > 25, `seed ${seed}: ${snr} dB`);
    }
  }
});

Deno.test("quantize() gives symmetric i8 weights, symmetric activations, and the float network with no group on", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), fc.boolean(), async (seed, perChannel) => {
      const items = images(seed, 1);
      const model = await onCpu(network(seed), items, perChannel ? {} : perTensor);
      for (const { kind, parameters: { scale, axis, zeroPoint, dtype } } of model.quantizers) {
        if (kind === "weight") assert.equal(dtype, "i8");
        assert(scale.every((s) => Number.isFinite(s) && s > 0));
        assert.equal(scale.length, zeroPoint.length);
        if (kind === "weight") assert.equal(axis !== null, perChannel);
        assert(zeroPoint.every((z) => z === 0));
      }
      const float = applyPlan(model, new Set(model.groups.map(({ id }) => id)));
      assertSame(await run(float, items[0]!), await run(network(seed), items[0]!), { atol: 1e-4, rtol: 1e-4 });
    }),
    { numRuns: 4 },
  );
});

Deno.test("quantize() leaves every linear operator an integer step", async () => {
  const model = await onCpu(network(1), images(1));
  const { steps } = planOf(applyPlan(model, new Set()), images(1)[0]!);
  const integer = steps.filter(({ precision }) => precision === "int8").map((step) => step.node);
  for (const name of ["c1", "c2", "c3", "c5", "y"]) assert(integer.includes(name), `${name} is not among ${integer}`);
});

Deno.test("quantize() is nearer to float with a scale for each channel than with one for all", async () => {
  const graph = graphOf({
    inputs: { x: [1, 1, 2, 2] },
    nodes: [node("Conv", ["x", "w"], "c"), node("Sigmoid", ["c"], "y")],
    constants: { w: tensor("f32", [2, 1, 1, 1], [1, -3 / 256]) },
    outputs: ["y"],
  });
  const items = [{ x: random([1, 1, 2, 2], 1) }];
  const advanced = { overflowFix: "disable" } as const;
  const [each, one] = [
    await onCpu(graph, items, { advanced }),
    await onCpu(graph, items, { advanced: { ...advanced, ...perTensor.advanced } }),
  ];
  assert.deepEqual(parametersOf(each, "w").scale, Float32Array.of(1 / 127, 3 / 256 / 127));
  assert.deepEqual(parametersOf(one, "w").scale, Float32Array.of(1 / 127));
  const error = async (model: QuantizedGraph): Promise<number> => {
    const [actual, expected] = [await run(applyPlan(model, new Set()), items[0]!), await run(graph, items[0]!)];
    return Math.max(...expected.y!.data.map((v: number, i: number) => i < 4 ? 0 : Math.abs(v - actual.y!.data[i]!)));
  };
  assert(await error(each) < await error(one) / 5);
});

Deno.test("quantize() takes each plan between float and 8 bits", async () => {
  const model = await onCpu(network(2), images(2));
  const ids = model.groups.map(({ id }) => id);
  assert(ids.length >= 5);
  const item = images(2)[0]!;
  await fc.assert(
    fc.asyncProperty(fc.subarray(ids), async (kept) => {
      const graph = applyPlan(model, new Set(kept));
      assertSame(await run(graph, item), interpret(graph, item), { atol: 0.02 });
      assert(await signalToNoise(model.graph, graph, [item]) > 15);
    }),
    { numRuns: 8 },
  );
});

Deno.test("quantize() raises older operator sets, and gives the same quantizers", async () => {
  const [old, present] = [11, 13].map((opset) => {
    const graph = network(4, opset);
    const nodes = graph.nodes.map((n) => n.op === "HardSwish" ? node("Mul", ["n2", "s2"], "h2") : n).toSpliced(
      5,
      0,
      node("HardSigmoid", ["n2"], "s2", { alpha: 1 / 6, beta: 0.5 }),
    );
    return { ...graph, nodes };
  });
  const [a, b] = [await onCpu(old!, images(4)), await onCpu(present!, images(4))];
  assert.equal(a.graph.opset, 13);
  assert.deepEqual(a.quantizers, b.quantizers);
});

Deno.test("quantize() takes the mean range of all items up to subsetSize, from any iterable", async () => {
  const graph = graphOf({
    inputs: { x: [1, 1, 1, 2] },
    nodes: [node("Conv", ["x", "w"], "c"), node("Sigmoid", ["c"], "y")],
    constants: { w: tensor("f32", [1, 1, 1, 1], [1]) },
    outputs: ["y"],
  });
  const numbers = [[0, 1], [-1, 2], [0, 100]];
  let given = 0;
  async function* items(): AsyncGenerator<CalibrationItem> {
    for (const data of numbers) {
      given++;
      yield await Promise.resolve({ x: tensor("f32", [1, 1, 1, 2], data) });
    }
  }
  const progress: number[] = [];
  const model = await onCpu(graph, items(), {
    subsetSize: 2,
    preset: "mixed",
    onProgress: (done) => progress.push(done),
  });
  assert.equal(given, 2);
  assert.deepEqual(progress, [1, 2]);
  // The means of 0 and -1, and of 1 and 2.
  const { dtype, axis, scale: [scale], zeroPoint } = parametersOf(model, "x");
  assert.deepEqual([dtype, axis, zeroPoint], ["i8", null, Int32Array.of(-64)]);
  assert(Math.abs(scale! * 255 - 2) < 0.01);
});

Deno.test("quantize() gives a range that holds zero, whatever the numbers", async () => {
  const parametersFor = async (data: number[]) => {
    const graph = graphOf({
      inputs: { x: [1, 1, 1, data.length] },
      nodes: [node("Conv", ["x", "w"], "c"), node("Sigmoid", ["c"], "y")],
      constants: { w: tensor("f32", [1, 1, 1, 1], [1]) },
      outputs: ["y"],
    });
    const items = [{ x: tensor("f32", [1, 1, 1, data.length], data) }];
    return parametersOf(await onCpu(graph, items, { preset: "mixed" }), "x");
  };
  // The width of a range must be a float, too.
  const limits = { min: -(2 ** 126), max: 2 ** 126 };
  const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, ...limits }), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(numbers, async (data) => {
      const { dtype, scale: [scale], zeroPoint: [zero] } = await parametersFor(data);
      const [least, greatest] = rangeOf(dtype);
      assert(scale! > 0 && Number.isFinite(scale) && zero! >= least && zero! <= greatest);
      const [low, high] = [(least - zero!) * scale!, (greatest - zero!) * scale!];
      assert(low <= 0 && high >= 0);
      for (const v of data) assert(v >= low - scale! && v <= high + scale!, `${v} outside of [${low}, ${high}]`);
    }),
    { numRuns: 40 },
  );
  const { scale: [none] } = await parametersFor([0, 0]);
  assert(none! > 0 && none! < 1e-5);
});

Deno.test("quantize() runs where an activation is always zero, and where weights are", async () => {
  for (const [w, b] of [[0, 0], [0, 1], [1, -100]]) {
    const graph = graphOf({
      inputs: { x: [1, 1, 2, 2] },
      nodes: [
        node("Conv", ["x", "w", "b"], "c"),
        node("Relu", ["c"], "r"),
        node("Conv", ["r", "w"], "d"),
        node("Sigmoid", ["d"], "y"),
      ],
      constants: { w: tensor("f32", [2, 1, 1, 1], [w!, w!]), b: f32([b!, b!]) },
      outputs: ["y"],
    });
    const single = {
      ...graph,
      constants: new Map([...graph.constants, ["w", tensor("f32", [1, 1, 1, 1], [w!])], ["b", f32([b!])]]),
    } as Graph;
    const item = { x: random([1, 1, 2, 2], 5) };
    const model = await onCpu(single, [item]);
    assertSame(await run(applyPlan(model, new Set()), item), await run(single, item), { atol: 0.01 });
  }
});

Deno.test("quantize() raises the scale of weights whose bias would not fit 32 bits, and warns", async () => {
  const graph = graphOf({
    inputs: { x: [1, 1, 1, 2] },
    nodes: [node("Conv", ["x", "w", "b"], "c"), node("Sigmoid", ["c"], "y")],
    constants: { w: tensor("f32", [2, 1, 1, 1], [1e-6, 1]), b: f32([1e4, 1]) },
    outputs: ["y"],
  });
  const items = [{ x: tensor("f32", [1, 1, 1, 2], [0, 1]) }];
  const model = await onCpu(graph, items, { advanced: { overflowFix: "disable", disableBiasCorrection: true } });
  const [warning, ...others] = model.warnings.filter((text) => text.includes("32 bits"));
  assert.deepEqual(others, []);
  assert.match(
    warning!,
    /^The scale of weights "w", channel 0, was raised [\d.e+]+ times: a bias would not fit 32 bits$/,
  );
  const scale = parametersOf(model, "w").scale;
  assert(Math.abs(1e4 / (scale[0]! / 255) - 2 ** 29) < 2 ** 10);
  assert.equal(scale[1], Math.fround(1 / 127));
  const integer = planOf(applyPlan(model, new Set()), items[0]!).steps.filter(({ precision }) => precision === "int8");
  assert.deepEqual(integer.map((step) => step.node), ["c"]);
});

Deno.test("quantize() climbs the ladder of recipes, counts every run once, and takes items that occur several times", async () => {
  const [item] = images(1, 1);
  const done: number[] = [];
  const { report, warnings } = await onCpu(network(1), Array.from({ length: 8 }, () => item!), {
    recipe: "auto",
    onProgress: (count) => done.push(count),
  });
  assert.equal(report.rungs[0]!.recipes.length, 0);
  assert(report.rungs.length > 4 && report.rungs.every(({ sqnr }) => sqnr > 0));
  assert.deepEqual(done, done.map((_, i) => i + 1));
  assert.deepEqual(warnings.filter((text) => text.startsWith("Recipes")), []);
});

Deno.test("quantize() aligns channels by one run over the items before that of the ranges", async () => {
  const done: number[] = [];
  const graph = graphOf({
    inputs: { x: [1, 1, 2, 2] },
    nodes: [node("Conv", ["x", "w"], "c"), node("Conv", ["c", "v"], "d"), node("Sigmoid", ["d"], "y")],
    constants: { w: random([2, 1, 1, 1], 1), v: random([1, 2, 1, 1], 2) },
    outputs: ["y"],
  });
  await onCpu(graph, [1, 2, 3].map((seed) => ({ x: random([1, 1, 2, 2], seed) })), {
    advanced: { disableChannelAlignment: false },
    onProgress: (count) => done.push(count),
  });
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6]);
});

Deno.test("quantize() warns where nothing can be quantized", async () => {
  const graph = graphOf({ inputs: { x: [2] }, nodes: [node("Relu", ["x"], "y")], outputs: ["y"] });
  const model = await onCpu(graph, [{ x: f32([1, 2]) }]);
  assert.deepEqual(model.warnings, ["Nothing in this model can be quantized: it has no operator in scope that is"]);
  assert.deepEqual([model.groups, model.quantizers], [[], []]);
});

Deno.test("quantize() leaves the ignored scope in float", async () => {
  const names = async (ignoredScope: QuantizeOptions["ignoredScope"]) =>
    (await onCpu(network(1), images(1, 1), { ignoredScope: ignoredScope! })).groups.flatMap(({ nodes }) => nodes);
  assert.deepEqual(
    (await names({ names: ["c1", "y"], types: "Add" })).filter((name) => ["c1", "y", "a"].includes(name)),
    [],
  );
  assert.deepEqual(await names({ patterns: ".*" }), []);
  await assert.rejects(names({ names: "nothing" }), /The ignored scope matches no operation: name "nothing"/);
});

Deno.test("quantize() refuses what it cannot calibrate with", async () => {
  const graph = network(1);
  const [item] = images(1, 1);
  await assert.rejects(onCpu(graph, []), {
    name: "RangeError",
    message: "The calibration set is empty: at least one item is needed",
  });
  for (const subsetSize of [0, -1, 1.5, NaN]) {
    await assert.rejects(onCpu(graph, [item!], { subsetSize }), {
      name: "RangeError",
      message: `Option "subsetSize" must be a positive whole number: current value is ${JSON.stringify(subsetSize)}`,
    });
  }
  await assert.rejects(onCpu(graph, [item!, {}]), { name: "TypeError", message: 'Input "x" is missing' });
  await assert.rejects(onCpu(graph, [{ x: random([1, 4, 8, 8]) }]), {
    name: "RangeError",
    message: 'Input "x" must have shape [N,3,8,8]: current value is [1,4,8,8]',
  });
  const holes = random([1, 3, 8, 8]);
  holes.data[5] = NaN;
  await assert.rejects(onCpu(graph, [item!, { x: holes }]), /Calibration item 1: "x" holds NaN/);
});

Deno.test("quantize() refuses a model that is quantized already", async () => {
  const model = await onCpu(network(1), images(1, 1));
  await assert.rejects(onCpu(applyPlan(model, new Set()), images(1, 1)), {
    name: "RangeError",
    message:
      /^Cannot quantize the model: it is quantized already, as node ".+" \((De)?[qQ]uantizeLinear\) shows\. Give /,
  });
});

Deno.test("quantize() passes on what reading the file changed", async () => {
  const model = await onCpu({ ...network(1), warnings: ["half"] }, images(1, 1));
  assert.equal(model.warnings[0], "half");
});

Deno.test("quantize() raises an operator set no further than its scales need", async () => {
  for (
    const [opset, perChannel, wanted] of [[9, false, 10], [11, false, 11], [11, true, 13], [17, true, 17]] as const
  ) {
    const nodes = [node("Conv", ["x", "w"], "c"), node("Clip", ["c"], "y", opset < 11 ? { min: 0, max: 6 } : {})];
    const w = random([2, 1, 1, 1], 1);
    const graph = graphOf({ inputs: { x: [1, 1, 2, 2] }, nodes, constants: { w }, outputs: ["y"], opset });
    const model = await onCpu(graph, [{ x: random([1, 1, 2, 2], 1) }], perChannel ? {} : perTensor);
    assert.equal(model.graph.opset, wanted);
    assert.equal(applyPlan(model, new Set()).opset, wanted);
  }
});

Deno.test({
  name: "quantize() finds on the GPU what it finds on the CPU, and such a model runs there alike",
  ignore: noGpu !== null,
  fn: async () => {
    await using backend = await openBackend("webgpu");
    const [a, b] = [await quantize(network(7), images(7), { backend }), await onCpu(network(7), images(7))];
    assert.deepEqual(a.groups, b.groups);
    a.quantizers.forEach(({ id, parameters }, i) => {
      assert.equal(id, b.quantizers[i]!.id);
      const wanted = b.quantizers[i]!.parameters;
      parameters.scale.forEach((scale, c) => assert(Math.abs(scale / wanted.scale[c]! - 1) < 1e-4, id));
    });
    const graph = applyPlan(b, new Set());
    const item = images(7)[0]!;
    const y = (await run(graph, item)).y!;
    const largest = Math.max(...y.data.map(Math.abs));
    assertSame(await run(graph, item, backend), { y }, { atol: 0.02 * largest });
  },
});

Deno.test({
  name: "quantize() finds numbers that are not finite on the GPU too",
  ignore: noGpu !== null,
  fn: async () => {
    await using backend = await openBackend("webgpu");
    const graph = graphOf({
      inputs: { x: [1, 1, 8, 8] },
      nodes: [node("Sqrt", ["x"], "s"), node("Conv", ["s", "w"], "c"), node("Sigmoid", ["c"], "y")],
      constants: { w: tensor("f32", [1, 1, 1, 1], [1]) },
      outputs: ["y"],
    });
    const x = random([1, 1, 8, 8], 1, 0, 1);
    for (const at of [0, 17, 63]) {
      const holed = { ...x, data: x.data.map((v: number, i: number) => i === at ? -1 : v) } as Tensor;
      await assert.rejects(quantize(graph, [{ x: holed }], { backend }), /Calibration item 0: "s" holds NaN/);
    }
  },
});
