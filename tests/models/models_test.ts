import assert from "node:assert/strict";
import { type Graph, type Tensor, writeOnnx } from "../../mod.ts";
import { openWeb } from "../bench/onnxruntime.ts";
import { run } from "../graphs.ts";
import { GraphBuilder } from "./builder.ts";
import { encoder } from "./encoder.ts";
import { resnet18 } from "./resnet18.ts";

const image = (size: number) => new GraphBuilder(9).draw([2, 3, size, size], -1, 1);

const MODELS: Record<string, { graph: Graph; x: Tensor; shape: readonly number[] }> = {
  "resnet18() at width 8": { graph: resnet18({ width: 8, classes: 10 }), x: image(40), shape: [2, 10] },
  "encoder() of two layers": {
    graph: encoder({ layers: 2, width: 24, heads: 3, inner: 48, length: 10 }),
    x: new GraphBuilder(9).draw([1, 10, 24], -1, 1),
    shape: [1, 10, 24],
  },
};

for (const [name, { graph, x, shape }] of Object.entries(MODELS)) {
  Deno.test(`${name} gives the same in onnxruntime, in sane numbers`, async () => {
    const own = (await run(graph, { x }))[graph.outputs[0]!.name]!;
    await using judge = await openWeb("wasm", writeOnnx(graph), x);
    const theirs = await judge.run();
    assert.deepEqual([...own.shape], [...shape]);
    assert.equal(theirs.length, own.data.length);
    own.data.forEach((value: number, i: number) => assert(Math.abs(value - theirs[i]!) <= 1e-4, `element ${i}`));
    const power = theirs.reduce((sum, value) => sum + value * value, 0) / theirs.length;
    assert(power > 0.1 && power < 10, `mean square is ${power}`);
  });
}

Deno.test("resnet18() has the 11,689,512 parameters of the published model", () => {
  const graph = resnet18();
  const statistics = new Set(
    graph.nodes.flatMap(({ op, inputs }) => op === "BatchNormalization" ? inputs.slice(3) : []),
  );
  let parameters = 0;
  for (const [name, { data }] of graph.constants) if (!statistics.has(name)) parameters += data.length;
  assert.equal(parameters, 11_689_512);
});

Deno.test("encoder() has six layers of 1.77 million parameters", () => {
  const graph = encoder();
  const parameters = graph.constants.values().filter(({ dtype, shape }) => dtype === "f32" && shape.length > 0);
  const [width, inner] = [384, 1536];
  const layer = 4 * (width + 1) * width + (width + 1) * inner + (inner + 1) * width + 4 * width;
  assert.equal(parameters.reduce((sum, { data }) => sum + data.length, 0), 6 * layer);
});
