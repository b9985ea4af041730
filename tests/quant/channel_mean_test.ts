import assert from "node:assert/strict";
import { Rewriter } from "../../src/graph/rewriter.ts";
import { channelMean } from "../../src/quant/channel_mean.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node } from "../graphs.ts";

for (const opset of [13, 18]) {
  Deno.test(`channelMean() keeps the channels alone, in opset ${opset}`, () => {
    const graph = graphOf({ inputs: { x: [2, 2, 3] }, nodes: [node("Neg", ["x"], "y")], outputs: ["y"], opset });
    const x = tensor("f32", [2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const { types } = specialize(graph, { x });
    const rewriter = new Rewriter(graph);
    const names = [1, -1].map((axis) => channelMean(rewriter, opset, "y", types, axis));
    const outputs = names.map((name) => ({ name, dtype: "f32" as const, shape: null }));
    const results = interpret(rewriter.finish({ outputs }), { x });
    assertSame({ a: results[names[0]!]!, b: results[names[1]!]! }, { a: f32([-5, -8]), b: f32([-5.5, -6.5, -7.5]) });
  });
}

Deno.test("channelMean() of a vector is the vector", () => {
  const graph = graphOf({ inputs: { x: [3] }, nodes: [node("Neg", ["x"], "y")], outputs: ["y"] });
  const { types } = specialize(graph, { x: f32([1, 2, 3]) });
  assert.equal(channelMean(new Rewriter(graph), 13, "y", types, -1), "y");
});
