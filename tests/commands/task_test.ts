import assert from "node:assert/strict";
import { folder, run } from "./fixture.ts";

const TASK = `
const data = (i) => Float32Array.from([0, 1, 2, 3], (c) => c === i % 4 ? 1 : 0.1);
const item = (i) => ({ x: { dtype: "f32", shape: [1, 4], data: data(i) } });
export const calibration = Array.from({ length: 8 }, (_, i) => item(i));
export const validation = Array.from({ length: 8 }, (_, i) => i);
export async function validate(model, data) {
  let hits = 0;
  for (const i of data) {
    const scores = [...(await model.run(item(i)))["scores/out"].data];
    hits += scores.indexOf(Math.max(...scores)) === i % 4 ? 1 : 0;
  }
  return hits / data.length;
}
`;

Deno.test("quantize takes data and metric from a module", async () => {
  await using dir = await folder();
  Deno.writeTextFileSync(dir.path("task.js"), TASK);
  const { code, out, errors } = await run(dir, "quantize @model.onnx --task @task.js --backend cpu --json --quiet");
  assert.equal(code, 0);
  assert.ok(errors.every((line) => line.startsWith("warning: Weights")), errors.join("\n"));
  const result = JSON.parse(out[0]!);
  assert.equal(result.metric, 1);
  assert.deepEqual(result.reverted, ["head"]);
});

for (
  const [title, change, message] of [
    ["throws", ["let hits = 0", 'throw new Error("no\\nluck")'], /Cannot evaluate the FP32 model .*: no luck/],
    ["returns NaN", ["return hits", "return NaN"], /got NaN/],
    ["is missing", ["function validate", "function valid"], /must export "validate", a function .*: it is missing/],
    ["has no items", ["length: 8 }, (_, i) => i)", "length: 0 }, (_, i) => i)"], /validation set is empty/],
  ] as const
) {
  Deno.test(`quantize exits with 1 where the module's metric ${title}`, async () => {
    await using dir = await folder();
    Deno.writeTextFileSync(dir.path("task.js"), TASK.replace(change[0], change[1]));
    const { code, out, errors } = await run(dir, "quantize @model.onnx --task @task.js --backend cpu --json --quiet");
    assert.deepEqual([code, out, errors.length], [1, [], 1]);
    assert.match(errors[0]!, message);
    assert.ok(!errors[0]!.includes("\n"));
  });
}
