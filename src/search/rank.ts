/** How much each group costs alone, without labels. @module */
import type { Group, QuantizedGraph } from "../graph/quantizers.ts";
import type { CalibrationItem } from "../quant/statistics.ts";
import type { Backend } from "../runtime/backend.ts";
import { openBackend } from "../runtime/open.ts";
import { specialize } from "../runtime/specialize.ts";
import { divergence, type ItemOutput } from "./divergence.ts";
import { openObserver } from "./observer.ts";
import { sample } from "./sample.ts";
import { asScores, givesProbabilities } from "./scores.ts";
import { mean } from "./statistics.ts";
import { allBut } from "./plans.ts";

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
  /** Items used at most, drawn from all those given. Default 32. */
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
  const items = await sample(calibration, most);
  if (items.length === 0) throw new RangeError("The calibration set is empty: at least one item is needed");
  await using resources = new AsyncDisposableStack();
  const observer = openObserver(model, items, options.backend ?? resources.use(await openBackend()));
  const probabilities = givesProbabilities(model.graph);
  const reference = await observer.reference();
  const scores = reference.map((outputs) => asScores(outputs, probabilities));
  const classScores = options.classScores ?? areScores(model, items[0]!, reference[0]!);
  const groups: GroupRank[] = [];
  for (const [done, group] of model.groups.entries()) {
    signal?.throwIfAborted();
    onProgress?.(done, model.groups.length);
    const outputs = await observer.observe(allBut(model.groups, group), items.length);
    const noise = mean(outputs.map((own, i) => divergence(reference[i]!, own, "nmse")));
    groups.push({
      ...group,
      nmse: noise,
      sqnrDb: noise === 0 ? null : -10 * Math.log10(noise),
      divergence: classScores
        ? mean(outputs.map((own, i) => divergence(scores[i]!, asScores(own, probabilities), "kl")))
        : null,
    });
  }
  onProgress?.(model.groups.length, model.groups.length);
  const badness = (rank: GroupRank): number => rank.divergence ?? rank.nmse;
  return { groups: groups.sort((a, b) => badness(b) - badness(a)), items: items.length };
}

/** Whether outputs can be scores of classes: one output, of items by classes, or of items by places by classes. */
function areScores({ graph }: QuantizedGraph, item: CalibrationItem, [first]: readonly ItemOutput[]): boolean {
  const { types } = specialize(graph, item);
  const type = types.get(graph.outputs[0]!.name);
  const rank = type?.shape.length;
  return graph.outputs.length === 1 && type?.dtype === "f32" && (rank === 2 || rank === 3) && first!.last > 1;
}
