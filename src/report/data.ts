/**
 * What a report shows, as plain values: {@linkcode reportPage} makes a page of it, {@linkcode reportJson} a file.
 *
 * Parts that are not known are left out, and their sections with them.
 *
 * @module
 */

/** A file that a run read or wrote. */
export interface ReportFile {
  /** What it is for: "FP32 model", "calibration", ... */
  readonly role: string;
  /** Where it lies. */
  readonly path: string;
  /** Its size. */
  readonly bytes: number;
  /** The SHA-256 digest of its contents, in hexadecimal. */
  readonly sha256: string;
}

/** All that is needed to repeat a run. */
export interface ReportRun {
  /** The command line, ready to be pasted into a shell. */
  readonly command?: string;
  /** When the run ended, in ISO 8601. */
  readonly date?: string;
  /** Where models ran: `"webgpu"` or `"cpu"`. */
  readonly backend: string;
  /** What the device calls itself. */
  readonly device: string;
  /** Versions of the software, by its name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Every option with its value, defaults included; as JSON has them. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The files read and written. */
  readonly files: readonly ReportFile[];
}

/** How sure a drop is, from the spread over the validation items. */
export interface ReportInterval {
  /** The standard error of the drop. */
  readonly standardError: number;
  /** The lower end of the 95 % interval. */
  readonly low: number;
  /** The upper end of the 95 % interval. */
  readonly high: number;
  /** Items that a set needs to resolve the permitted drop, where these are too few. */
  readonly itemsNeeded?: number;
}

/** A metric before and after. */
export interface ReportMetric {
  /** Its name. */
  readonly name: string;
  /** The FP32 model. */
  readonly baseline: number;
  /** Every group in INT8. */
  readonly int8?: number;
  /** The model that was written. */
  readonly result: number;
  /** The drop of the result; negative where it gained. */
  readonly drop: number;
  /** The drop that was permitted. */
  readonly maxDrop: number;
  /** Whether drops are in units of the metric or shares of the baseline. */
  readonly dropType: "absolute" | "relative";
  /** Whether the drop keeps to the limit. */
  readonly reached: boolean;
  /** Number of validation items. */
  readonly items: number;
  /** How sure the drop is. */
  readonly interval?: ReportInterval;
  /** Whether it was measured on some items only, because the search was stopped. */
  readonly estimated?: boolean;
  /** The metric measured once more on the file that was written. */
  readonly exported?: number;
  /** The metric on items that the search has not seen. */
  readonly holdout?: {
    /** Number of items. */
    readonly items: number;
    /** The FP32 model. */
    readonly baseline: number;
    /** The model that was written. */
    readonly result: number;
    /** The drop between the two. */
    readonly drop: number;
    /** How sure that drop is. */
    readonly interval?: ReportInterval;
  };
}

/** A group of operations that change precision together. Its place in the list is its place in the network. */
export interface ReportGroup {
  /** Its id. */
  readonly id: string;
  /** Names of its nodes. */
  readonly nodes: readonly string[];
  /** ONNX operators of its nodes, each once. */
  readonly operators: readonly string[];
  /** Whether it is kept in FP32. */
  readonly reverted: boolean;
  /** Why it is kept in FP32, in plain words. */
  readonly reason?: string;
  /** Its share of all multiply-adds, 0 to 1. */
  readonly macsShare?: number;
  /** How far the outputs move where this group alone is in INT8, in the measure of {@linkcode ReportSensitivity}. */
  readonly sensitivity?: number;
  /** Signal to quantization noise at the outputs where this group alone is in INT8, in dB; `null` where there is no noise. */
  readonly sqnrDb?: number | null;
}

/** How the sensitivities of the groups were measured. */
export interface ReportSensitivity {
  /** Divergence of class scores in nats, squared error as a share of the outputs' power, or loss of the metric. */
  readonly measure: "kl" | "nmse" | "loss";
  /** Items used. */
  readonly items: number;
}

/** A plan that was measured. */
export interface ReportEvaluation {
  /** Number of groups in FP32; `null` for the FP32 model itself. */
  readonly reverted: number | null;
  /** Items that were run. */
  readonly items: number;
  /** Whether these were all items. */
  readonly full: boolean;
  /** The metric on them. */
  readonly metric: number;
  /** The drop: exact where `full`, else an estimate; `null` where there is none. */
  readonly drop: number | null;
  /** Time taken. */
  readonly seconds: number;
  /** Whether this is the plan that was taken. */
  readonly accepted: boolean;
}

