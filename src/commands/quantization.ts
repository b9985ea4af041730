/** The options of a quantization on the command line: each is that of the library, in kebab-case. @module */
import type { IgnoredScope } from "../quant/ignored_scope.ts";
import type { AdvancedQuantizationOptions, QuantizeOptions } from "../quant/options.ts";
import { ADVANCED, CHOICES, settingsOf } from "../quant/settings.ts";
import { RANGE_ESTIMATORS } from "../quant/range_estimator.ts";
import { type Arguments, choiceOf, countOf, listOf, type Option, UsageError } from "./arguments.ts";

const ESTIMATORS = Object.keys(RANGE_ESTIMATORS).join(", ");

/** The options. */
export const QUANTIZATION_OPTIONS: readonly Option[] = [
  { name: "preset", value: "NAME", help: "performance (default: all symmetric) or mixed (asymmetric activations)" },
  { name: "model-type", value: "NAME", help: "auto (default), transformer or none" },
  { name: "target-device", value: "NAME", help: `${CHOICES.targetDevice.join(", ")} (default: any)` },
  { name: "subset-size", value: "N", help: "calibration items used (default 300)" },
  { name: "per-tensor", help: "one scale for all output channels of a weight" },
  { name: "fast-bias-correction", value: "BOOL", help: "true (default): weights' error alone; false: layer by layer" },
  { name: "ignored-names", value: "A,B", help: "nodes that stay in FP32" },
  { name: "ignored-patterns", value: "A,B", help: "regular expressions of node names that stay in FP32" },
  { name: "ignored-types", value: "A,B", help: "operators that stay in FP32" },
  { name: "recipe", value: "NAME", help: `${CHOICES.recipe.join(", ")} (default: none)` },
  { name: "overflow-fix", value: "WHICH", help: "weights in half range: enable, first_layer_only (default), disable" },
  { name: "quantize-outputs", value: "BOOL", help: "quantize the model's outputs (default false)" },
  { name: "disable-bias-correction", value: "BOOL", help: "leave biases as they are (default false)" },
  { name: "disable-channel-alignment", value: "BOOL", help: "leave channels as they are (default true)" },
  { name: "cross-layer-equalization", value: "BOOL", help: "even out the ranges of channels (default false)" },
  { name: "batchwise-statistics", value: "BOOL", help: "each element of a batch is a sample of its own" },
  {
    name: "activations-quantization-params",
    value: "K=V,..",
    help: "mode=, perChannel=, narrowRange=, .. of activations",
  },
  { name: "weights-quantization-params", value: "K=V,..", help: "the same of weights" },
  { name: "activations-range-estimator-params", value: "NAME", help: `${ESTIMATORS}; or min.statisticsType=..,..` },
  { name: "weights-range-estimator-params", value: "NAME", help: "the same of weights (default minmax)" },
  { name: "quantizer-propagation-rule", value: "RULE", help: "what happens where branches meet (merge_all_in_one)" },
  { name: "bias-correction-params", value: "K=V", help: "threshold=, the greatest relative change of a bias" },
  { name: "smooth-quant-alphas", value: "K=V,..", help: "matmul=0.95,convolution=-1 (negative: off)" },
];

/**
 * The options of a command line.
 *
 * @throws {UsageError} Where a value is not one that the option takes.
 */
export function quantizeOptionsOf(args: Arguments): Omit<QuantizeOptions, "backend" | "onProgress"> {
  const subsetSize = countOf(args, "subset-size");
  const fast = booleanOf(args, "fast-bias-correction");
  const recipe = choiceOf(args, "recipe", CHOICES.recipe);
  const [preset, modelType, targetDevice] = [
    choiceOf(args, "preset", CHOICES.preset),
    choiceOf(args, "model-type", CHOICES.modelType),
    choiceOf(args, "target-device", CHOICES.targetDevice),
  ];
  const options: QuantizeOptions = {
    ...(preset && { preset }),
    ...(modelType && { modelType }),
    ...(targetDevice && { targetDevice }),
    ...(recipe && { recipe }),
    ...(subsetSize !== undefined && { subsetSize }),
    ...(fast !== undefined && { fastBiasCorrection: fast }),
    ignoredScope: scopeOf(args),
    advanced: advancedOf(args),
  };
  try {
    settingsOf(options);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
  return options;
}

function scopeOf(args: Arguments): IgnoredScope {
  const rules = (["names", "patterns", "types"] as const).map((kind) =>
    [kind, listOf(args, `ignored-${kind}`)] as const
  );
  return Object.fromEntries(rules.filter(([, list]) => list !== undefined));
}

function advancedOf(args: Arguments): AdvancedQuantizationOptions {
  const advanced: Record<string, unknown> = {};
  for (const name of ADVANCED) {
    const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const text = args.value(option);
    if (text !== undefined) advanced[name] = valueOf(option, text);
  }
  if (args.has("per-tensor")) {
    const given = advanced["weightsQuantizationParams"] as object | undefined;
    advanced["weightsQuantizationParams"] = { ...given, perChannel: false };
  }
  return advanced;
}

/** `true`, `false`, a number or a word; with `=` an object of them: `a=1,b.c=word`. */
function valueOf(option: string, text: string): unknown {
  if (text.includes("=")) {
    const record: Record<string, unknown> = {};
    for (const pair of text.split(",")) {
      const [, key, value] = pair.trim().match(/^([\w.]+)=(.+)$/) ?? [];
      if (key === undefined || value === undefined) throw new UsageError(`--${option} wants KEY=VALUE, got "${pair}"`);
      const path = key.split(".");
      let own = record;
      for (const part of path.slice(0, -1)) own = (own[part] ??= {}) as Record<string, unknown>;
      own[path.at(-1)!] = valueOf(option, value);
    }
    return record;
  }
  if (text === "true" || text === "false") return text === "true";
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function booleanOf(args: Arguments, name: string): boolean | undefined {
  const choice = choiceOf(args, name, ["true", "false"]);
  return choice === undefined ? undefined : choice === "true";
}
