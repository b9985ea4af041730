/** What the tests of schedules share. */
import assert from "node:assert/strict";
import type { Graph } from "../../src/graph/graph.ts";
import { bytesOf } from "../../src/gpu/layout.ts";
import { planOf } from "../../src/runtime/model.ts";
import { type Schedule, schedule } from "../../src/runtime/schedule.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { graphOf, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";

export const target = { lanes: 8 } as const;
/** The schedule of a graph. */
export const scheduleOf = (graph: Graph, inputs: Record<string, Tensor>): Schedule =>
  schedule(planOf(graph, inputs), target);

/** An image, its shape, and a convolution that keeps it. */
export const x = random([1, 4, 8, 8], 1);
export const image = { x: [1, 4, 8, 8] };
export const w = random([4, 4, 3, 3], 2);
export const same = { pads: [1, 1, 1, 1] };

/** A chain of convolutions, with an addition over the whole. */
export const chain = graphOf({
  inputs: image,
  nodes: [
    node("Conv", ["x", "w"], "c1", same),
    node("Conv", ["c1", "w"], "c2", same),
    node("Conv", ["c2", "w"], "c3", same),
    node("Conv", ["c3", "w"], "c4", same),
    node("Conv", ["c4", "w"], "c5", same),
    node("Add", ["c5", "c1"], "s"),
    node("Softmax", ["s"], "y"),
  ],
  constants: { w },
  outputs: ["y"],
});

/** What each region holds in the course of a run: a launch must find what its inputs were written with. */
export function checkLives({ launches, inputs, outputs, regions }: Schedule): void {
  const written = new Map<number, string>(inputs.map(({ region, name }) => [region, name]));
  assert.equal(written.size, inputs.length, "inputs share a region");
  for (const { launch, inputs, outputs } of launches) {
    assert.deepEqual(outputs.filter((region) => inputs.includes(region)), [], `${launch.shader} writes what it reads`);
    assert.equal(new Set(outputs).size, outputs.length);
    for (const region of inputs) if (region !== null) assert(written.has(region), `${launch.shader} reads nothing`);
    for (const region of outputs) written.set(region, launch.shader);
    for (const binding of launch.bindings) {
      if ("input" in binding) assert.notEqual(inputs[binding.input], null, `${launch.shader} binds a constant`);
      if ("output" in binding) assert(outputs[binding.output] !== undefined);
    }
  }
  for (const { region, type, layout } of outputs) {
    assert(written.has(region));
    assert(regions[region]!.bytes >= bytesOf(type, layout));
  }
}
