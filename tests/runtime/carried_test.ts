/** State that stays on the device from run to run. */
import assert from "node:assert/strict";
import { histogram } from "../../src/ops/histogram.ts";
import { moments } from "../../src/ops/moments.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import type { ExecutionPlan } from "../../src/runtime/plan.ts";
import { planOf } from "../../src/runtime/model.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { type KnownType, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { graphOf, node } from "../graphs.ts";
import { noGpu, random } from "../ops/harness.ts";

/** Counts of `y = relu(2 x)`, carried, beside the moments of each run. */
function counting(x: Tensor): ExecutionPlan {
  const graph = graphOf({
    inputs: { x: x.shape },
    nodes: [node("Mul", ["x", "two"], "d"), node("Relu", ["d"], "y")],
    constants: { two: tensor("f32", [], [2]) },
    outputs: ["y"],
  });
  const plan = planOf(graph, { x });
  const [counts] = histogram().infer([x, { dtype: "i32", shape: [3072] }]);
  const [own] = moments([]).infer([x]);
  const step = { node: "y", operator: "", precision: "float" } as const;
  return {
    ...plan,
    inputs: [...plan.inputs, { name: "before", dtype: "i32", shape: [3072] }],
    outputs: ["after", "moments"].map((name) => ({ name, dtype: "f32", shape: null })),
    steps: [
      ...plan.steps,
      { ...step, op: histogram(), inputs: ["y", "before"], outputs: ["after"] },
      { ...step, op: moments([]), inputs: ["y"], outputs: ["moments"] },
    ],
    types: new Map<string, KnownType>([...plan.types, ["before", counts!], ["after", counts!], ["moments", own!]]),
    carried: new Map([["before", "after"]]),
  };
}

async function carries(backend: Backend): Promise<void> {
  const items = [1, 2, 3].map((seed) => random([2, 5, 9, 9], seed));
  using executable = await backend.prepare(counting(items[0]!));
  const total = async (): Promise<number> => {
    const state = await executable.takeCarried!();
    assert.deepEqual([...state.keys()], ["after"]);
    return Array.from(state.get("after")!.data).reduce((a, b) => a + b, 0);
  };
  assert.equal(await total(), 0);
  for (const x of items) {
    const results = await executable.run(new Map([["x", x]]));
    assert.deepEqual([...results.keys()], ["moments"]);
  }
  assert.equal(await total(), 3 * 810);
  assert.equal(await total(), 0);
  await executable.run(new Map([["x", items[0]!]]));
  assert.equal(await total(), 810);
}

Deno.test("Executable.takeCarried() gives the state of all runs since it was last taken (cpu)", async () => {
  await using backend = await openBackend("cpu");
  await carries(backend);
});

Deno.test({
  name: "Executable.takeCarried() gives the state of all runs since it was last taken (webgpu)",
  ignore: noGpu !== null,
  fn: async () => {
    await using backend = await openBackend("webgpu");
    await carries(backend);
  },
});
