/**
 * Quantization of ONNX models with accuracy control, and their execution through WebGPU.
 *
 * acqua turns an FP32 model into a mixed INT8/FP32 one that loses no more of your own metric than you allow.
 *
 * @example Quantize a file
 * ```ts ignore
 * import { quantizeWithAccuracyControl, readModel, top1, writeOnnx } from "@acqua/acqua";
 *
 * const graph = readModel(await Deno.readFile("model.onnx"));
 * const result = await quantizeWithAccuracyControl(graph, calibration, validation, top1, { maxDrop: 0.01 });
 * await Deno.writeFile("model.int8.onnx", writeOnnx(result.graph));
 * ```
 *
 * @example Quantize a graph made in code, with a metric of your own
 * ```ts
 * import { type Graph, openBackend, quantizeWithAccuracyControl, tensor } from "@acqua/acqua";
 * import assert from "node:assert/strict";
 *
 * const graph: Graph = {
 *   name: "sum of four",
 *   opset: 13,
 *   inputs: [{ name: "x", dtype: "f32", shape: ["N", 4] }],
 *   outputs: [{ name: "y", dtype: "f32", shape: ["N", 1] }],
 *   nodes: [{ name: "sum", op: "MatMul", inputs: ["x", "w"], outputs: ["y"], attributes: new Map() }],
 *   constants: new Map([["w", tensor("f32", [4, 1], [1, 1, 1, 1])]]),
 *   metadata: new Map(),
 * };
 * const items = Array.from({ length: 8 }, (_, i) => tensor("f32", [1, 4], [i, 2 * i, 3 * i, 4 * i]));
 *
 * await using backend = await openBackend("cpu");
 * const result = await quantizeWithAccuracyControl(
 *   graph,
 *   items.map((x) => ({ x })),
 *   items,
 *   async (model, data) => {
 *     let error = 0;
 *     for (const [i, x] of data.entries()) error += Math.abs((await model.run({ x }))["y"]!.data[0]! - 10 * i);
 *     return -error / data.length; // higher is better
 *   },
 *   { maxDrop: 0.2, recipe: "minmax", backend },
 * );
 * assert(result.reached);
 * assert.equal(result.plan.size, 0); // nothing had to stay in FP32
 * ```
 *
 * @module
 */
