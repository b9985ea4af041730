import assert from "node:assert/strict";
import { bytesOf } from "../../src/gpu/layout.ts";
import { planOf } from "../../src/runtime/model.ts";
import { f32, graphOf, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";
import { network } from "../quant/network.ts";
import { chain, checkLives, image, same, scheduleOf, w, x } from "./schedules.ts";

Deno.test("schedule() gives values whose lives do not meet the same region", () => {
  const own = scheduleOf(chain, { x });
  checkLives(own);
  const size = bytesOf({ dtype: "f32", shape: [1, 4, 8, 8] }, "nhwc");
  assert.deepEqual(own.regions.map(({ bytes }) => bytes), new Array(own.regions.length).fill(size));
  assert(own.regions.length <= 4, `${own.regions.length} regions`);
});

Deno.test("schedule() tells the most bytes that values take at once", () => {
  const nodes = [node("Softmax", ["x"], "a"), node("Softmax", ["a"], "b"), node("Add", ["a", "b"], "y")];
  const graph = graphOf({ inputs: { x: [4, 4] }, nodes, outputs: ["y"] });
  assert.equal(scheduleOf(graph, { x: random([4, 4]) }).liveBytes, 3 * 64);
  assert.equal(scheduleOf({ ...graph, nodes: nodes.slice(0, 2), outputs: [] }, { x: random([4, 4]) }).liveBytes, 0);
});

/** Values that grow and shrink, as in a net that ends at the resolution it began with, with connections across. */
const hourglass = graphOf({
  inputs: { x: [1, 4, 16, 16] },
  nodes: [
    node("Conv", ["x", "w1"], "a", same),
    node("MaxPool", ["a"], "b", { kernel_shape: [2, 2], strides: [2, 2] }),
    node("Conv", ["b", "w2"], "c", same),
    node("MaxPool", ["c"], "d", { kernel_shape: [2, 2], strides: [2, 2] }),
    node("Conv", ["d", "w3"], "e", same),
    node("Resize", ["e", "", "scales"], "f"),
    node("Add", ["f", "c"], "g"),
    node("Conv", ["g", "w4"], "h", same),
    node("Resize", ["h", "", "scales"], "i"),
    node("Concat", ["i", "a"], "j", { axis: 1 }),
    node("Softmax", ["j"], "y"),
  ],
  constants: { w1: w, w2: w, w3: w, w4: w, scales: f32([1, 1, 2, 2]) },
  outputs: ["y"],
});

/** Every value is joined with all before it. */
const growing = graphOf({
  inputs: image,
  nodes: [
    node("Conv", ["x", "w"], "a", same),
    node("Concat", ["x", "a"], "b", { axis: 1 }),
    node("Softmax", ["b"], "c"),
    node("Concat", ["b", "c"], "d", { axis: 1 }),
    node("Softmax", ["d"], "e"),
    node("Concat", ["d", "e"], "f", { axis: 1 }),
    node("GlobalAveragePool", ["f"], "y"),
  ],
  constants: { w },
  outputs: ["y"],
});

for (
  const [name, graph, inputs] of [
    ["a chain", chain, { x }],
    ["an hourglass", hourglass, { x: random([1, 4, 16, 16]) }],
    ["growing values", growing, { x }],
    ["a residual network", network(1), { x: random([2, 3, 8, 8]) }],
  ] as const
) {
  Deno.test(`schedule() takes at most 1.3 times the memory of weights and what lives at once: ${name}`, () => {
    const own = scheduleOf(graph, inputs);
    checkLives(own);
    const activations = own.regions.reduce((sum, { bytes }) => sum + bytes, 0);
    const weights = [...planOf(graph, inputs).constants.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    assert(activations >= own.liveBytes);
    const [taken, least] = [weights + activations, weights + own.liveBytes];
    assert(taken <= 1.3 * least, `${taken} bytes where ${least} are the least`);
  });
}
