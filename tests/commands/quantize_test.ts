import assert from "node:assert/strict";
import { readNpy } from "../../src/commands/npy.ts";
import { readOnnx } from "../../src/onnx/read.ts";
import { extractQuantizers } from "../../src/graph/extract.ts";
import { writeOnnx } from "../../src/onnx/write.ts";
import { readModel } from "../../src/runtime/read_model.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { classifier, CONTROL, folder, run } from "./fixture.ts";

Deno.test("quantize keeps the metric, and prints one JSON object", async () => {
  await using dir = await folder();
  const { code, out, errors } = await run(dir, `${CONTROL} --json --quiet`);
  // The weights of the fixture are of very different sizes, of which warnings tell.
  assert.ok(errors.every((line) => line.startsWith("warning: Weights")), errors.join("\n"));
  assert.deepEqual([code, out.length], [0, 1]);
  const result = JSON.parse(out[0]!);
  assert.equal(result.baselineMetric, 1);
  assert.ok(result.int8Metric < 0.9, String(result.int8Metric));
  assert.deepEqual([result.status, result.verified, result.interval.lost], ["reached", true, 0]);
  assert.ok(result.drop <= 0.01 && result.reached);
  assert.deepEqual([result.maxDrop, result.groups, result.backend], [0.01, 2, "cpu"]);
  assert.deepEqual(result.reverted, ["head"]);
  assert.ok(result.itemInferences > 40 * result.evaluations && result.itemInferences < 40 * 6);
  assert.equal(result.out, dir.path("model.int8.onnx"));
  assert.ok(Deno.statSync(result.out).size > 0);
});

Deno.test("quantize tells of each step, and prints a table", async () => {
  await using dir = await folder();
  const { code, out, errors } = await run(dir, CONTROL);
  assert.equal(code, 0);
  for (
    const row of [
      /^metric FP32 +1\.0000/m,
      /^kept in FP32 +1 of 2 groups/m,
      /^ +head +\d/m,
      /^file .*model\.int8\.onnx/m,
    ]
  ) {
    assert.match(out[0]!, row);
  }
  for (const step of ["metric of the FP32 model", "calibrating", "metric of the INT8 model", "ranking groups"]) {
    assert.ok(errors.some((line) => line.startsWith(step)), step);
  }
  assert.ok(errors.some((line) => /1 in FP32: drop 0\.0000, limit kept/.test(line)));
});

Deno.test("quantize takes a strategy, a cost and a budget", async () => {
  await using dir = await folder();
  const options = "--strategy linear --cost macs --budget items=10000,seconds=1000 --confidence 0.84 --quiet --json";
  const { code, out, errors } = await run(dir, `${CONTROL} --max-drop 0.2 ${options}`);
  assert.equal(code, 0, errors.join());
  assert.deepEqual(JSON.parse(out[0]!).reverted, ["head"]);
});

Deno.test("quantize writes a file that runs and gives the metric it tells", async () => {
  await using dir = await folder();
  assert.equal((await run(dir, `${CONTROL} --out @q.onnx`)).code, 0);
  const { code, out } = await run(dir, "run @q.onnx --input x=@val.npy --out @outputs --backend cpu");
  assert.equal(code, 0);
  assert.match(out[0]!, /^scores\/out f32 \[40, 4\] -> .*scores_out\.npy$/);
  const scores = readNpy(Deno.readFileSync(dir.path("outputs/scores_out.npy")), "scores");
  assert.deepEqual([...scores.shape], [40, 4]);
  for (let i = 0; i < 40; i++) {
    const own = [...scores.data.slice(4 * i, 4 * i + 4)];
    assert.equal(own.indexOf(Math.max(...own)), i % 4);
  }
});

Deno.test("quantize exits with 3 where the drop cannot be kept, and writes the best model", async () => {
  await using dir = await folder();
  const { code, out, errors } = await run(dir, `${CONTROL} --max-drop -0.5 --json --quiet`);
  assert.equal(code, 3);
  const result = JSON.parse(out[0]!);
  assert.equal(result.reached, false);
  assert.equal(result.metric, 1);
  assert.ok(Deno.statSync(result.out).size > 0);
  assert.match(errors.at(-1)!, /a drop of -0\.5 \(absolute\) cannot be kept: .* metric of 1.*model\.int8\.onnx/);
});

Deno.test("quantize without --validation quantizes everything and measures nothing", async () => {
  await using dir = await folder();
  const line = "quantize @model.onnx --calibration @cal.npy --backend cpu --json";
  const { code, out } = await run(dir, line);
  assert.equal(code, 0);
  const result = JSON.parse(out[0]!);
  assert.deepEqual([result.metric, result.reached, result.groups, result.evaluations], [null, null, 2, 0]);
  assert.match((await run(dir, line.replace(" --json", ""))).out[0]!, /^in INT8 +2 groups; nothing was measured/);
});

