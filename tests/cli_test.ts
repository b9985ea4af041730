import assert from "node:assert/strict";
import { tensor } from "../src/tensor/tensor.ts";
import { assertUsage, capture, CONTROL, folder, run } from "./commands/fixture.ts";

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
    [`${CONTROL} --confidence 2`, /--confidence must be a number from 0.5 to 1, got "2"/],
    [`${CONTROL} --budget hours=1`, /--budget must be items=.* got "hours=1"/],
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
