/** The options of a quantization with their defaults, and what is refused of them. @module */
import type { IgnoredScope } from "./ignored_scope.ts";
import type {
  AdvancedQuantizationOptions,
  ModelType,
  OverflowFix,
  Preset,
  QuantizationConstraints,
  QuantizeOptions,
  QuantizerPropagationRule,
  RangeEstimatorParams,
  SmoothQuantAlphas,
  TargetDevice,
} from "./options.ts";
import {
  type AggregatorType,
  DISTRIBUTION_AGGREGATORS,
  RANGE_ESTIMATORS,
  type RangeEstimator,
  type RangeEstimatorName,
  type StatisticsCollector,
  type StatisticsType,
} from "./range_estimator.ts";

/** The options with every default filled in, but for `backend` and `onProgress`. */
export interface QuantizationSettings {
  /** `null`: as the kind of network wants it. */
  readonly preset: Preset | null;
  /** The device that the file is meant for. */
  readonly targetDevice: TargetDevice;
  /** How many calibration items are used at most. */
  readonly subsetSize: number;
  /** Whether biases are corrected for the error of the weights alone. */
  readonly fastBiasCorrection: boolean;
  /** What kind of network it is. */
  readonly modelType: ModelType;
  /** Operations that stay in float. */
  readonly ignoredScope: IgnoredScope;
  /** Which weights keep to half the range. */
  readonly overflowFix: OverflowFix;
  /** Whether outputs of the model are quantized. */
  readonly quantizeOutputs: boolean;
  /** Whether channels are aligned. */
  readonly channelAlignment: boolean;
  /** Whether biases are corrected at all. */
  readonly biasCorrection: boolean;
  /** `null`: where items hold more than one. */
  readonly batchwiseStatistics: boolean | null;
  /** How activations are quantized. */
  readonly activations: QuantizationConstraints;
  /** How weights are quantized. */
  readonly weights: QuantizationConstraints;
  /** What happens where quantizers of several branches meet. */
  readonly propagationRule: QuantizerPropagationRule;
  /** For activations with one range for the tensor, and for those with a range for each channel. */
  readonly activationsRange: Readonly<Record<"perTensor" | "perChannel", RangeEstimator>>;
  /** The estimator of the weights' ranges. */
  readonly weightsRange: RangeEstimator;
  /** Greatest relative change of a bias element that is applied. */
  readonly biasThreshold: number;
  /** How much of the range of activations SmoothQuant moves into the weights. */
  readonly smoothQuantAlphas: Required<SmoothQuantAlphas>;
  /** Whether convolutions in a row are equalized. */
  readonly crossLayerEqualization: boolean;
}

/** The values that each choice takes. */
export const CHOICES = {
  preset: ["performance", "mixed"],
  targetDevice: ["any", "cpu", "gpu", "npu", "cpu_spr"],
  modelType: ["auto", "transformer", "none"],
  overflowFix: ["enable", "first_layer_only", "disable"],
  quantizerPropagationRule: [
    "do_not_merge_branches",
    "merge_if_all_branches_same",
    "merge_with_potential_requantization",
    "merge_all_in_one",
  ],
  recipe: ["auto", "minmax", "percentile", "mse", "best", "asymmetric", "equalization", "bias_correction"],
  mode: ["symmetric", "asymmetric"],
  statisticsType: ["min", "max", "abs_max", "mean", "quantile", "abs_quantile", "raw"],
  aggregatorType: [
    "min",
    "max",
    "mean",
    "median",
    "mean_no_outliers",
    "median_no_outliers",
    "histogram",
    "mse",
    "percentile",
    "best",
  ],
} as const;

/** The names of the less common settings. */
export const ADVANCED = [
  "overflowFix",
  "quantizeOutputs",
  "disableChannelAlignment",
  "disableBiasCorrection",
  "batchwiseStatistics",
  "activationsQuantizationParams",
  "weightsQuantizationParams",
  "quantizerPropagationRule",
  "activationsRangeEstimatorParams",
  "weightsRangeEstimatorParams",
  "biasCorrectionParams",
  "smoothQuantAlphas",
  "crossLayerEqualization",
] as const satisfies readonly (keyof AdvancedQuantizationOptions)[];