Deno.test("quantize --export writes a file for its reader, and how it was made into it", async () => {
  await using dir = await folder();
  for (const target of ["onnxruntime", "openvino", "tensorrt"]) {
    const line = `quantize @model.onnx --calibration @cal.npy --backend cpu --quiet --export ${target}`;
    assert.equal((await run(dir, line)).code, 0);
    const graph = readOnnx(Deno.readFileSync(dir.path("model.int8.onnx")));
    const told = JSON.parse(graph.metadata.get("acqua.quantization")!);
    assert.deepEqual([told.target, told.subsetSize, told.groupsInFloat], [target, 300, []]);
    assert.equal([...graph.constants.values()].some(({ dtype }) => dtype === "i32"), target === "onnxruntime");
    assert.equal([...graph.constants.values()].some(({ dtype }) => dtype === "u8"), target !== "tensorrt");
  }
  const line = "quantize @model.onnx --calibration @cal.npy --export tensorrt --activations-quantization-params";
  const { code, errors } = await run(dir, `${line} mode=asymmetric`);
  assert.equal(code, 1);
  assert.match(errors[0]!, /"activationsQuantizationParams\.mode" must be "symmetric" for TensorRT/);
});

Deno.test("quantize --weights-only writes weights in 8 bits without data", async () => {
  await using dir = await folder();
  const { code, out, errors } = await run(dir, "quantize @model.onnx --weights-only --json");
  assert.deepEqual([code, JSON.parse(out[0]!).weights], [0, 0]);
  assert.match(errors[0]!, /warning: Nothing in this model can be compressed/);
  const wide = classifier();
  const data = Float32Array.from({ length: 256 }, (_, i) => Math.sin(i));
  const constants = new Map([["w1", tensor("f32", [64, 4], data)], ["w2", tensor("f32", [4, 64], data)]]);
  const nodes = wide.nodes.map((own) => ({
    ...own,
    inputs: own.inputs.slice(0, 2),
    attributes: new Map(own.op === "Gemm" ? [["transB", 1]] : []),
  }));
  Deno.writeFileSync(dir.path("model.onnx"), writeOnnx({ ...wide, nodes, constants }));
  assert.match(
    (await run(dir, "quantize @model.onnx --weights-only")).out[0]!,
    /^weights in INT8 +2; computed in float/,
  );
  assert.equal((await run(dir, "run @model.int8.onnx --input @val.npy --out @o --backend cpu")).code, 0);
});

Deno.test("quantize leaves ignored nodes in FP32", async () => {
  await using dir = await folder();
  const line = "quantize @model.onnx --calibration @cal.npy --backend cpu --json --quiet --ignored-names head,relu";
  assert.equal(JSON.parse((await run(dir, line)).out[0]!).groups, 1);
  const { code, errors } = await run(dir, line.replace("relu", "nose"));
  assert.equal(code, 1);
  assert.match(errors[0]!, /name "nose"/);
});

Deno.test("quantize takes a model of a fixed batch", async () => {
  await using dir = await folder();
  Deno.writeFileSync(dir.path("model.onnx"), writeOnnx(classifier(16)));
  const { code, out } = await run(dir, `${CONTROL} --json --quiet`);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out[0]!).reverted, ["head"]);
  assert.equal((await run(dir, "run @model.onnx --input @val.npy --out @o --backend cpu")).code, 0);
  assert.deepEqual([...readNpy(Deno.readFileSync(dir.path("o/scores_out.npy")), "o").shape], [40, 4]);
});

Deno.test("quantize takes the options of a quantization under their names", async () => {
  await using dir = await folder();
  const line = "quantize @model.onnx --calibration @cal.npy --backend cpu --json --quiet --out @a.onnx";
  const typesOf = async (options: string) => {
    const { code, errors } = await run(dir, `${line} ${options}`);
    assert.equal(code, 0, errors.join("\n"));
    const graph = readModel(Deno.readFileSync(dir.path("a.onnx")));
    const weights = extractQuantizers(graph).model.quantizers.filter(({ kind }) => kind === "weight");
    return weights.map(({ parameters: { axis, scale } }) => [axis, scale.length]);
  };
  const each = await typesOf("--overflow-fix disable");
  const one = await typesOf("--per-tensor --weights-range-estimator-params mse");
  assert.ok(each.every(([axis]) => axis !== null));
  assert.ok(one.every(([axis, scales]) => axis === null && scales === 1));
  assert.deepEqual(await typesOf("--weights-quantization-params perChannel=false"), one);
});
