/** The files of every target open in onnxruntime and give what acqua computes; read back they are what was written. */
import assert from "node:assert/strict";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import { exportGraph } from "../../src/graph/export.ts";
import { extractQuantizers } from "../../src/graph/extract.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { QuantizedGraph } from "../../src/graph/quantizers.ts";
import { EXPORT_TARGETS, forTarget } from "../../src/graph/targets.ts";
import { readOnnx } from "../../src/onnx/read.ts";
import { writeOnnx } from "../../src/onnx/write.ts";
import { compressWeights } from "../../src/quant/compress_weights.ts";
import { quantize } from "../../src/quant/quantize.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { type JudgeName, openJudge } from "../acceptance/judges.ts";
import { graphOf, node, run } from "../graphs.ts";
import { random } from "../ops/harness.ts";
import { images, network } from "../quant/network.ts";

/**
 * The judges, and how many quantization steps they may be away. As written, float biases are not rounded and products are
 * summed in floats: a rounding in one layer may fall on the other side there, and the next layer adds to it.
 */
const JUDGES: readonly (readonly [name: JudgeName, steps: number])[] = [["wasm", 1], ["as written", 3]];

/** The network at an operator set, without what that has not: HardSwish is of 14. */
function networkAt(seed: number, opset: number): Graph {
  const graph = network(seed, opset);
  return { ...graph, nodes: graph.nodes.map((n) => n.op === "HardSwish" ? node("Sigmoid", ["n2"], "h2") : n) };
}

/** A step of a quantizer that holds all the values. */
function stepOf(outputs: readonly Tensor[]): number {
  const all = outputs.flatMap(({ data }) => [...data]);
  return (Math.max(0, ...all) - Math.min(0, ...all)) / 255;
}

/** Compares acqua's outputs of a file with a judge's: the share of elements within some steps. */
async function shareWithin(
  bytes: Uint8Array,
  judge: JudgeName,
  steps: number,
  items: readonly Record<string, Tensor>[],
) {
  const file = readOnnx(bytes);
  const ours: Tensor[] = [];
  for (const item of items) ours.push((await run(file, item)).y!);
  await using session = await openJudge(judge, bytes);
  const step = stepOf(ours);
  let [near, count] = [0, 0];
  for (const [i, item] of items.entries()) {
    const theirs = await session.run(item);
    assert.equal(theirs.length, ours[i]!.data.length);
    ours[i]!.data.forEach((v: number, k: number) => {
      near += Number(Math.abs(v - theirs[k]!) <= steps * step);
      count++;
    });
  }
  return near / count;
}

/** The parameters that each input of each node is read through. */
function readThrough({ quantizers }: QuantizedGraph): Record<string, unknown> {
  return Object.fromEntries(
    quantizers.flatMap(({ parameters, sites }) =>
      sites.flatMap((site) => site.readers.map(({ node, input }) => [`${node} ${input}`, parameters] as const))
    ),
  );
}

