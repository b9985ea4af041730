import assert from "node:assert/strict";
import { readNpy } from "../src/commands/npy.ts";
import { readOnnx } from "../src/onnx/read.ts";
import { extractQuantizers } from "../src/graph/extract.ts";
import { writeOnnx } from "../src/onnx/write.ts";
import { readModel } from "../src/runtime/read_model.ts";
import { tensor } from "../src/tensor/tensor.ts";
import { capture, classifier, features, type Folder, folder, type Printed } from "./commands/fixture.ts";

const CONTROL = "quantize @model.onnx --calibration @cal.npy --validation @val.npy --labels @labels.npy --backend cpu";

function run(dir: Folder, line: string): Promise<Printed> {
  return dir.run(...line.split(" "));
}

function assertUsage({ code, out, errors }: Printed, message: RegExp): void {
  assert.equal(code, 2);
  assert.deepEqual(out, []);
  assert.equal(errors.length, 1);
  assert.match(errors[0]!, message);
  assert.match(errors[0]!, /usage: acqua /);
  assert.ok(!errors[0]!.includes("\n"));
}

Deno.test("main() shows help for itself and for each command", async () => {
  const overview = await capture("--help");
  assert.equal(overview.code, 0);
  for (const name of ["quantize", "rank", "run", "inspect", "profile"]) {
    assert.match(overview.out[0]!, new RegExp(`^  ${name} `, "m"));
    const { code, out, errors } = await capture(name, "--help");
    assert.equal(code, 0);
    assert.match(out[0]!, new RegExp(`^Usage: acqua ${name} MODEL`));
    assert.deepEqual(errors, []);
  }
});

for (
  const [line, message] of [
    ["", /a command is missing/],
    ["explode", /unknown command "explode"/],
    ["quantize", /MODEL is missing/],
    ["quantize @model.onnx", /--calibration or --task is missing/],
    ["quantize @model.onnx b.onnx --calibration @cal.npy", /one MODEL is wanted, got "b\.onnx" too/],
    ["quantize @model.onnx --calibration @cal.npy --foo", /unknown option --foo/],
    ["quantize @model.onnx --calibration @cal.npy --max-drop 0.1", /--max-drop needs --validation/],
    ["quantize @model.onnx --calibration @cal.npy --labels @labels.npy", /--labels needs --validation/],
    ["quantize @model.onnx --calibration @cal.npy --validation @val.npy", /--labels is missing/],
    ["quantize @model.onnx --calibration @cal.npy --task t.ts", /--calibration and --task exclude each other/],
    ["quantize @model.onnx --calibration y=@cal.npy", /no input "y"; its inputs are "x"/],
    ["quantize @model.onnx --calibration @cal.npy --out @model.onnx", /--out is MODEL itself/],
    [
      "quantize @model.onnx --weights-only --calibration @cal.npy",
      /--calibration and --weights-only exclude each other/,
    ],
    [`${CONTROL} --export tflite`, /--export must be "onnxruntime" or "openvino" or "tensorrt", got "tflite"/],
    [`${CONTROL} --metric f1`, /--metric must be "top1" or "top5", got "f1"/],
    [`${CONTROL} --max-drop some`, /--max-drop must be a number, got "some"/],
    [`${CONTROL} --drop-type total`, /--drop-type must be "absolute" or "relative"/],
    ["quantize @model.onnx --weights-only --report @r.html", /--report and --weights-only exclude each other/],
    ["quantize @model.onnx --weights-only --max-drop 0.1", /--max-drop and --weights-only exclude each other/],
    ["quantize @model.onnx --weights-only --preset mixed", /--preset and --weights-only exclude each other/],
    [`${CONTROL} --confidence 0.3`, /--confidence must be a number from 0.5 to 1, got "0.3"/],
    [`${CONTROL} --strategy best`, /--strategy must be "guided" or "linear" or "nncf" or "none", got "best"/],
    [`${CONTROL} --cost money`, /--cost must be "operations" or "macs" or "time"/],
    [`${CONTROL} --preset fast`, /--preset must be "performance" or "mixed"/],
    [`${CONTROL} --recipe all`, /--recipe must be "auto" or "minmax"/],
    [`${CONTROL} --overflow-fix on`, /"overflowFix" must be one of "enable"/],
    [`${CONTROL} --weights-quantization-params numBits=4`, /"weightsQuantizationParams.numBits" must be 8/],
    [`${CONTROL} --activations-range-estimator-params median`, /"activationsRangeEstimatorParams" must be one of/],
    [`${CONTROL} --smooth-quant-alphas matmul=x`, /"smoothQuantAlphas.matmul" must be a number up to 1/],
    [`${CONTROL} --bias-correction-params threshold`, /"biasCorrectionParams" must be an object/],
    ["quantize @model.onnx --calibration @cal.npy --strategy linear", /--strategy needs --validation/],
    [`${CONTROL} --subset-size 0`, /--subset-size must be a whole number of at least 1/],
    [`${CONTROL} --backend cpu`, /--backend is given more than once/],
    ["run @model.onnx --out @o", /--input is missing/],
    ["run @model.onnx --input @val.npy", /--out is missing/],
    [`${CONTROL} --report page.txt`, /--report must end in \.html or \.json, got "page\.txt"/],
    ["rank", /MODEL is missing/],
    ["rank @model.onnx", /--calibration or --task is missing/],
    ["rank @model.onnx b.onnx --calibration @cal.npy", /one MODEL is wanted, got "b\.onnx" too/],
    ["rank @model.onnx --calibration @cal.npy --task t.ts", /--calibration and --task exclude each other/],
    ["rank @model.onnx --calibration @cal.npy --items 0", /--items must be a whole number of at least 1/],
    ["inspect", /MODEL is missing/],
    ["profile", /MODEL is missing/],
    [
      "profile @model.onnx",
      /input "x" of \[N, 4\] leaves axis 0 \("N"\) open: give it with --batch N or --shape x=SIZE/,
    ],
    ["profile @model.onnx --shape 1,4", /--shape must be NAME=SIZE,SIZE,\.\.\., got "1,4"/],
    ["profile @model.onnx --input @val.npy --shape x=1,4", /--input and --shape exclude each other/],
    ["profile @model.onnx --batch 1 --rounds 0", /--rounds must be a whole number of at least 1/],
  ] as const
) {
  Deno.test(`main() exits with 2 on "${line}"`, async () => {
    await using dir = await folder();
    assertUsage(await dir.run(...line.split(" ").filter(Boolean)), message);
  });
}

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