export {
  type DType,
  type KnownType,
  type Tensor,
  tensor,
  type TensorData,
  type TensorType,
} from "./src/tensor/tensor.ts";
export type { QuantizationParameters } from "./src/tensor/quantization.ts";
export type { Attributes, AttributeValue, Graph, ModelInfo, Node, ValueInfo } from "./src/graph/graph.ts";
export { applyPlan, type QdqForm } from "./src/graph/apply_plan.ts";
export { exportGraph, type ExportOptions } from "./src/graph/export.ts";
export { type ExportTarget, forTarget } from "./src/graph/targets.ts";
export {
  type Group,
  type Plan,
  type QuantizedGraph,
  type Quantizer,
  type Reader,
  type Site,
} from "./src/graph/quantizers.ts";
export type { ClockKind } from "./src/gpu/clock.ts";
export type { Peak } from "./src/gpu/peak.ts";
export type { Layout } from "./src/gpu/layout.ts";
export type { Binding, Launch, Operand, Packed } from "./src/gpu/launch.ts";
export type { ShaderName } from "./src/gpu/shaders.ts";
export type { Moved } from "./src/ops/_movement.ts";
export type { Placement } from "./src/ops/_strided.ts";
export type { Layouts, Op, Quantization, QuantizedOp, Target } from "./src/ops/op.ts";
export type { Instruction, InstructionCode, INSTRUCTIONS, Pointwise, Program } from "./src/ops/pointwise.ts";
export type { View } from "./src/ops/view.ts";
export { extractQuantizers } from "./src/graph/extract.ts";
export { UnsupportedModelError } from "./src/onnx/read.ts";
export { writeOnnx } from "./src/onnx/write.ts";
export { readModel } from "./src/runtime/read_model.ts";
export type { Backend, BackendOptions, Executable, TimedLaunch, Timings } from "./src/runtime/backend.ts";
export type { TuningStore } from "./src/runtime/tuning.ts";
export { openBackend } from "./src/runtime/open.ts";
export { type Model, openModel, planOf } from "./src/runtime/model.ts";
export type { ExecutionPlan, Precision, Step } from "./src/runtime/plan.ts";
export {
  nodeCosts,
  type Profile,
  type ProfiledLaunch,
  profileModel,
  type ProfileOptions,
  type ProfileTotal,
  type Work,
} from "./src/runtime/profile.ts";
export { NodeError } from "./src/runtime/specialize.ts";
export { GpuError } from "./src/runtime/webgpu.ts";
export type { CalibrationItem } from "./src/quant/statistics.ts";
export type { IgnoredScope, Subgraph } from "./src/quant/ignored_scope.ts";
export { optionsFor } from "./src/quant/target_options.ts";
export { compressWeights, type CompressWeightsOptions } from "./src/quant/compress_weights.ts";
export type { CalibrationItems } from "./src/quant/calibration_set.ts";
export type { NetworkKind } from "./src/quant/network_kind.ts";
export type {
  AdvancedQuantizationOptions,
  BiasCorrectionParams,
  ModelType,
  OverflowFix,
  Preset,
  QuantizationConstraints,
  QuantizeOptions,
  QuantizerPropagationRule,
  RangeEstimatorParams,
  RecipeName,
  SmoothQuantAlphas,
  TargetDevice,
} from "./src/quant/options.ts";
export type { QuantizationSettings } from "./src/quant/settings.ts";
export { type QuantizationReport, type QuantizationResult, quantize } from "./src/quant/quantize.ts";
export type {
  AggregatorType,
  RangeEstimator,
  RangeEstimatorName,
  StatisticsCollector,
  StatisticsType,
} from "./src/quant/range_estimator.ts";
export type { Rung } from "./src/quant/recipe.ts";
export {
  type AccuracyControlOptions,
  type AccuracyControlResult,
  type CostOption,
  quantizeWithAccuracyControl,
  type SearchOptions,
} from "./src/search/accuracy_control.ts";
export type { Budget } from "./src/search/budget.ts";
export type { Costs, CostUnit } from "./src/search/costs.ts";
export {
  AccuracyDropError,
  BaselineMismatchError,
  type DropReason,
  InvalidMetricError,
  SearchInterruptedError,
} from "./src/search/errors.ts";
export type { FrontPoint, PlanFigures } from "./src/search/front.ts";
export { guided } from "./src/search/guided.ts";
export { type ItemMetric, itemMetric, type ItemMetricParts } from "./src/search/item_metric.ts";
export { type Journal, memoryJournal } from "./src/search/journal.ts";
export type { DropType, Limit, Measured } from "./src/search/limit.ts";
export { linear } from "./src/search/linear.ts";
export type { Evaluation, Forecast, Metric, Score } from "./src/search/measure.ts";
export { type ItemInputs, runItems } from "./src/search/batches.ts";
export { type LabelledItem, top1, top5, topK } from "./src/search/metrics.ts";
export { argmax, f1Score, isInTopK } from "./src/metrics/classification.ts";
export {
  type Box,
  COCO_OVERLAPS,
  type Detection,
  type DetectionResult,
  intersectionOverUnion,
  type LabelledBox,
  meanAveragePrecision,
  suppress,
} from "./src/metrics/detection.ts";
export { meanSquaredError, peakSignalToNoise, pearson, spearman } from "./src/metrics/regression.ts";
export { meanIntersectionOverUnion, type SegmentedImage } from "./src/metrics/segmentation.ts";
export {
  characterErrorRate,
  editDistance,
  exactMatch,
  perplexity,
  type TextPair,
  tokenLoss,
  wordErrorRate,
} from "./src/metrics/text.ts";
export { nncf, type NncfOptions } from "./src/search/nncf.ts";
export type { Holdout, Reverted, SearchOutcome, SearchStatus, Sensitivity } from "./src/search/outcome.ts";
export type {
  EvaluationEvent,
  ProbeEvent,
  RevertEvent,
  SearchEvent,
  SensitivityEvent,
  Stage,
  StageEvent,
} from "./src/search/progress.ts";
export type { Interval } from "./src/search/statistics.ts";
export type { StrategyName } from "./src/search/strategies.ts";
export type { SearchContext, Strategy } from "./src/search/strategy.ts";
export type { Validate } from "./src/search/subject.ts";
export type { Expected } from "./src/search/surrogate.ts";
export {
  REPORT_FORMAT,
  type ReportCost,
  type ReportData,
  type ReportEvaluation,
  type ReportFile,
  type ReportGroup,
  type ReportInterval,
  reportJson,
  type ReportMetric,
  type ReportPoint,
  type ReportRange,
  type ReportRecipe,
  type ReportRun,
  type ReportSensitivity,
  type ReportTime,
  type ReportTimes,
} from "./src/report/data.ts";
export { reportPage } from "./src/report/html/page.ts";
export { type ReportContext, reportOf, reportOfModel } from "./src/report/from_result.ts";
export { rangesOf } from "./src/report/ranges.ts";
export { timesOf } from "./src/report/times.ts";
export { type GroupRank, type GroupRanking, rankGroups, type RankOptions } from "./src/search/rank.ts";
