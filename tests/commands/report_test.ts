import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ReportData } from "../../src/report/data.ts";
import { VERSION } from "../../src/graph/version.ts";
import { readModel } from "../../src/runtime/read_model.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { type Folder, folder, type Printed } from "./fixture.ts";

const CONTROL = "quantize @model.onnx --calibration @cal.npy --validation @val.npy --labels @labels.npy --backend cpu";

const RANK = "rank @model.onnx --calibration @cal.npy --backend cpu";

function run(dir: Folder, line: string): Promise<Printed> {
  return dir.run(...line.split(" "));
}

function readReport(dir: Folder, name: string): ReportData {
  return JSON.parse(Deno.readTextFileSync(dir.path(name)));
}

Deno.test("quantize --report writes what it found as a page and as data", async () => {
  await using dir = await folder();
  const { code, out } = await run(dir, `${CONTROL} --json --report @r.html --report @r.json`);
  assert.equal(code, 0);
  const { drop, metric } = JSON.parse(out[0]!);
  const data = readReport(dir, "r.json");
  assert.deepEqual([data.model, data.metrics[0]!.name, data.metrics[0]!.drop, data.metrics[0]!.result], [
    ...["model.onnx", "top1", drop, metric],
  ]);
  assert.deepEqual(data.groups.map(({ id, reverted }) => [id, reverted]), [["gain", false], ["head", true]]);
  assert.ok(data.groups.every(({ sensitivity }) => sensitivity! >= 0));
  assert.equal(data.evaluations!.filter(({ accepted }) => accepted).length, 1);
  assert.deepEqual(data.ranges!.map(({ kind }) => kind).toSorted(), ["activation", "activation", "weight", "weight"]);
  assert.ok(data.times!.layers.some(({ node }) => node === "gain"));
  const page = Deno.readTextFileSync(dir.path("r.html"));
  assert.match(page, /^<!DOCTYPE html>/);
  assert.match(page, /Limit kept<\/strong>: top1 fell by 0\.0000, within the permitted 0\.0100/);
});

Deno.test("a report has all that is needed to repeat the run", async () => {
  await using dir = await folder();
  await run(dir, `${CONTROL} --max-drop 0.02 --per-tensor --quiet --report @r.json`);
  const { command, options, files, versions, backend, date } = readReport(dir, "r.json").run;
  assert.ok(
    command!.startsWith(`acqua quantize ${dir.path("model.onnx")} \\\n  --calibration ${dir.path("cal.npy")} \\\n`),
  );
  assert.match(command!, /\\\n {2}--max-drop 0\.02 \\\n {2}--per-tensor/);
  assert.deepEqual([options["maxDrop"], options["subsetSize"]], [0.02, 300]);
  assert.deepEqual(files.map(({ role }) => role), ["FP32 model", "calibration", "validation", "labels", "result"]);
  for (const { path, bytes, sha256 } of files) {
    const content = Deno.readFileSync(path);
    assert.deepEqual([bytes, sha256], [content.length, createHash("sha256").update(content).digest("hex")]);
  }
  assert.deepEqual([versions["acqua"], versions["Deno"], backend], [VERSION, Deno.version.deno, "cpu"]);
  assert.ok(!Number.isNaN(Date.parse(date!)));
});

Deno.test("quantize --report tells of a limit that was missed", async () => {
  await using dir = await folder();
  const { code } = await run(dir, `${CONTROL} --max-drop -0.5 --quiet --report @r.html --report @r.json`);
  assert.equal(code, 3);
  assert.equal(readReport(dir, "r.json").metrics[0]!.reached, false);
  assert.match(Deno.readTextFileSync(dir.path("r.html")), /Limit missed/);
});

Deno.test("quantize --report without --validation shows what is known without a metric", async () => {
  await using dir = await folder();
  const line = "quantize @model.onnx --calibration @cal.npy --backend cpu --quiet --report @r.json";
  assert.equal((await run(dir, line)).code, 0);
  const { metrics, groups, sizes, sensitivity } = readReport(dir, "r.json");
  assert.deepEqual([metrics, groups.length, sensitivity!.items], [[], 2, 16]);
  assert.ok(sizes!.after > 0);
});

Deno.test("--report fails before the work where its file cannot be written", async () => {
  await using dir = await folder();
  const { code, errors } = await run(dir, `${CONTROL} --report @none/r.html`);
  assert.deepEqual([code, errors.length], [1, 1]);
  assert.match(errors[0]!, /Cannot write ".*r\.html": no such file or folder/);
});

Deno.test("quantize --report takes calibration items that can be read only once", async () => {
  await using dir = await folder();
  Deno.writeTextFileSync(
    dir.path("task.js"),
    `const item = (i) => ({ x: { dtype: "f32", shape: [1, 4], data: Float32Array.of(i, 1, 2, 3) } });
    export const calibration = (function* () { for (let i = 0; i < 4; i++) yield item(i); })();
    export const validation = [0, 1];
    export const validate = async (model, data) => { for (const i of data) await model.run(item(i)); return 1; };`,
  );
  const { code } = await run(dir, "quantize @model.onnx --task @task.js --backend cpu --quiet --report @r.json");
  assert.equal(code, 0);
  const { metrics, ranges, times } = readReport(dir, "r.json");
  assert.deepEqual([metrics[0]!.name, ranges, times], ["metric", undefined, undefined]);
});