for (const target of EXPORT_TARGETS) {
  Deno.test(`exportGraph() for ${target} gives files that onnxruntime computes as acqua does`, async () => {
    for (const [seed, opset, perChannel] of [[1, 11, false], [2, 13, true], [4, 17, false]] as const) {
      const items = images(seed, 4);
      const advanced = { weightsQuantizationParams: { perChannel } };
      const options = { advanced, backend: cpuBackend() };
      const model = await quantize(networkAt(seed, opset), items.slice(0, 3), options);
      const [first] = model.groups;
      for (const plan of [new Set<string>(), new Set([first!.id])]) {
        const written = exportGraph(model, plan, { target });
        assert.equal(written.opset, perChannel ? Math.max(13, opset) : opset);
        const bytes = writeOnnx(written);
        for (const [judge, steps] of JUDGES) {
          const share = await shareWithin(bytes, judge, steps, items);
          assert(share >= 0.99, `seed ${seed}, ${plan.size} groups in float, ${judge}: ${share}`);
        }
      }
    }
  });

  Deno.test(`extractQuantizers() reads files for ${target} back as they were written`, async () => {
    for (const seed of [1, 2, 3]) {
      const items = images(seed);
      const model = forTarget(await quantize(networkAt(seed, 13), items, { backend: cpuBackend() }), target);
      for (const kept of [[], [model.groups[1]!.id]]) {
        const float = new Set(kept);
        const file = readOnnx(writeOnnx(exportGraph(model, float, { target })));
        const { model: found, plan } = extractQuantizers(file);
        assert.equal(plan.size, 0);
        const active = model.quantizers.filter(({ groups }) => groups.some((id) => !float.has(id)));
        const [wanted, got] = [readThrough({ ...model, quantizers: active }), readThrough(found)];
        for (const [reader, parameters] of Object.entries(got)) {
          // A float node behind quantized data reads it through a guard, and pieces of the form read nothing of the model.
          if (wanted[reader]) assert.deepEqual(parameters, wanted[reader], reader);
        }
        if (float.size === 0) assert.deepEqual(Object.keys(wanted).filter((reader) => !got[reader]), []);
        const [a, b] = [await run(file, items[0]!), await run(applyPlan(found, plan), items[0]!)];
        assert.deepEqual(b.y, a.y);
        const again = exportGraph(found, plan, { target });
        assert.deepEqual(
          again.nodes.map(({ op }) => op).sort(),
          file.nodes.map(({ op }) => op).sort(),
          "what is written of what was read has the same nodes",
        );
      }
    }
  });
}

Deno.test("exportGraph() keeps no float copy of a quantized weight", async () => {
  const model = await quantize(networkAt(1, 13), images(1), { backend: cpuBackend() });
  const weights = new Set(model.quantizers.filter(({ kind }) => kind === "weight").map(({ id }) => id));
  assert.equal(weights.size, 5);
  for (const target of EXPORT_TARGETS) {
    const { constants } = readOnnx(writeOnnx(exportGraph(model, new Set(), { target })));
    const stored = [...constants].filter(([name]) => [...weights].some((id) => name.startsWith(id)));
    const large = stored.filter(([, { data, dtype }]) => dtype === "f32" && data.length > 8).map(([name]) => name);
    assert.deepEqual(large, []);
    assert.equal(stored.filter(([name, { dtype }]) => dtype === "i8" && name.endsWith("_quantized")).length, 5);
  }
});

Deno.test("compressWeights() gives files that onnxruntime computes as acqua does, in a quarter of the size", async () => {
  const graph = graphOf({
    inputs: { x: [1, 3, 16, 16] },
    nodes: [
      node("Conv", ["x", "w1", "b1"], "c1", { pads: [1, 1, 1, 1] }),
      node("Relu", ["c1"], "r1"),
      node("Conv", ["r1", "w2"], "c2", { strides: [2, 2] }),
      node("GlobalAveragePool", ["c2"], "p"),
      node("Flatten", ["p"], "f"),
      node("MatMul", ["f", "w3"], "y"),
    ],
    constants: {
      w1: random([64, 3, 3, 3], 1),
      b1: random([64], 2),
      w2: random([96, 64, 3, 3], 3, -0.1, 0.1),
      w3: random([96, 200], 4),
    },
    outputs: ["y"],
  });
  const bytes = writeOnnx(exportGraph(compressWeights(graph), new Set()));
  const ratio = bytes.length / writeOnnx(graph).length;
  assert(ratio < 0.28, `${ratio}`);
  for (const [judge] of JUDGES) {
    await using session = await openJudge(judge, bytes);
    const x = random([1, 3, 16, 16], 9);
    const [ours, theirs] = [(await run(readOnnx(bytes), { x })).y!.data, await session.run({ x })];
    ours.forEach((v: number, i: number) => assert(Math.abs(v - theirs[i]!) <= 1e-4 * (1 + Math.abs(v))));
  }
});
