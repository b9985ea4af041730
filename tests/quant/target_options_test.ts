import assert from "node:assert/strict";
import { EXPORT_TARGETS, forTarget } from "../../src/graph/targets.ts";
import { quantize } from "../../src/quant/quantize.ts";
import { optionsFor } from "../../src/quant/target_options.ts";
import { cpuBackend } from "../../src/runtime/cpu.ts";
import { images, network } from "./network.ts";

Deno.test("optionsFor() gives models that their target takes as they are", async () => {
  for (const target of EXPORT_TARGETS) {
    const options = optionsFor(target, { subsetSize: 3, backend: cpuBackend() });
    const model = await quantize(network(1), images(1), options);
    const expected = target === "onnxruntime"
      ? model.quantizers.filter(({ parameters }) => parameters.dtype === "u8")
      : [];
    const converted = forTarget(model, target);
    if (target === "tensorrt") {
      assert.equal(converted, model);
      assert(
        model.quantizers.every(({ parameters: { dtype, zeroPoint } }) =>
          dtype === "i8" && zeroPoint.every((z) => z === 0)
        ),
      );
      assert(model.quantizers.every(({ kind, parameters }) => kind === "weight" || parameters.axis === null));
    } else {
      assert.equal(options.subsetSize, 3);
      for (const own of expected) assert(converted.quantizers.includes(own));
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
  assert.deepEqual(optionsFor("onnxruntime", wrong), wrong);
});
