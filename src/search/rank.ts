/** How much each group costs alone, without labels. @module */
import { applyPlan } from "../graph/apply_plan.ts";
import type { Graph, ValueInfo } from "../graph/graph.ts";
import type { Group, QuantizedGraph } from "../graph/quantizers.ts";
import type { CalibrationItem } from "../quant/statistics.ts";
import type { Backend } from "../runtime/backend.ts";
import { openModel } from "../runtime/model.ts";
import { openBackend } from "../runtime/open.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ItemInputs, runItems } from "./batches.ts";
import { spreadItems } from "./subset.ts";

/** What the outputs lose where one group alone is in INT8. */
export interface GroupRank extends Group {
  /** Squared error of the outputs as a share of their power: the mean over outputs and items. */
  readonly nmse: number;
  /** The same as a signal-to-noise ratio in dB; `null` where the outputs do not change. */
  readonly sqnrDb: number | null;
  /** Kullback-Leibler divergence of the class scores from those in FP32, in nats; `null` where outputs are no such scores. */
  readonly divergence: number | null;
}

/** Groups with what each costs alone. */
export interface GroupRanking {
  /** The groups, most sensitive first: by divergence where it is known, else by noise. */
  readonly groups: readonly GroupRank[];
  /** Number of items used. */
  readonly items: number;
}

/** How groups are ranked. */
export interface RankOptions {
  /** Items used at most, spread over those given. Default 32. */
  readonly items?: number;
  /** Whether the first output holds scores of classes along its last axis. Default: where it is the only one, of 2 or 3 axes. */
  readonly classScores?: boolean;
  /** Where models run. Default: WebGPU where there is an adapter, else the CPU. */
  readonly backend?: Backend;
  /** Called before each group and after the last. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops before the next group. */
  readonly signal?: AbortSignal;
}

/**
 * Ranks the groups of a quantized model by how far its outputs move where that group alone is in INT8. Labels are not needed.
 *
 * @example
 * ```ts ignore
 * import { quantize, rankGroups, readModel } from "@acqua/acqua";
 *
 * const model = await quantize(readModel(await Deno.readFile("model.onnx")), calibration);
 * const { groups } = await rankGroups(model, calibration);
 * for (const { id, sqnrDb, divergence } of groups) console.log(id, sqnrDb, divergence);
 * ```
 *
 * @param calibration Items as calibration takes them.
 * @throws {RangeError} Where there are no items, or `items` is not a whole number of at least 1.
 */
export async function rankGroups(
  model: QuantizedGraph,
  calibration: Iterable<CalibrationItem> | AsyncIterable<CalibrationItem>,
  options: RankOptions = {},
): Promise<GroupRanking> {
  const { items: most = 32, onProgress, signal } = options;
  if (!Number.isInteger(most) || most < 1) {
    throw new RangeError(`Option "items" must be a whole number of at least 1, got ${most}`);
  }
  const all = await Array.fromAsync(calibration);
  if (all.length === 0) throw new RangeError("The calibration set is empty: at least one item is needed");
  const chosen = spreadItems(all.length, most).map((i) => all[i]!);
  const items = chosen.every((item) => isOneOfMany(model.graph, item)) ? chosen.map(withoutBatch) : chosen;
  await using resources = new AsyncDisposableStack();
  const backend = options.backend ?? resources.use(await openBackend());
  const reference = await outputsOf(model.graph, items, backend);
  const classScores = options.classScores ?? areScores(model.graph.outputs, reference[0]!);
  const ids = model.groups.map(({ id }) => id);
  const groups: GroupRank[] = [];
  for (const [done, group] of model.groups.entries()) {
    signal?.throwIfAborted();
    onProgress?.(done, ids.length);
    const alone = applyPlan(model, new Set(ids.filter((id) => id !== group.id)));
    const outputs = await outputsOf(alone, items, backend);
    const nmse = mean(outputs.map((own, i) => mean(own.map(({ data }, k) => noiseOf(reference[i]![k]!.data, data)))));
    groups.push({
      ...group,
      nmse,
      sqnrDb: nmse === 0 ? null : -10 * Math.log10(nmse),
      divergence: classScores ? mean(outputs.map((own, i) => klOf(reference[i]![0]!, own[0]!))) : null,
    });
  }
  onProgress?.(ids.length, ids.length);
  const badness = ({ divergence, nmse }: GroupRank): number => divergence ?? nmse;
  return { groups: groups.sort((a, b) => badness(b) - badness(a)), items: items.length };
}

/** The outputs of a model for each item, in the order of its outputs. */
async function outputsOf(graph: Graph, items: readonly ItemInputs[], backend: Backend): Promise<Tensor[][]> {
  await using model = openModel(graph, backend);
  const outputs: Tensor[][] = [];
  for await (const own of runItems(model, items)) outputs.push(graph.outputs.map(({ name }) => own[name]!));
  return outputs;
}

function isOneOfMany({ inputs }: Graph, item: CalibrationItem): boolean {
  return inputs.every(({ name, shape }) => typeof shape?.[0] === "string" && item[name]?.shape[0] === 1);
}

function withoutBatch(item: CalibrationItem): ItemInputs {
  return Object.fromEntries(
    Object.entries(item).map(([name, { dtype, shape, data }]) => [name, { dtype, shape: shape.slice(1), data }]),
  );
}

/** Whether outputs can be scores of classes: one output, of items by classes, or of items by places by classes. */
function areScores(outputs: readonly ValueInfo[], [first]: readonly Tensor[]): boolean {
  const { shape, dtype } = first!;
  return outputs.length === 1 && dtype === "f32" && (shape.length === 2 || shape.length === 3) && shape.at(-1)! > 1;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function noiseOf(reference: ArrayLike<number>, values: ArrayLike<number>): number {
  let [noise, power] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    noise += (reference[i]! - values[i]!) ** 2;
    power += reference[i]! ** 2;
  }
  return noise === 0 ? 0 : noise / Math.max(power, Number.MIN_VALUE);
}

/** The mean over rows of the divergence between the distributions of two outputs. */
function klOf(reference: Tensor, values: Tensor): number {
  const classes = reference.shape.at(-1)!;
  const rows = reference.data.length / classes;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const [before, after] = [reference, values].map(({ data }) =>
      Array.from(data.slice(row * classes, (row + 1) * classes))
    ) as [number[], number[]];
    const log = areProbabilities(before) ? logarithms : logSoftmax;
    const [p, q] = [log(before), log(after)];
    for (let i = 0; i < classes; i++) sum += Math.exp(p[i]!) * (p[i]! - q[i]!);
  }
  return Math.max(0, sum / rows);
}

/** Probabilities below this count as this: their logarithms stay finite. */
const LEAST_PROBABILITY = 1e-12;

function areProbabilities(scores: readonly number[]): boolean {
  return Math.abs(scores.reduce((a, b) => a + b, 0) - 1) < 1e-3 && scores.every((score) => score >= 0);
}

function logarithms(probabilities: readonly number[]): number[] {
  return probabilities.map((p) => Math.log(Math.max(p, LEAST_PROBABILITY)));
}

function logSoftmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const shift = most + Math.log(scores.reduce((total, score) => total + Math.exp(score - most), 0));
  return scores.map((score) => score - shift);
}
