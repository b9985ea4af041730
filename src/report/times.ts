/** How long a model takes in FP32, in INT8 and under a plan, operation by operation. @module */
import { applyPlan } from "../graph/apply_plan.ts";
import type { Plan, QuantizedGraph } from "../graph/quantizers.ts";
import type { Backend } from "../runtime/backend.ts";
import { nodeCosts, type Profile, profileModel, type ProfileOptions } from "../runtime/profile.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ReportTime, ReportTimes } from "./data.ts";

/** What takes time beside the nodes of the float graph: conversions between precisions and layouts. */
const OTHER = "conversions and copies";

/**
 * Measures a quantized model in FP32, with every group in INT8 and, where some group is kept in FP32, under the plan.
 *
 * @param inputs A tensor for each input, by name.
 * @throws {TypeError} Where the backend has no clock.
 */
export async function timesOf(
  model: QuantizedGraph,
  plan: Plan,
  inputs: Readonly<Record<string, Tensor>>,
  backend: Backend,
  options: ProfileOptions = {},
): Promise<ReportTimes> {
  const fp32 = await profileModel(model.graph, inputs, backend, options);
  const int8 = await profileModel(applyPlan(model, new Set()), inputs, backend, options);
  const result = plan.size > 0 ? await profileModel(applyPlan(model, plan), inputs, backend, options) : null;
  return {
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape])),
    clock: fp32.clock === "timestamps" ? "timestamps of the device" : "the clock of the host",
    rounds: fp32.rounds,
    endToEnd: {
      fp32Ms: fp32.endToEndMs,
      int8Ms: int8.endToEndMs,
      ...(result && { resultMs: result.endToEndMs }),
    },
    layers: layersOf(model, plan, fp32, int8, result),
  };
}

function layersOf(
  { graph, groups }: QuantizedGraph,
  plan: Plan,
  fp32: Profile,
  int8: Profile,
  result: Profile | null,
): ReportTime[] {
  const own = new Set(graph.nodes.map(({ name }) => name));
  const reverted = new Set(groups.filter(({ id }) => plan.has(id)).flatMap(({ nodes }) => nodes));
  const [float, whole, mixed] = [fp32, int8, result].map((profile) => profile && costsOf(profile, own));
  const row = (node: string): Pick<ReportTime, "fp32Ms" | "int8Ms" | "resultMs"> => ({
    fp32Ms: float!.get(node) ?? null,
    int8Ms: whole!.get(node) ?? null,
    ...(mixed && { resultMs: mixed.get(node) ?? null }),
  });
  const timed = graph.nodes.filter(({ name }) => float!.has(name) || whole!.has(name) || mixed?.has(name));
  return [
    ...timed.map(({ name, op }): ReportTime => ({
      node: name,
      operator: op,
      reverted: reverted.has(name),
      ...row(name),
    })),
    { node: OTHER, reverted: false, ...row(OTHER) },
  ].filter(({ fp32Ms, int8Ms, resultMs }) => fp32Ms !== null || int8Ms !== null || (resultMs ?? null) !== null);
}

/** The costs of nodes that the float graph has; those of all others in one sum. */
function costsOf(profile: Profile, own: ReadonlySet<string>): Map<string, number> {
  const costs = new Map<string, number>();
  for (const [node, ms] of nodeCosts(profile)) {
    const name = own.has(node) ? node : OTHER;
    costs.set(name, (costs.get(name) ?? 0) + ms);
  }
  return costs;
}
