/** Post-training quantization of a float graph. @module */
import { applyPlan } from "../graph/apply_plan.ts";
import type { Graph } from "../graph/graph.ts";
import type { QuantizedGraph } from "../graph/quantizers.ts";
import type { Backend } from "../runtime/backend.ts";
import { checkInput, openModel } from "../runtime/model.ts";
import { openBackend } from "../runtime/open.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type CalibrationItems, type CalibrationSet, calibrationSet } from "./calibration_set.ts";
import type { NetworkKind } from "./network_kind.ts";
import type { QuantizeOptions } from "./options.ts";
import { type QuantizationSettings, settingsOf } from "./settings.ts";
import { candidates, climb, type Rung, withRecipe } from "./recipe.ts";
import { requireFloat } from "./require_float.ts";
import { Stages } from "./stages.ts";
import type { CalibrationItem } from "./statistics.ts";

/** How a model was quantized. */
export interface QuantizationReport {
  /** The blocks that were recognised in the graph, and whether it was quantized as a transformer. */
  readonly network: NetworkKind;
  /** The options with the recipes and every default filled in. */
  readonly settings: QuantizationSettings;
  /** The recipes that were added to the options, in their order. */
  readonly recipes: readonly string[];
  /** What the rungs of the ladder gave; none where it was not climbed. */
  readonly rungs: readonly Rung[];
}

/** A model that was quantized, and how. */
export interface QuantizationResult extends QuantizedGraph {
  /** How it was quantized. */
  readonly report: QuantizationReport;
}

/** Calibration items that the ladder judges recipes on: this share of them, but no more than the second number. */
const [HELD_BACK, MOST_HELD_BACK] = [0.25, 64];

/**
 * Quantizes a float graph to 8 bits in the manner of NNCF's `quantize`: quantizers placed by propagation, weights symmetric
 * in i8 with a scale for each output channel, ranges of activations from the calibration items, biases corrected.
 *
 * Networks with attention are recognised and quantized as transformers, with SmoothQuant. With `recipe: "auto"` the ladder of
 * recipes is climbed on a part of the items that is held back, without labels.
 *
 * @param calibration Items like those that the model will see; labels are not needed.
 * @throws {RangeError} Where an option is not one of those allowed, there are no items, an item does not fit the model, its
 * numbers are not finite, or the model is quantized already.
 */
export async function quantize(
  graph: Graph,
  calibration: CalibrationItems,
  options: QuantizeOptions = {},
): Promise<QuantizationResult> {
  const { recipe, onProgress } = options;
  let done = 0;
  const onItem = (): void => onProgress?.(++done);
  const settings = settingsOf(options);
  requireFloat(graph);
  const items = await calibrationSet(calibration, settings.subsetSize);
  for (const input of graph.inputs) checkInput(input, items.first[input.name]);
  await using resources = new AsyncDisposableStack();
  const backend = options.backend ?? resources.use(await openBackend());
  if (recipe === "auto") return await quantizeByLadder(graph, items, backend, options, onItem);
  const own = recipe ? settingsOf(withRecipe(options, recipe)) : settings;
  const { model, network } = await new Stages(graph, items, backend, onItem).quantize(own);
  return { ...model, report: { network, settings: own, recipes: recipe ? [recipe] : [], rungs: [] } };
}

async function quantizeByLadder(
  graph: Graph,
  items: CalibrationSet,
  backend: Backend,
  options: QuantizeOptions,
  onItem: () => void,
): Promise<QuantizationResult> {
  const all = await Array.fromAsync(items);
  const count = Math.min(Math.floor(all.length * HELD_BACK), MOST_HELD_BACK);
  // Every nth item is held back, so that both parts are like the whole however the items are sorted.
  const isHeld = (i: number): boolean => Math.floor((i + 1) * count / all.length) > Math.floor(i * count / all.length);
  const held = count === 0 ? all : all.filter((_, i) => isHeld(i));
  const rest = all.filter((_, i) => !isHeld(i));
  const wanted = await outputsOf(graph, held, backend);
  const stages = new Stages(graph, await calibrationSet(rest, rest.length), backend, onItem);
  stages.anticipate(candidates(options).map(settingsOf));
  const { options: best, recipes, rungs } = await climb(options, async (own) => {
    const { model } = await stages.quantize(settingsOf(own));
    return signalToNoise(wanted, await outputsOf(applyPlan(model, new Set()), held, backend));
  });
  const whole = new Stages(graph, items, backend, onItem);
  const settings = settingsOf(best);
  const { model, network } = await whole.quantize(settings);
  const few = count === 0
    ? [`Recipes were judged on the items that ranges were taken from: there are only ${all.length}`]
    : [];
  return { ...model, warnings: [...model.warnings, ...few], report: { network, settings, recipes, rungs } };
}

async function outputsOf(graph: Graph, items: readonly CalibrationItem[], backend: Backend): Promise<Tensor[]> {
  await using model = openModel(graph, backend);
  const outputs: Tensor[] = [];
  for (const item of items) {
    outputs.push(...Object.values(await model.run(item)).filter(({ dtype }) => dtype === "f32"));
  }
  return outputs;
}

/** The power of the outputs over that of their error, in dB, all items together. */
function signalToNoise(wanted: readonly Tensor[], got: readonly Tensor[]): number {
  let [signal, noise] = [0, 0];
  for (const [i, { data }] of wanted.entries()) {
    for (let k = 0; k < data.length; k++) {
      signal += data[k]! ** 2;
      noise += (got[i]!.data[k]! - data[k]!) ** 2;
    }
  }
  return 10 * Math.log10(signal / noise);
}