/** A plan with what it costs and gives. */
export interface ReportPoint {
  /** Number of groups in FP32. */
  readonly reverted: number;
  /** The drop on all items. */
  readonly drop: number;
  /** Whether no other plan is better in drop without being worse in cost. */
  readonly front: boolean;
  /** Whether this is the plan that was taken. */
  readonly accepted: boolean;
  /** The share of operations in FP32, 0 to 1. */
  readonly fp32Share: number;
  /** Size of the file. */
  readonly bytes?: number;
  /** Milliseconds of a run. */
  readonly ms?: number;
}

/** A way to find ranges and correct errors that was tried before anything was reverted; the first is the options as given. */
export interface ReportRecipe {
  /** Its name. */
  readonly name: string;
  /** Signal to quantization noise at the outputs of the all-INT8 model with it, in dB. */
  readonly sqnrDb: number;
  /** The drop of the all-INT8 model with it, where it was measured. */
  readonly drop?: number;
  /** Whether it was taken. */
  readonly chosen: boolean;
}

/** The range of a quantized value. */
export interface ReportRange {
  /** The name of the value. */
  readonly value: string;
  /** Whether it is computed or a constant. */
  readonly kind: "activation" | "weight";
  /** The integer type. */
  readonly dtype: "i8" | "u8";
  /** Number of scales: 1 for the whole tensor, else one for each channel. */
  readonly channels: number;
  /** The least and the greatest scale. */
  readonly scale: readonly [least: number, greatest: number];
  /** The least and the greatest zero point. */
  readonly zeroPoint: readonly [least: number, greatest: number];
  /** The least and the greatest number that can be represented, over all channels. */
  readonly representable: readonly [low: number, high: number];
  /** The least and the greatest number seen. */
  readonly seen?: readonly [least: number, greatest: number];
  /** The share of numbers outside the representable range, 0 to 1. */
  readonly clipped?: number;
  /** Whether some operation reads it in INT8 in the model that was written. */
  readonly used: boolean;
}

/** What an operation takes. */
export interface ReportTime {
  /** The node, or what else takes time. */
  readonly node: string;
  /** Its ONNX operator, where it is a node. */
  readonly operator?: string;
  /** Whether it is kept in FP32. */
  readonly reverted: boolean;
  /** Milliseconds in the FP32 model; `null` where it is part of another operation there or absent. */
  readonly fp32Ms: number | null;
  /** Milliseconds with every group in INT8. */
  readonly int8Ms: number | null;
  /** Milliseconds in the model that was written; left out where that is the all-INT8 model. */
  readonly resultMs?: number | null;
}

/** How long models run, in milliseconds. */
export interface ReportTimes {
  /** The shapes of the inputs, by name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Whether the device or the host timed it. */
  readonly clock: string;
  /** Rounds that medians are taken of. */
  readonly rounds: number;
  /** From inputs in host memory to outputs in host memory. */
  readonly endToEnd: { readonly fp32Ms: number; readonly int8Ms: number; readonly resultMs?: number };
  /** By operation, in the order of the network. */
  readonly layers: readonly ReportTime[];
}

/** What a run spent. */
export interface ReportCost {
  /** Plans measured. */
  readonly evaluations: number;
  /** Items run through the network; parts of it count by their share of multiply-adds. */
  readonly itemInferences: number;
  /** Time taken. */
  readonly seconds: number;
}

/** Everything that a report can show. */
export interface ReportData {
  /** The name of the model. */
  readonly model: string;
  /** Size of the FP32 file and of the file that was written. */
  readonly sizes?: { readonly before: number; readonly after: number };
  /** The metrics, the first one drawn in charts; empty where nothing was measured. */
  readonly metrics: readonly ReportMetric[];
  /** The groups in the order of the network. */
  readonly groups: readonly ReportGroup[];
  /** How their sensitivities were measured. */
  readonly sensitivity?: ReportSensitivity;
  /** The plans measured, in order. */
  readonly evaluations?: readonly ReportEvaluation[];
  /** What was tried, as costs and drops. */
  readonly pareto?: readonly ReportPoint[];
  /** The recipes that were compared. */
  readonly recipes?: readonly ReportRecipe[];
  /** The ranges of quantized values, in the order of the network. */
  readonly ranges?: readonly ReportRange[];
  /** How long the models run. */
  readonly times?: ReportTimes;
  /** What the run spent. */
  readonly cost?: ReportCost;
  /** What the user could do next, in plain words. */
  readonly advice: readonly string[];
  /** What the user should know. */
  readonly warnings: readonly string[];
  /** All that is needed to repeat the run. */
  readonly run: ReportRun;
}

/** The form of report files; it changes where fields are renamed or removed. */
export const REPORT_FORMAT = "acqua report 1";

/** A report as indented JSON. Numbers that are not finite become `null`. */
export function reportJson(data: ReportData): string {
  return `${JSON.stringify({ format: REPORT_FORMAT, ...data }, null, 2)}\n`;
}
