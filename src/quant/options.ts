/** What can be set of a quantization. @module */
import type { Backend } from "../runtime/backend.ts";
import type { IgnoredScope } from "./ignored_scope.ts";
import type { RangeEstimatorName, StatisticsCollector } from "./range_estimator.ts";

/** `"performance"`: all symmetric. `"mixed"`: weights symmetric, activations asymmetric. */
export type Preset = "performance" | "mixed";

/** The device that the file is meant for. In 8 bits all but `"cpu_spr"` place quantizers alike. */
export type TargetDevice = "any" | "cpu" | "gpu" | "npu" | "cpu_spr";

/** What kind of network it is. `"auto"` looks for attention blocks; `"transformer"` and `"none"` say so. */
export type ModelType = "auto" | "transformer" | "none";

/** Which weights keep to half the range, so that sums of two products fit 16 bits on CPUs without VNNI. */
export type OverflowFix = "enable" | "first_layer_only" | "disable";

/** What happens where quantizers of several branches meet. */
export type QuantizerPropagationRule =
  | "do_not_merge_branches"
  | "merge_if_all_branches_same"
  | "merge_with_potential_requantization"
  | "merge_all_in_one";

/** How quantizers of one kind are made; what is left out follows the preset and the operator. */
export interface QuantizationConstraints {
  /** Number of bits. Only 8 is supported. */
  readonly numBits?: number;
  /** Whether zero lies in the middle of the range. */
  readonly mode?: "symmetric" | "asymmetric";
  /** `true`: signed even where no value is negative; `false`: unsigned even where some are, which then become 0. */
  readonly signednessToForce?: boolean;
  /** Whether each channel has its own scale, where the operator allows it. */
  readonly perChannel?: boolean;
  /** Whether the lowest integer is left out, so that the range is even. */
  readonly narrowRange?: boolean;
}

/** Settings of bias correction. */
export interface BiasCorrectionParams {
  /** Greatest relative change of a bias element that is applied. Default 2 for the fast algorithm, 1000 for the full one. */
  readonly threshold?: number;
}

/** How much of the range of activations SmoothQuant moves into the weights, from 0 to 1; negative: none. */
export interface SmoothQuantAlphas {
  /** For convolutions. Default -1. */
  readonly convolution?: number;
  /** For matrix products. Default 0.95. */
  readonly matmul?: number;
}

/**
 * A set of options that often helps: another estimator of ranges (`"minmax"`, `"percentile"`, `"mse"`, `"best"`),
 * `"asymmetric"` activations, cross-layer `"equalization"`, or full `"bias_correction"`. `"auto"` tries them all.
 */
export type RecipeName =
  | "auto"
  | "minmax"
  | "percentile"
  | "mse"
  | "best"
  | "asymmetric"
  | "equalization"
  | "bias_correction";

/** The name of an estimator, or what differs from the default one. */
export type RangeEstimatorParams = RangeEstimatorName | {
  /** The lower end. */
  readonly min?: Partial<StatisticsCollector>;
  /** The upper end. */
  readonly max?: Partial<StatisticsCollector>;
};

/** The less common settings of a quantization. */
export interface AdvancedQuantizationOptions {
  /** Which weights keep to half the range. Default `"first_layer_only"`. */
  readonly overflowFix?: OverflowFix;
  /** Whether outputs of the model are quantized. Default false. */
  readonly quantizeOutputs?: boolean;
  /** Whether channel alignment is off. Default true. */
  readonly disableChannelAlignment?: boolean;
  /** Whether bias correction is off. Default false. */
  readonly disableBiasCorrection?: boolean;
  /** Whether each element of a batch is a sample of its own in the statistics. Default: where items hold more than one. */
  readonly batchwiseStatistics?: boolean;
  /** How activations are quantized. */
  readonly activationsQuantizationParams?: QuantizationConstraints;
  /** How weights are quantized. */
  readonly weightsQuantizationParams?: QuantizationConstraints;
  /** What happens where quantizers of several branches meet. Default `"merge_all_in_one"`. */
  readonly quantizerPropagationRule?: QuantizerPropagationRule;
  /** How ranges of activations are found. Default: `"mean_minmax"`; `"minmax"` for a range per channel. */
  readonly activationsRangeEstimatorParams?: RangeEstimatorParams;
  /** How ranges of weights are found. Default `"minmax"`. */
  readonly weightsRangeEstimatorParams?: RangeEstimatorParams;
  /** Settings of bias correction. */
  readonly biasCorrectionParams?: BiasCorrectionParams;
  /** Settings of SmoothQuant, which acts on transformers. */
  readonly smoothQuantAlphas?: SmoothQuantAlphas;
  /** Whether the weights of convolutions in a row are scaled against each other so that their channels have like ranges. Default false. */
  readonly crossLayerEqualization?: boolean;
}

/** Options of {@linkcode quantize}. */
export interface QuantizeOptions {
  /** Symmetric or asymmetric activations. Default `"performance"`, for transformers `"mixed"`. */
  readonly preset?: Preset;
  /** The device that the file is meant for. Default `"any"`. */
  readonly targetDevice?: TargetDevice;
  /** How many calibration items are used at most. Default 300. */
  readonly subsetSize?: number;
  /** Whether biases are corrected for the weights' error alone (fast), or layer by layer for all error before them. Default true. */
  readonly fastBiasCorrection?: boolean;
  /** What kind of network it is. Default `"auto"`. */
  readonly modelType?: ModelType;
  /** Operations that stay in float. */
  readonly ignoredScope?: IgnoredScope;
  /** The less common settings. */
  readonly advanced?: AdvancedQuantizationOptions;
  /** A recipe that is added to the options, or `"auto"` for those that bring the outputs nearest to the float ones. Default: none. */
  readonly recipe?: RecipeName;
  /** Where the calibration runs. Default: WebGPU where there is an adapter, else the CPU. */
  readonly backend?: Backend;
  /** Called for each run of a calibration item: with recipes and SmoothQuant there are several of each. */
  readonly onProgress?: (done: number) => void;
}