Deno.test("quantize goes on from its journal, and refuses that of another call", async () => {
  await using dir = await folder();
  const line = `${CONTROL} --json --quiet --journal @journal.jsonl`;
  const first = JSON.parse((await run(dir, line)).out[0]!);
  const journal = Deno.readTextFileSync(dir.path("journal.jsonl"));
  assert.ok(journal.split("\n").length > 4);
  const again = JSON.parse((await run(dir, line)).out[0]!);
  assert.deepEqual({ ...again, seconds: 0 }, { ...first, seconds: 0 });
  assert.equal(Deno.readTextFileSync(dir.path("journal.jsonl")), journal);
  const { code, errors } = await run(dir, `${line} --max-drop 0.02`);
  assert.equal(code, 1);
  assert.match(errors.at(-1)!, /option "maxDrop" \(0\.01 in the journal, 0\.02 now\)/);
});

for (
  const [line, message] of [
    ["--strategy greedy", /--strategy must be "guided" or "linear" or "nncf" or "none", got "greedy"/],
    ["--confidence 2", /--confidence must be a number from 0.5 to 1, got "2"/],
    ["--budget hours=1", /--budget must be items=.* got "hours=1"/],
    ["--cost money", /--cost must be "operations" or "macs" or "time"/],
  ] as const
) {
  Deno.test(`quantize refuses ${line}`, async () => {
    await using dir = await folder();
    assertUsage(await run(dir, `${CONTROL} ${line}`), message);
  });
}

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

Deno.test("a failure is one line, and leaves the file that was there as it was", async () => {
  await using dir = await folder();
  Deno.writeTextFileSync(dir.path("old.onnx"), "old");
  dir.npy("labels.npy", tensor("u8", [3], [0, 1, 2]));
  const { code, out, errors } = await run(dir, `${CONTROL} --out @old.onnx --quiet`);
  assert.deepEqual([code, out, errors.length], [1, [], 1]);
  assert.match(errors[0]!, /^acqua quantize: ".*labels\.npy" holds 3 labels for 40 items$/);
  assert.equal(Deno.readTextFileSync(dir.path("old.onnx")), "old");
  assert.deepEqual([...Deno.readDirSync(dir.path("."))].filter(({ name }) => name.endsWith(".tmp")), []);
});

for (
  const [title, line, message] of [
    ["a model that is not there", "inspect @none.onnx", /Cannot read ".*none\.onnx": no such file/],
    ["a model that is none", "inspect @cal.npy", /cal\.npy/],
    [
      "data that are not there",
      "quantize @model.onnx --calibration @none.npy",
      /Cannot read ".*none\.npy": no such file/,
    ],
    ["data that are none", "quantize @model.onnx --calibration @model.onnx", /model\.onnx.*no \.npy file/],
    [
      "an output folder that is not there",
      "quantize @model.onnx --calibration @cal.npy --out @no/q.onnx",
      /no such file or folder/,
    ],
    [
      "data of another shape",
      "run @model.onnx --input @labels.npy --out @o",
      /labels\.npy" of shape \[40\].*wants items of \[4\]/,
    ],
  ] as const
) {
  Deno.test(`main() exits with 1 on ${title}`, async () => {
    await using dir = await folder();
    const { code, out, errors } = await run(dir, line);
    assert.deepEqual([code, out, errors.length], [1, [], 1]);
    assert.match(errors[0]!, message);
    assert.ok(!/\n|\s+at /.test(errors[0]!));
  });
}

Deno.test("--debug shows where an error comes from", async () => {
  const { code, errors } = await capture("inspect", "none.onnx", "--debug");
  assert.equal(code, 1);
  assert.match(errors[0]!, /\n\s+at /);
});

Deno.test("run gives all items of a model without a batch axis an axis of their own", async () => {
  await using dir = await folder();
  const graph = classifier(1);
  Deno.writeFileSync(dir.path("one.onnx"), writeOnnx(graph));
  dir.npy("x.npy", tensor("f32", [3, 1, 4], features(3).data));
  assert.equal((await run(dir, "run @one.onnx --input @x.npy --out @o --backend cpu")).code, 0);
  assert.deepEqual([...readNpy(Deno.readFileSync(dir.path("o/scores_out.npy")), "o").shape], [3, 1, 4]);
});

Deno.test("quantize goes on from the journal of a call that was stopped", async () => {
  await using dir = await folder();
  const line = `${CONTROL} --json --quiet --journal @journal.jsonl`;
  const stopped = await run(dir, `${line} --budget evaluations=2`);
  assert.equal(stopped.code, 3);
  const whole = JSON.parse((await run(dir, line)).out[0]!);
  assert.deepEqual(whole.reverted, ["head"]);
  const again = JSON.parse((await run(dir, line)).out[0]!);
  assert.equal(again.metric, whole.metric);
  const other = await run(dir, `${line} --max-drop 0.5`);
  assert.equal(other.code, 1);
  assert.match(other.errors.join("\n"), /journal/);
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
