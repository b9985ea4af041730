import assert from "node:assert/strict";
import type { QuantizeOptions } from "../../src/quant/options.ts";
import { settingsOf } from "../../src/quant/settings.ts";
import { RANGE_ESTIMATORS } from "../../src/quant/range_estimator.ts";

Deno.test("settingsOf() has NNCF's defaults", () => {
  assert.deepEqual(settingsOf({}), {
    preset: null,
    targetDevice: "any",
    subsetSize: 300,
    fastBiasCorrection: true,
    modelType: "auto",
    ignoredScope: {},
    overflowFix: "first_layer_only",
    quantizeOutputs: false,
    channelAlignment: false,
    biasCorrection: true,
    batchwiseStatistics: null,
    activations: {},
    weights: {},
    propagationRule: "merge_all_in_one",
    activationsRange: { perTensor: RANGE_ESTIMATORS.mean_minmax, perChannel: RANGE_ESTIMATORS.minmax },
    weightsRange: RANGE_ESTIMATORS.minmax,
    biasThreshold: 2,
    smoothQuantAlphas: { convolution: -1, matmul: 0.95 },
    crossLayerEqualization: false,
  });
});

Deno.test("settingsOf() lets defaults follow other settings", () => {
  assert.equal(settingsOf({ fastBiasCorrection: false }).biasThreshold, 1000);
  const named = settingsOf({ advanced: { activationsRangeEstimatorParams: "mse" } }).activationsRange;
  assert.deepEqual(named, { perTensor: RANGE_ESTIMATORS.mse, perChannel: RANGE_ESTIMATORS.mse });
});

Deno.test("settingsOf() fills the ends of a range estimator from the default one", () => {
  const { activationsRange } = settingsOf({
    advanced: { activationsRangeEstimatorParams: { max: { statisticsType: "quantile", quantileOutlierProb: 1e-3 } } },
  });
  assert.deepEqual(activationsRange.perTensor, {
    min: RANGE_ESTIMATORS.mean_minmax.min,
    max: { statisticsType: "quantile", aggregatorType: "mean", quantileOutlierProb: 1e-3 },
  });
});

const WRONG: readonly (readonly [Record<string, unknown>, RegExp])[] = [
  [{ preset: "fast" }, /"preset" must be one of "performance", "mixed": current value is "fast"/],
  [{ targetDevice: "tpu" }, /"targetDevice" must be one of "any", "cpu", "gpu", "npu", "cpu_spr"/],
  [{ modelType: "cnn" }, /"modelType" must be one of "auto", "transformer", "none"/],
  [{ subsetSize: 0 }, /"subsetSize" must be a positive whole number: current value is 0/],
  [{ subsetSize: 1.5 }, /"subsetSize" must be a positive whole number/],
  [{ fastBiasCorrection: "yes" }, /"fastBiasCorrection" must be true or false: current value is "yes"/],
  [{ mode: "fp8_e4m3" }, /"mode" cannot be used: it chooses FP8 formats/],
  [{ advanced: { inplaceStatistics: true } }, /"inplaceStatistics" cannot be used/],
  [{ advanced: { backendParams: {} } }, /"backendParams" cannot be used/],
  [{ advanced: { overflow: "enable" } }, /"advanced" has no "overflow": it takes "overflowFix"/],
  [{ advanced: { overflowFix: "on" } }, /"overflowFix" must be one of "enable", "first_layer_only", "disable"/],
  [{ advanced: { quantizeOutputs: 1 } }, /"quantizeOutputs" must be true or false/],
  [{ advanced: { disableChannelAlignment: 1 } }, /"disableChannelAlignment" must be true or false/],
  [{ advanced: { disableBiasCorrection: 1 } }, /"disableBiasCorrection" must be true or false/],
  [{ advanced: { batchwiseStatistics: 1 } }, /"batchwiseStatistics" must be true or false/],
  [{ advanced: { crossLayerEqualization: 1 } }, /"crossLayerEqualization" must be true or false/],
  [{ advanced: { quantizerPropagationRule: "merge" } }, /"quantizerPropagationRule" must be one of "do_not_merge/],
  [
    { advanced: { weightsQuantizationParams: { numBits: 4 } } },
    /"weightsQuantizationParams.numBits" must be 8: current value is 4/,
  ],
  [
    { advanced: { activationsQuantizationParams: { mode: "even" } } },
    /"activationsQuantizationParams.mode" must be one of "symmetric", "asymmetric"/,
  ],
  [{ advanced: { weightsQuantizationParams: { bits: 8 } } }, /"weightsQuantizationParams" has no "bits"/],
  [{ advanced: { weightsQuantizationParams: { perChannel: 1 } } }, /"weightsQuantizationParams.perChannel" must be/],
  [{ advanced: { activationsRangeEstimatorParams: "median" } }, /"activationsRangeEstimatorParams" must be one of/],
  [
    { advanced: { activationsRangeEstimatorParams: { max: { aggregatorType: "histogram" } } } },
    /"activationsRangeEstimatorParams.max.aggregatorType" must be "histogram" at both ends or at none/,
  ],
  [
    { advanced: { weightsRangeEstimatorParams: { min: { statisticsType: "raw" } } } },
    /"weightsRangeEstimatorParams.min.statisticsType" must be "raw" with the aggregators of distributions alone/,
  ],
  [
    { advanced: { weightsRangeEstimatorParams: { min: { quantileOutlierProb: 0.5 } } } },
    /"weightsRangeEstimatorParams.min.quantileOutlierProb" must be at least 0 and below 0.5/,
  ],
  [
    { advanced: { biasCorrectionParams: { threshold: 0 } } },
    /"biasCorrectionParams.threshold" must be a number above 0/,
  ],
  [{ advanced: { biasCorrectionParams: { applyForAllNodes: true } } }, /"biasCorrectionParams" has no "applyForAll/],
  [{ advanced: { smoothQuantAlphas: { matmul: 2 } } }, /"smoothQuantAlphas.matmul" must be a number up to 1/],
];

for (const [options, message] of WRONG) {
  Deno.test(`settingsOf() refuses ${JSON.stringify(options)}`, () => {
    assert.throws(() => settingsOf(options as QuantizeOptions), { name: "RangeError", message });
  });
}
