import assert from "node:assert/strict";
import { readNpy } from "../../src/commands/npy.ts";
import { writeOnnx } from "../../src/onnx/write.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { classifier, features, folder, run } from "./fixture.ts";

Deno.test("run gives all items of a model without a batch axis an axis of their own", async () => {
  await using dir = await folder();
  const graph = classifier(1);
  Deno.writeFileSync(dir.path("one.onnx"), writeOnnx(graph));
  dir.npy("x.npy", tensor("f32", [3, 1, 4], features(3).data));
  assert.equal((await run(dir, "run @one.onnx --input @x.npy --out @o --backend cpu")).code, 0);
  assert.deepEqual([...readNpy(Deno.readFileSync(dir.path("o/scores_out.npy")), "o").shape], [3, 1, 4]);
});