/** Parameters of NNCF that have no meaning here, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  inplaceStatistics: "statistics are always reduced on the device",
  backendParams: "there is one backend, and it needs none",
  smoothQuantAlpha: 'it is "smoothQuantAlphas" in all but old versions of NNCF',
  mode: "it chooses FP8 formats, which have no kernels",
};

/**
 * The options with every default filled in.
 *
 * @throws {RangeError} Where a value is not one of those that its option takes; the allowed ones are named.
 */
export function settingsOf(options: QuantizeOptions): QuantizationSettings {
  const advanced = options.advanced ?? {};
  for (const name of Object.keys({ ...options, ...advanced })) {
    if (Object.hasOwn(REFUSED, name)) throw new RangeError(`Option "${name}" cannot be used: ${REFUSED[name]}`);
  }
  checkKeys("advanced", advanced, ADVANCED);
  checkKeys("biasCorrectionParams", advanced.biasCorrectionParams, ["threshold"]);
  checkKeys("smoothQuantAlphas", advanced.smoothQuantAlphas, ["convolution", "matmul"]);
  const [activations, weights] = (["activationsQuantizationParams", "weightsQuantizationParams"] as const).map((name) =>
    constraintsOf(name, advanced[name] ?? {})
  ) as [QuantizationConstraints, QuantizationConstraints];
  const fast = flag("fastBiasCorrection", options.fastBiasCorrection, true);
  const { convolution = -1, matmul = 0.95 } = advanced.smoothQuantAlphas ?? {};
  choice("recipe", CHOICES.recipe, options.recipe, null);
  const activationsRange = advanced.activationsRangeEstimatorParams;
  return {
    preset: choice("preset", CHOICES.preset, options.preset, null),
    targetDevice: choice("targetDevice", CHOICES.targetDevice, options.targetDevice, "any"),
    subsetSize: count("subsetSize", options.subsetSize ?? 300),
    fastBiasCorrection: fast,
    modelType: choice("modelType", CHOICES.modelType, options.modelType, "auto"),
    ignoredScope: options.ignoredScope ?? {},
    overflowFix: choice("overflowFix", CHOICES.overflowFix, advanced.overflowFix, "first_layer_only"),
    quantizeOutputs: flag("quantizeOutputs", advanced.quantizeOutputs, false),
    channelAlignment: !flag("disableChannelAlignment", advanced.disableChannelAlignment, true),
    biasCorrection: !flag("disableBiasCorrection", advanced.disableBiasCorrection, false),
    batchwiseStatistics: advanced.batchwiseStatistics === undefined
      ? null
      : flag("batchwiseStatistics", advanced.batchwiseStatistics, false),
    activations,
    weights,
    propagationRule: choice(
      "quantizerPropagationRule",
      CHOICES.quantizerPropagationRule,
      advanced.quantizerPropagationRule,
      "merge_all_in_one",
    ),
    activationsRange: {
      perTensor: estimatorOf("activationsRangeEstimatorParams", activationsRange, RANGE_ESTIMATORS.mean_minmax),
      perChannel: estimatorOf("activationsRangeEstimatorParams", activationsRange, RANGE_ESTIMATORS.minmax),
    },
    weightsRange: estimatorOf(
      "weightsRangeEstimatorParams",
      advanced.weightsRangeEstimatorParams,
      RANGE_ESTIMATORS.minmax,
    ),
    biasThreshold: above(
      "biasCorrectionParams.threshold",
      advanced.biasCorrectionParams?.threshold ?? (fast ? 2 : 1000),
    ),
    smoothQuantAlphas: { convolution: alpha("convolution", convolution), matmul: alpha("matmul", matmul) },
    crossLayerEqualization: flag("crossLayerEqualization", advanced.crossLayerEqualization, false),
  };
}

function refuse(name: string, value: unknown, wanted: string): never {
  throw new RangeError(
    `Option "${name}" must be ${wanted}: current value is ${JSON.stringify(value) ?? String(value)}`,
  );
}

