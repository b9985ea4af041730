import assert from "node:assert/strict";
import { folder, run } from "./fixture.ts";

Deno.test("profile prints launches in order, sums by kernel and totals, and writes them as JSON", async () => {
  await using dir = await folder();
  const line = "profile @model.onnx @model.onnx --batch 3 --rounds 2 --json @p.json --backend cpu";
  const { code, out, errors } = await run(dir, line);
  assert.deepEqual([code, errors, out.length], [0, [], 2]);
  assert.match(out[0]!, /model\.onnx on CPU \(reference\), timed by the clock of the host$/m);
  assert.match(out[0]!, /^gain +Gemm +reference +\d[^]*^head +Gemm +reference +\d/m);
  assert.match(out[0]!, /^reference +2 +\d/m);
  assert.match(out[0]!, /^total: 2 launches, .* end to end \S+ ms \(median of 2 rounds\)$/m);
  const profiles = JSON.parse(Deno.readTextFileSync(dir.path("p.json")));
  assert.equal(profiles.length, 2);
  assert.equal(profiles[0].file, dir.path("model.onnx"));
  assert.deepEqual(profiles[1].launches.map(({ node, macs }: { node: string; macs: number }) => [node, macs]), [
    ["gain", 48],
    ["head", 48],
  ]);
});

Deno.test("profile measures on the first batch of .npy files", async () => {
  await using dir = await folder();
  const macs = async (line: string): Promise<number> => {
    assert.equal((await run(dir, `profile @model.onnx --rounds 1 --json @p.json --backend cpu ${line}`)).code, 0);
    return JSON.parse(Deno.readTextFileSync(dir.path("p.json")))[0].total.macs;
  };
  assert.equal(await macs("--input @val.npy --batch 5"), 2 * 5 * 16);
  assert.equal(await macs("--input x=@cal.npy"), 2 * 20 * 16);
  assert.equal(await macs("--shape x=7,4"), 2 * 7 * 16);
});