Deno.test("rank prints what each group costs, the most sensitive first", async () => {
  await using dir = await folder();
  const { code, out, errors } = await run(dir, RANK);
  assert.equal(code, 0);
  assert.match(
    out[0]!,
    /^group +operators +rank +place +nodes +SQNR dB +KL nats\nhead +Gemm +1 +2 +1 .*\ngain +Gemm +2 +1 /,
  );
  assert.equal(out[1], "2 groups, 20 items, on cpu (CPU (reference))");
  assert.deepEqual(errors.filter((line) => !line.startsWith("warning: ")), ["calibrating", "ranking groups 0/2"]);
  assert.match((await run(dir, `${RANK} --top 1`)).out[0]!, /^group.*\nhead.*\n\.\.\. 1 more$/);
});

Deno.test("rank needs no labels and writes its table as JSON and as a report", async () => {
  await using dir = await folder();
  await Deno.remove(dir.path("labels.npy"));
  const { code, out } = await run(dir, `${RANK} --items 5 --json --quiet --report @r.html --report @r.json`);
  assert.equal(code, 0);
  const { groups, items, backend } = JSON.parse(out[0]!);
  assert.deepEqual([groups.length, groups[0].id, items, backend], [2, "head", 5, "cpu"]);
  assert.ok(groups[0].divergence > groups[1].divergence && groups[0].sqnrDb < groups[1].sqnrDb);
  const data = readReport(dir, "r.json");
  assert.deepEqual([data.metrics, data.sensitivity], [[], { measure: "kl", items: 5 }]);
  assert.equal(data.groups[1]!.sensitivity, groups[0].divergence);
  assert.match(Deno.readTextFileSync(dir.path("r.html")), /Sensitivity of each group/);
});

Deno.test("rank writes paths with spaces so that a shell takes them", async () => {
  await using dir = await folder();
  dir.npy("my 'own' items.npy", tensor("f32", [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]));
  const items = dir.path("my 'own' items.npy");
  await dir.run(
    "rank",
    dir.path("model.onnx"),
    "--calibration",
    items,
    "--backend",
    "cpu",
    "--report",
    dir.path("r.json"),
  );
  const { command } = readReport(dir, "r.json").run;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", `printf '%s\\n' ${command}`] }).output();
  assert.ok(new TextDecoder().decode(stdout).split("\n").includes(items));
});

Deno.test("rank takes a module that exports nothing but calibration", async () => {
  await using dir = await folder();
  const items =
    'Array.from({ length: 4 }, (_, i) => ({ x: { dtype: "f32", shape: [1, 4], data: Float32Array.of(i, 1, 2, 3) } }))';
  Deno.writeTextFileSync(dir.path("cal.ts"), `export const calibration = ${items};`);
  const { code, out, errors } = await run(dir, "rank @model.onnx --task @cal.ts --backend cpu --json --quiet");
  assert.equal(code, 0, errors.join("\n"));
  assert.equal(JSON.parse(out[0]!).items, 4);
  Deno.writeTextFileSync(dir.path("none.ts"), "export const validation = [];");
  const none = await run(dir, "rank @model.onnx --task @none.ts --backend cpu");
  assert.match(none.errors.at(-1)!, /must export "calibration", an iterable of model inputs: it is missing/);
});

Deno.test("a report finds the files of inputs as the command did, whatever their names hold", async () => {
  await using dir = await folder();
  await Deno.copyFile(dir.path("labels.npy"), dir.path("l=1.npy"));
  const line =
    "quantize @model.onnx --calibration x=@cal.npy --validation @val.npy --labels @l=1.npy --backend cpu --quiet";
  const { code, errors } = await run(dir, `${line} --report @r.json`);
  assert.equal(code, 0, errors.join("\n"));
  assert.deepEqual(readReport(dir, "r.json").run.files.map(({ role, path }) => [role, path]), [
    ["FP32 model", dir.path("model.onnx")],
    ["calibration", dir.path("cal.npy")],
    ["validation", dir.path("val.npy")],
    ["labels", dir.path("l=1.npy")],
    ["result", dir.path("model.int8.onnx")],
  ]);
});

Deno.test("a search's report and file tell the recipes that were taken, and the settings that they gave", async () => {
  await using dir = await folder();
  const line = `${CONTROL} --recipe auto --quiet --journal @j.jsonl --export openvino --out @o.onnx --report @r.json`;
  assert.equal((await run(dir, line)).code, 0);
  const { recipes, run: { options } } = readReport(dir, "r.json");
  assert.ok(recipes!.length > 1);
  assert.deepEqual([options["journal"], options["target"], options["recipe"]], [
    ...[dir.path("j.jsonl"), "openvino", "auto"],
  ]);
  const { metadata } = readModel(Deno.readFileSync(dir.path("o.onnx")));
  assert.deepEqual(JSON.parse(metadata.get("acqua.quantization")!).recipes, options["recipes"]);

  await run(dir, "quantize @model.onnx --calibration @cal.npy --backend cpu --quiet --recipe mse --out @m.onnx");
  const mse = JSON.parse(readModel(Deno.readFileSync(dir.path("m.onnx"))).metadata.get("acqua.quantization")!);
  assert.deepEqual([mse.recipes, mse.weightsRange.max.aggregatorType], [["mse"], "mse"]);
});
