import assert from "node:assert/strict";
import { EXPORT_TARGETS, forTarget } from "../../src/graph/targets.ts";
import { quantize } from "../../src/quant/quantize.ts";
import { optionsFor } from "../../src/quant/target_options.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { graphOf, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";

/** A convolution whose input has a scale for each channel where that is allowed. */
const depthwise = graphOf({
  inputs: { x: [1, 4, 4, 4] },
  nodes: [node("Conv", ["x", "w"], "c", { group: 4 }), node("Sigmoid", ["c"], "y")],
  constants: { w: random([4, 1, 3, 3], 1) },
  outputs: ["y"],
});

Deno.test("optionsFor() gives models that their target takes as they are", async () => {
  for (const target of EXPORT_TARGETS) {
    const options = optionsFor(target, { subsetSize: 3, backend: cpuBackend() });
    assert.equal(options.subsetSize, 3);
    const model = await quantize(depthwise, [{ x: random([1, 4, 4, 4], 2) }], options);
    const activations = model.quantizers.filter(({ kind }) => kind === "activation");
    assert.equal(activations.some(({ parameters }) => parameters.axis !== null), target === "openvino");
    if (target !== "tensorrt") continue;
    assert.equal(forTarget(model, target), model);
    for (const { parameters: { dtype, zeroPoint } } of model.quantizers) {
      assert.equal(dtype, "i8");
      assert(zeroPoint.every((zero) => zero === 0));
    }
  }
});

Deno.test("optionsFor() keeps what was asked for and refuses what a target cannot have", () => {
  const advanced = { crossLayerEqualization: true, weightsQuantizationParams: { narrowRange: true } };
  assert.deepEqual(optionsFor("tensorrt", { advanced }), {
    advanced: {
      crossLayerEqualization: true,
      activationsQuantizationParams: { mode: "symmetric", signednessToForce: true, perChannel: false },
      weightsQuantizationParams: { narrowRange: true, mode: "symmetric", signednessToForce: true },
    },
  });
  assert.deepEqual(optionsFor("openvino", { advanced }), { advanced });
  const wrong = { advanced: { activationsQuantizationParams: { mode: "asymmetric" } } } as const;
  assert.throws(() => optionsFor("tensorrt", wrong), {
    name: "RangeError",
    message:
      'Option "activationsQuantizationParams.mode" must be "symmetric" for TensorRT: current value is "asymmetric"',
  });
  assert.deepEqual(optionsFor("onnxruntime", wrong).advanced?.activationsQuantizationParams, {
    perChannel: false,
    mode: "asymmetric",
  });
  const each = { advanced: { activationsQuantizationParams: { perChannel: true } } };
  assert.deepEqual(optionsFor("onnxruntime", each), each);
});
