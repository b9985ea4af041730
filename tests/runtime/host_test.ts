import assert from "node:assert/strict";
import { hasKernel } from "../../src/runtime/kernels.ts";
import { openModel, planOf } from "../../src/runtime/model.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { operatorOf } from "../../src/runtime/specialize.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node, run } from "../graphs.ts";
import { noGpu, random } from "../ops/harness.ts";
import { checkLives, scheduleOf } from "./schedules.ts";
import { lines } from "./steps.ts";

/** Convolutions on the device, with one whose weights are computed, hence on the host, in the middle. */
const between = graphOf({
  inputs: { x: [1, 4, 4, 4], k: [4, 4, 1, 1] },
  nodes: [
    node("Conv", ["x", "w"], "a"),
    node("Conv", ["a", "k"], "b"),
    node("Conv", ["b", "w"], "c"),
    node("Add", ["c", "a"], "y"),
  ],
  constants: { w: random([4, 4, 1, 1], 2) },
  outputs: ["y", "b"],
});
const inputs = { x: random([1, 4, 4, 4], 1), k: random([4, 4, 1, 1], 3) };

Deno.test("plan() shows what the host computes", () => {
  assert.deepEqual(lines(planOf(between, inputs)).map((line) => line.split(":")[0]), [
    "a float",
    "b cpu",
    "c float",
  ]);
});

Deno.test("schedule() ends a segment where the host needs a result", () => {
  const own = scheduleOf(between, inputs);
  checkLives(own);
  const names = own.segments.map(({ steps, writes, reads }) => [
    steps.map(({ node }) => node),
    writes.map(({ name }) => name),
    reads.map(({ name }) => name),
  ]);
  assert.deepEqual(names, [[[], ["x"], ["a"]], [["b"], ["b"], ["y"]]]);
});

Deno.test("run() goes on with what the host computes", { ignore: noGpu !== null }, async () => {
  assertSame(await run(between, inputs), interpret(between, inputs), { rtol: 1e-5, atol: 1e-5 });
});

Deno.test("run() leaves the device out where the host computes everything", { ignore: noGpu !== null }, async () => {
  const graph = graphOf({
    inputs: { x: [3] },
    nodes: [node("Cast", ["x"], "a", { to: 7 }), node("Add", ["a", "a"], "y")],
    outputs: ["y"],
  });
  const own = scheduleOf(graph, { x: f32([1, 2, 3]) });
  assert.deepEqual([own.launches.length, own.segments.length, own.segments[0]!.writes.length], [0, 1, 0]);
  await using backend = await openBackend("webgpu");
  await using model = openModel(graph, backend);
  const { y } = await model.run({ x: f32([2 ** 40, -1.5, 3]) });
  assert.deepEqual(y, tensor("i64", [3], [2 ** 41, -2, 6]));
});

Deno.test("hasKernel() is false for what is empty, for whole numbers, and for types without a kernel", () => {
  const relu = operatorOf(node("Softmax", ["x"], "y"), 13);
  const gather = operatorOf(node("Gather", ["x", "i"], "y"), 13);
  const real = { dtype: "f32", shape: [2, 2] } as const;
  const index = { dtype: "i64", shape: [2] } as const;
  assert.equal(hasKernel(relu, [real], [real]), true);
  assert.equal(hasKernel(relu, [{ ...real, shape: [0, 2] }], [{ ...real, shape: [0, 2] }]), false);
  const resize = operatorOf(node("Resize", ["x", "roi", "scales"], "y"), 11);
  const empty = tensor("f32", [0], []);
  const image = { dtype: "f32", shape: [1, 4, 2, 2] } as const;
  const scales = tensor("f32", [4], [1, 1, 2, 2]);
  assert.equal(hasKernel(resize, [image, empty, scales], [{ ...image, shape: [1, 4, 4, 4] }]), true, "roi is left out");
  assert.equal(hasKernel(gather, [real, index], [real]), true);
  assert.equal(hasKernel(gather, [index, index], [index]), false);
});
