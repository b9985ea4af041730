import assert from "node:assert/strict";
import { readModel } from "../../mod.ts";
import { run } from "../graphs.ts";
import { toTensor } from "./images.ts";
import { openWeb } from "./onnxruntime.ts";
import { OPERATORS, subjectOf } from "./operators.ts";
import { largestDifference } from "./statistics.ts";
import { openTensorFlow, permute } from "./tensorflow.ts";
import type { Convolution, Product } from "./workload.ts";

const noGpu = !(await navigator.gpu?.requestAdapter());
const image: Convolution = {
  op: "convolution",
  batch: 2,
  size: 5,
  inputs: 4,
  outputs: 6,
  kernel: 3,
  depthwise: false,
};
const SMALL: Record<string, Product | Convolution> = {
  "product": { op: "product", rows: 5, inner: 8, columns: 12, bias: false },
  "product with a bias": { op: "product", rows: 1, inner: 9, columns: 7, bias: true },
  "3x3 convolution": image,
  "1x1 convolution": { ...image, kernel: 1 },
  "depthwise convolution": { ...image, outputs: 4, depthwise: true },
};

for (const [name, operator] of Object.entries(SMALL)) {
  const subject = subjectOf(operator);
  const graph = readModel(subject.bytes);
  const own = async () => Object.values(await run(graph, { [subject.input]: subject.x }))[0]!.data;

  Deno.test(`subjectOf() of a ${name} is one node, which gives the same in onnxruntime`, async () => {
    assert.equal(graph.nodes.length, 1);
    await using web = await openWeb("wasm", subject.bytes, subject.x);
    assert(largestDifference(await web.run(), await own()) < 1e-5);
  });

  Deno.test({
    name: `openTensorFlow() of a ${name} gives the same`,
    ignore: noGpu,
    fn: async () => {
      await using tf = await openTensorFlow(subject.operator!, subject.x);
      const theirs = await tf.run();
      assert(largestDifference(tf.restore?.(theirs) ?? theirs, await own()) < 1e-5);
    },
  });
}

Deno.test("names of operators are unique", () => {
  assert.equal(new Set(OPERATORS.map(({ name }) => name)).size, OPERATORS.length);
});

Deno.test("permute() turns channels last and back", () => {
  const nchw = Float32Array.from({ length: 24 }, (_, i) => i);
  const nhwc = permute(nchw, [1, 2, 3, 4], [0, 2, 3, 1]);
  assert.deepEqual([...nhwc.slice(0, 4)], [0, 12, 1, 13]);
  assert.deepEqual(permute(nhwc, [1, 3, 4, 2], [0, 3, 1, 2]), nchw);
});

Deno.test("toTensor() takes the middle of a picture, in the order asked for", () => {
  const rgba = Array.from({ length: 3 * 3 * 4 }, (_, i) => i);
  const pixel = { size: 1, order: "CHW", mean: 10, scale: 2 } as const;
  assert.deepEqual([...toTensor(rgba, 3, 3, pixel).data], [12, 14, 16]);
  assert.deepEqual([...toTensor(rgba, 3, 3, { ...pixel, bgr: true }).data], [16, 14, 12]);
  const all = { size: 2, order: "HWC", mean: 0, scale: 1 } as const;
  assert.deepEqual([...toTensor(rgba, 2, 2, all).data], [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14]);
});
