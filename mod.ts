/**
 * Quantization of ONNX models with accuracy control, and their execution through WebGPU.
 *
 * acqua turns an FP32 model into a mixed INT8/FP32 one that loses no more of your own metric than you allow.
 *
 * @example Run a model
 * ```ts ignore
 * import { openBackend, openModel, readModel, tensor } from "@acqua/acqua";
 *
 * await using backend = await openBackend();
 * await using model = openModel(readModel(await Deno.readFile("model.onnx")), backend);
 * const { logits } = await model.run({ input: tensor("f32", [1, 3, 32, 32], new Float32Array(3072)) });
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
export type { Attributes, AttributeValue, Graph, Node, ValueInfo } from "./src/graph/graph.ts";
export { applyPlan } from "./src/graph/apply_plan.ts";
export {
  type Group,
  type Plan,
  type QuantizedGraph,
  type Quantizer,
  type Reader,
  type Site,
} from "./src/graph/quantizers.ts";
export type { Layout } from "./src/gpu/layout.ts";
export type { Binding, Launch, Operand, Packed } from "./src/gpu/launch.ts";
export type { ShaderName } from "./src/gpu/shaders.ts";
export type { Layouts, Op, Target } from "./src/ops/op.ts";
export type { Instruction, InstructionCode, INSTRUCTIONS, Pointwise, Program } from "./src/ops/pointwise.ts";
export { extractQuantizers } from "./src/graph/extract.ts";
export { UnsupportedModelError } from "./src/onnx/read.ts";
export { writeOnnx } from "./src/onnx/write.ts";
export { readModel } from "./src/runtime/read_model.ts";
export type { Backend, Executable } from "./src/runtime/backend.ts";
export { openBackend } from "./src/runtime/open.ts";
export { type Model, openModel, planOf } from "./src/runtime/model.ts";
export type { ExecutionPlan, Precision, Step } from "./src/runtime/plan.ts";
export { NodeError } from "./src/runtime/specialize.ts";
export { GpuError } from "./src/runtime/webgpu.ts";
export type { CalibrationItem } from "./src/quant/calibrate.ts";
export type { IgnoredScope } from "./src/quant/ignored_scope.ts";
export { quantize, type QuantizeOptions } from "./src/quant/quantize.ts";
export {
  type AccuracyControlOptions,
  type AccuracyControlResult,
  quantizeWithAccuracyControl,
  type Validate,
} from "./src/search/accuracy_control.ts";
export { AccuracyDropError, InvalidMetricError, SearchInterruptedError } from "./src/search/errors.ts";
export type { Evaluation, Metric, Score } from "./src/search/ledger.ts";
export type { DropType } from "./src/search/limit.ts";
export { type ItemInputs, runItems } from "./src/search/batches.ts";
export { type LabelledItem, top1 } from "./src/search/metrics.ts";
export type { EvaluationEvent, RevertEvent, SearchEvent, Stage, StageEvent } from "./src/search/progress.ts";
export type { Reverted, SearchOutcome } from "./src/search/search.ts";
export { straightforward, type StraightforwardOptions } from "./src/search/straightforward.ts";
export type { SearchContext, Strategy } from "./src/search/strategy.ts";
