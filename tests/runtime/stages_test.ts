import assert from "node:assert/strict";
import { openModel, planOf } from "../../src/runtime/model.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { f32, graphOf, node } from "../graphs.ts";

const BACKENDS = ["cpu", "webgpu"] as const;
const hasGpu = Deno.env.get("ACQUA_BACKEND") !== "cpu" && await navigator.gpu?.requestAdapter();

/** x doubled and reshaped as an input says. */
const reshaped = {
  ...graphOf({
    inputs: { x: [2, 3] },
    nodes: [node("Add", ["x", "x"], "d"), node("Reshape", ["d", "shape"], "y"), node("Softmax", ["y"], "z")],
    outputs: ["y", "z"],
  }),
  inputs: [
    { name: "x", dtype: "f32" as const, shape: [2, 3] },
    { name: "shape", dtype: "i64" as const, shape: [2] },
  ],
};

for (const name of BACKENDS) {
  Deno.test(
    `run() computes first what shapes depend on (${name})`,
    { ignore: name === "webgpu" && !hasGpu },
    async () => {
      await using backend = await openBackend(name);
      await using model = openModel(reshaped, backend);
      const x = tensor("f32", [2, 3], [0, 1, 2, 3, 4, 5]);
      for (const shape of [[3, 2], [1, 6], [3, 2]]) {
        const { y, z } = await model.run({ x, shape: i64(shape) });
        assert.deepEqual(y, tensor("f32", shape, [0, 2, 4, 6, 8, 10]));
        assert.deepEqual(z!.shape, shape);
      }
    },
  );

  Deno.test(`run() takes the branch of an If that the data choose (${name})`, {
    ignore: name === "webgpu" && !hasGpu,
  }, async () => {
    const branch = (op: string) => ({
      ...graphOf({ inputs: { x: [2] }, nodes: [node(op, ["x"], "r")], outputs: ["r"] }),
    });
    const graph = graphOf({
      inputs: { x: [2] },
      nodes: [
        node("ReduceSum", ["x"], "s", { keepdims: 0 }),
        node("Cast", ["s"], "c", { to: 9 }),
        {
          ...node("If", ["c", "x"], "y"),
          attributes: new Map([["then_branch", branch("Neg")], ["else_branch", branch("Exp")]]),
        },
      ],
      outputs: ["y"],
    });
    await using backend = await openBackend(name);
    await using model = openModel(graph, backend);
    assert.deepEqual((await model.run({ x: f32([1, 2]) }))["y"], f32([-1, -2]));
    assert.deepEqual((await model.run({ x: f32([0, 0]) }))["y"], f32([1, 1]));
  });
}

Deno.test("planOf() names the node and what it needs to know", () => {
  assert.throws(
    () => planOf(reshaped, { x: tensor("f32", [2, 3], [0, 1, 2, 3, 4, 5]), shape: tensor("i64", [2], [3, 2]) }),
    {
      message:
        'Cannot run node "y" (Reshape): "shape" must be known before the model runs: it is computed from the data',
    },
  );
});
