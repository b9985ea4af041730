import assert from "node:assert/strict";
import { CONTROL, folder, run } from "./fixture.ts";

Deno.test("inspect shows which groups of a quantized file are in INT8", async () => {
  await using dir = await folder();
  await run(dir, `${CONTROL} --out @q.onnx`);
  const { out } = await run(dir, "inspect @q.onnx --json");
  const { groups, quantizers, operators, inputs } = JSON.parse(out[0]!);
  assert.deepEqual(groups, [{ nodes: ["gain"], precision: "int8" }, { nodes: ["head"], precision: "fp32" }]);
  assert.equal(quantizers, 2);
  assert.equal(operators.Gemm, 2);
  assert.deepEqual(inputs, [{ name: "x", dtype: "f32", shape: ["N", 4] }]);
  assert.match((await run(dir, "inspect @q.onnx")).out[0]!, /^groups +2, 1 of them in INT8$/m);
  assert.match((await run(dir, "inspect @model.onnx")).out[0]!, /^quantized +no$/m);
});