function checkKeys(name: string, value: object | undefined, known: readonly string[]): void {
  if (value === undefined) return;
  if (typeof value !== "object" || value === null) refuse(name, value, "an object");
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new RangeError(`Option "${name}" has no "${unknown}": it takes ${known.map((key) => `"${key}"`).join(", ")}`);
}

function choice<T extends string, D>(name: string, allowed: readonly T[], value: T | undefined, otherwise: D): T | D {
  if (value === undefined) return otherwise;
  if (!allowed.includes(value)) refuse(name, value, `one of ${allowed.map((one) => JSON.stringify(one)).join(", ")}`);
  return value;
}

function flag(name: string, value: boolean | undefined, otherwise: boolean): boolean {
  if (value !== undefined && typeof value !== "boolean") refuse(name, value, "true or false");
  return value ?? otherwise;
}

function count(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) refuse(name, value, "a positive whole number");
  return value;
}

function above(name: string, value: number): number {
  if (!(value > 0)) refuse(name, value, "a number above 0");
  return value;
}

function alpha(kind: string, value: number): number {
  if (!Number.isFinite(value) || value > 1) refuse(`smoothQuantAlphas.${kind}`, value, "a number up to 1");
  return value;
}

function constraintsOf(name: string, constraints: QuantizationConstraints): QuantizationConstraints {
  checkKeys(name, constraints, ["numBits", "mode", "signednessToForce", "perChannel", "narrowRange"]);
  const { numBits = 8, mode, signednessToForce, perChannel, narrowRange } = constraints;
  if (numBits !== 8) refuse(`${name}.numBits`, numBits, "8");
  choice(`${name}.mode`, CHOICES.mode, mode, null);
  for (const [key, value] of Object.entries({ signednessToForce, perChannel, narrowRange })) {
    flag(`${name}.${key}`, value, false);
  }
  return constraints;
}

function estimatorOf(
  name: string,
  params: RangeEstimatorParams | undefined,
  otherwise: RangeEstimator,
): RangeEstimator {
  if (params === undefined) return otherwise;
  if (typeof params === "string") {
    const known = Object.keys(RANGE_ESTIMATORS) as RangeEstimatorName[];
    return RANGE_ESTIMATORS[choice(name, known, params, "minmax")];
  }
  checkKeys(name, params, ["min", "max"]);
  const [min, max] = (["min", "max"] as const).map((end): StatisticsCollector => {
    checkKeys(`${name}.${end}`, params[end], ["statisticsType", "aggregatorType", "quantileOutlierProb"]);
    const collector = { ...otherwise[end], ...params[end] };
    const { statisticsType, aggregatorType, quantileOutlierProb } = collector;
    choice<StatisticsType, null>(`${name}.${end}.statisticsType`, CHOICES.statisticsType, statisticsType, null);
    choice<AggregatorType, null>(`${name}.${end}.aggregatorType`, CHOICES.aggregatorType, aggregatorType, null);
    if (!(quantileOutlierProb >= 0 && quantileOutlierProb < 0.5)) {
      refuse(`${name}.${end}.quantileOutlierProb`, quantileOutlierProb, "at least 0 and below 0.5");
    }
    return collector;
  }) as [StatisticsCollector, StatisticsCollector];
  const raw = [min, max].filter(({ aggregatorType }) => DISTRIBUTION_AGGREGATORS.has(aggregatorType));
  if (raw.length === 1 || (raw.length === 2 && min.aggregatorType !== max.aggregatorType)) {
    refuse(`${name}.max.aggregatorType`, max.aggregatorType, `"${raw[0]!.aggregatorType}" at both ends or at none`);
  }
  for (const [end, one] of [["min", min], ["max", max]] as const) {
    if ((one.statisticsType === "raw") !== DISTRIBUTION_AGGREGATORS.has(one.aggregatorType)) {
      refuse(`${name}.${end}.statisticsType`, one.statisticsType, `"raw" with the aggregators of distributions alone`);
    }
  }
  return { min, max };
}
