/** What the tests of schedules share. */
import assert from "node:assert/strict";
import type { Graph } from "../../src/graph/graph.ts";
import { bytesOf } from "../../src/gpu/layout.ts";
import { planOf } from "../../src/runtime/model.ts";
import { type Schedule, schedule, type ScheduledLaunch } from "../../src/runtime/schedule.ts";
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

/** What the host writes before the first launch. */
export const written = (own: Schedule) => own.segments[0]!.writes;
/** What the host reads after the last. */
export const results = (own: Schedule) => own.segments.at(-1)!.reads;

/** What each region holds in the course of a run: a launch must find what its inputs were written with. */
export function checkLives({ launches, segments, regions }: Schedule): void {
  const written = new Map<number, string>();
  let start = 0;
  for (const { writes, end, reads } of segments) {
    assert.equal(new Set(writes.map(({ region }) => region)).size, writes.length, "values of the host share a region");
    for (const { region, name } of writes) written.set(region, name);
    launches.slice(start, start = end).forEach((own) => checkLaunch(own, written));
    for (const { region, type, layout } of reads) {
      assert(written.has(region));
      assert(regions[region]!.bytes >= bytesOf(type, layout));
    }
  }
  assert.equal(start, launches.length);
}

function checkLaunch({ launch, inputs, outputs }: ScheduledLaunch, written: Map<number, string>): void {
  assert.deepEqual(outputs.filter((region) => inputs.includes(region)), [], `${launch.shader} writes what it reads`);
  assert.equal(new Set(outputs).size, outputs.length);
  for (const region of inputs) if (region !== null) assert(written.has(region), `${launch.shader} reads nothing`);
  for (const region of outputs) written.set(region, launch.shader);
  for (const binding of launch.bindings) {
    if ("input" in binding) assert.notEqual(inputs[binding.input], null, `${launch.shader} binds a constant`);
    if ("output" in binding) assert(outputs[binding.output] !== undefined);
  }
}
