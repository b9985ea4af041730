/** QDQ files made by onnxruntime and NNCF run in integer kernels and give the outputs that onnxruntime gave. */
import assert from "node:assert/strict";
import { extractQuantizers } from "../../src/graph/extract.ts";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { openModel, planOf } from "../../src/runtime/model.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { readModel } from "../../src/runtime/read_model.ts";
import { simplify } from "../../src/runtime/simplify.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { sharedData } from "../data.ts";

interface Manifest {
  readonly inputs: Readonly<Record<string, Input>>;
  readonly models: readonly { readonly file: string; readonly input: string }[];
}

interface Input {
  readonly file: string;
  readonly input: string;
  readonly item_shape: readonly number[];
  readonly dtype: "float32" | "uint8";
}

/**
 * onnxruntime itself gives two answers for each file: integers taken as written (DISABLE_ALL) and fused to integer kernels
 * (default). Ours must lie as close to the first as the second does, with half as much again for the roundings in which
 * the two kinds of kernels differ, and this share of the outputs' norm where the two agree.
 */
const LEAST_TOLERANCE = 0.015;
const SLACK = 1.5;

const FROM_BYTES: Readonly<Record<string, (v: number) => number>> = {
  "mobilenet_v1_0.25": (v) => Math.fround(Math.fround(v / 127.5) - 1),
  fastestdet: (v) => Math.fround(v / 255),
};

const folder = sharedData("qdq/manifest.json");
const manifest: Manifest = folder ? JSON.parse(Deno.readTextFileSync(folder)) : { inputs: {}, models: [] };
const backends = new Map<string, Backend>();
Deno.test.afterAll(async () => {
  for (const backend of backends.values()) await backend[Symbol.asyncDispose]();
});

async function backendOf(name: "cpu" | "webgpu"): Promise<Backend> {
  if (!backends.has(name)) backends.set(name, await openBackend(name));
  return backends.get(name)!;
}

function floats(file: string): Float32Array {
  return new Float32Array(Deno.readFileSync(new URL(file, folder!)).buffer);
}

function itemsOf(key: string): Tensor[] {
  const { file, item_shape, dtype } = manifest.inputs[key]!;
  const bytes = Deno.readFileSync(new URL(file, folder!));
  const all = dtype === "uint8" ? Float32Array.from(bytes, FROM_BYTES[key]!) : new Float32Array(bytes.buffer);
  const size = item_shape.reduce((a, b) => a * b, 1);
  return Array.from(
    { length: all.length / size },
    (_, i) => tensor("f32", item_shape, all.slice(i * size, (i + 1) * size)),
  );
}

function norm(a: ArrayLike<number>, b?: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - (b?.[i] ?? 0)) ** 2;
  return Math.sqrt(sum);
}

const gpu = Deno.env.get("ACQUA_BACKEND") !== "cpu" && await navigator.gpu?.requestAdapter() !== null;

if (!folder) Deno.test({ name: "QDQ files of other tools (no ../shared/data)", ignore: true, fn: () => {} });

for (const { file, input } of manifest.models) {
  // The reference takes minutes for the whole of the large ones, and the GPU is held to it operator by operator.
  const name = gpu ? "webgpu" : "cpu";
  const ignore = !gpu && /mobilenet|fastestdet|kwt1/.test(file);
  Deno.test({
    name: `${file} runs in integers and agrees with onnxruntime (${name}${ignore ? ", too slow" : ""})`,
    ignore,
    fn: async () => {
      const graph = readModel(Deno.readFileSync(new URL(file, folder!)), { file });
      const wanted = floats(file.replace(".onnx", ".disable_all.bin"));
      const fused = floats(file.replace(".onnx", ".default.bin"));
      const items = itemsOf(input);
      const { input: inputName } = manifest.inputs[input]!;
      await using model = openModel(graph, await backendOf(name));
      const got: number[] = [];
      for (const item of items) {
        const [output] = Object.values(await model.run({ [inputName]: item }));
        for (const value of output!.data) got.push(value);
      }
      const tolerance = Math.max(LEAST_TOLERANCE, SLACK * norm(fused, wanted) / norm(wanted));
      const difference = norm(got, wanted) / norm(wanted);
      assert.ok(difference <= tolerance, `relative difference ${difference}, tolerance ${tolerance}`);

      const { steps } = planOf(simplify(graph), { [inputName]: items[0]! });
      const convolutions = new Set(graph.nodes.filter(({ op }) => op === "Conv").map((node) => node.name));
      const float = steps.filter(({ node, precision }) => convolutions.has(node) && precision !== "int8");
      assert.deepEqual(float.map(({ node }) => node), []);
    },
  });

  Deno.test(`${file} is taken apart into graph, quantizers and plan, and put together again`, async () => {
    const graph = simplify(readModel(Deno.readFileSync(new URL(file, folder!)), { file }));
    const { model, plan } = extractQuantizers(graph);
    assert.ok(model.groups.length > 0);
    assert.equal(plan.size, 0);
    const convolutions = model.graph.nodes.filter(({ op }) => op === "Conv").map((node) => node.name);
    const grouped = new Set(model.groups.flatMap((group) => group.nodes));
    assert.deepEqual(convolutions.filter((node) => !grouped.has(node)), []);
    if (!gpu) return;
    const { input: inputName } = manifest.inputs[input]!;
    const item = itemsOf(input)[0]!;
    const results: Tensor[] = [];
    for (const own of [graph, applyPlan(model, plan)]) {
      await using opened = openModel(own, await backendOf("webgpu"));
      results.push(Object.values(await opened.run({ [inputName]: item }))[0]!);
    }
    const [before, after] = results as [Tensor, Tensor];
    // Integers are the same; float operators between them may round in another order.
    assert.ok(norm(before.data, after.data) <= 1e-5 * norm(before.data), `${norm(before.data, after.data)}`);
  });
}
