import assert from "node:assert/strict";
import fc from "fast-check";
import { calibrate } from "../../src/quant/calibrate.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { f32, graphOf, node } from "../graphs.ts";

/** Ranges of values of `y = a - 1`, where `a = 2 x`. */
function rangesOf(items: readonly Tensor[], values = ["a", "y"], opset = 13, onItem?: (done: number) => void) {
  const graph = graphOf({
    inputs: { x: items[0]!.shape },
    nodes: [node("Mul", ["x", "two"], "a"), node("Sub", ["a", "one"], "y")],
    constants: { one: f32(1), two: f32(2) },
    outputs: ["y"],
    opset,
  });
  return calibrate(graph, values, items.map((x) => ({ x })), cpuBackend(), onItem);
}

Deno.test("calibrate() finds the least and the greatest number over all items", async () => {
  const items = [f32([1, 5, -2]), f32([0, 0, 0]), f32([-1, 7, 3])];
  assert.deepEqual(await rangesOf(items), new Map([["a", { min: -4, max: 14 }], ["y", { min: -5, max: 13 }]]));
});

Deno.test("calibrate() takes tensors of any rank, in operator sets with axes as attribute and as input", async () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(shapes, fc.constantFrom(13, 18), fc.integer(), async (shape, opset, seed) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const numbers = Float32Array.from({ length: size }, (_, i) => Math.sin(seed + i));
      const ranges = await rangesOf([tensor("f32", shape, numbers)], ["x", "a"], opset);
      assert.deepEqual(ranges.get("x"), { min: Math.min(...numbers), max: Math.max(...numbers) });
      assert.deepEqual(ranges.get("a"), { min: 2 * Math.min(...numbers), max: 2 * Math.max(...numbers) });
    }),
    { numRuns: 30 },
  );
});

Deno.test("calibrate() keeps apart what it adds and what is called alike", async () => {
  const graph = graphOf({
    inputs: { a: [3] },
    nodes: [
      node("Clip", ["a", "y_min", "y_max"], "y"),
      node("Relu", ["y"], "y_ReduceMin"),
      node("Abs", ["y_ReduceMin"], "y_axes"),
    ],
    constants: { y_min: f32(-10), y_max: f32(10) },
    outputs: ["y_axes"],
    opset: 18,
  });
  const items = [{ a: f32([-1, 2, 3]) }];
  assert.deepEqual(
    await calibrate(graph, ["y", "y_axes"], items, cpuBackend()),
    new Map([["y", { min: -1, max: 3 }], ["y_axes", { min: 0, max: 3 }]]),
  );
});

Deno.test("calibrate() says after each item how many are done", async () => {
  const done: number[] = [];
  await rangesOf([f32([1]), f32([2]), f32([3])], ["a"], 13, (n) => done.push(n));
  assert.deepEqual(done, [1, 2, 3]);
});

Deno.test("calibrate() names the item and the value that is not finite", async () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    for (const values of [["x"], ["a"]]) {
      await assert.rejects(rangesOf([f32([1, 2]), f32([1, bad])], values), {
        name: "RangeError",
        message: `Calibration item 1: "x" holds ${bad}, where every number must be finite`,
      });
    }
  }
  const overflow = 3e38;
  await assert.rejects(rangesOf([f32([1]), f32([overflow])]), {
    message: 'Calibration item 1: "a" holds Infinity, where every number must be finite',
  });
});

Deno.test("calibrate() of nothing still checks the inputs", async () => {
  assert.deepEqual(await rangesOf([f32([1])], []), new Map());
  await assert.rejects(rangesOf([f32([NaN])], []), RangeError);
});
