/** From a quantized model and a plan to the graph of a file for a target. @module */
import { applyPlan } from "./apply_plan.ts";
import type { Graph } from "./graph.ts";
import { isActive, type Plan, type QuantizedGraph } from "./quantizers.ts";
import { EXPORT_TARGETS, type ExportTarget, forTarget, QDQ_FORMS } from "./targets.ts";
import { VERSION } from "./version.ts";

/** How a file is written. */
export interface ExportOptions {
  /** Who reads it. Default `"onnxruntime"`. */
  readonly target?: ExportTarget;
  /** How the model was quantized: kept as JSON in the metadata of the file, so what it holds must have a JSON form. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** The key of the metadata that holds, as JSON, how a file was quantized. */
export const QUANTIZATION_METADATA = "acqua.quantization";

/**
 * The graph of a plan as a target wants it, for `writeOnnx`: weights in i8, quantizers in the target's types, and under
 * `acqua.quantization` of the metadata a JSON object with the version of acqua, the target, the groups kept in float and
 * the parameters given. The metadata of the original stay.
 *
 * @throws {RangeError} Where the graph's operator set has no quantization, or none along an axis and a scale needs it.
 */
export function exportGraph(model: QuantizedGraph, plan: Plan, options: ExportOptions = {}): Graph {
  const { target = "onnxruntime", parameters = {} } = options;
  if (!EXPORT_TARGETS.includes(target)) {
    throw new RangeError(
      `"target" must be one of ${EXPORT_TARGETS.map((name) => `"${name}"`).join(", ")}: current value is "${target}"`,
    );
  }
  const own = forTarget(model, target);
  checkOpset(own, plan);
  const graph = applyPlan(own, plan, QDQ_FORMS[target]);
  const told = { version: VERSION, target, groupsInFloat: [...plan], ...parameters };
  return { ...graph, metadata: new Map([...graph.metadata, [QUANTIZATION_METADATA, JSON.stringify(told)]]) };
}

function checkOpset({ graph, quantizers }: QuantizedGraph, plan: Plan): void {
  const active = quantizers.filter((quantizer) => isActive(quantizer, plan));
  const along = active.find(({ parameters }) => parameters.axis !== null);
  const wanted = along ? 13 : active.length > 0 ? 10 : 0;
  if (graph.opset >= wanted) return;
  throw new RangeError(
    `Cannot write the quantizer of "${(along ?? active[0]!).id}": the graph's operator set must be at least ${wanted}` +
      `${along ? " for scales along an axis" : ""}: current value is ${graph.opset}`,
  );
}
