/**
 * Ways of quantizing that go beyond the defaults, and the ladder that tries them in order of cost.
 *
 * No labels are needed: a way is judged by the signal-to-noise ratio of the model's outputs on calibration items that its
 * ranges were not taken from.
 *
 * @module
 */
import type { AdvancedQuantizationOptions, Preset, QuantizeOptions, RecipeName } from "./options.ts";

/** What a recipe sets. */
interface Change {
  readonly preset?: Preset;
  readonly fastBiasCorrection?: boolean;
  readonly advanced?: AdvancedQuantizationOptions;
}

/** Ready recipes, in order of cost: ranges first, then what changes weights and biases. */
export const RECIPES = {
  minmax: { advanced: { activationsRangeEstimatorParams: "minmax", weightsRangeEstimatorParams: "minmax" } },
  percentile: { advanced: { activationsRangeEstimatorParams: "percentile" } },
  mse: { advanced: { activationsRangeEstimatorParams: "mse", weightsRangeEstimatorParams: "mse" } },
  best: { advanced: { activationsRangeEstimatorParams: "best", weightsRangeEstimatorParams: "best" } },
  asymmetric: { preset: "mixed" },
  equalization: { advanced: { crossLayerEqualization: true } },
  bias_correction: { fastBiasCorrection: false },
} as const satisfies Readonly<Record<Exclude<RecipeName, "auto">, Change>>;

/** What one rung of the ladder gave. */
export interface Rung {
  /** The recipes that it joins, in the order in which they were added; none for the options as given. */
  readonly recipes: readonly string[];
  /** The signal-to-noise ratio of the outputs on the items held back, in dB. */
  readonly sqnr: number;
  /** Whether it was better than all before it. */
  readonly kept: boolean;
}

/** A recipe must be this much better than one of less cost, in dB: differences below it are chance. */
const LEAST_GAIN = 0.1;

/** Options with a recipe added. What the options say themselves stands. */
export function withRecipe(options: QuantizeOptions, name: Exclude<RecipeName, "auto">): QuantizeOptions {
  const { advanced, ...change }: Change = RECIPES[name];
  return { ...change, ...options, advanced: { ...advanced, ...options.advanced } };
}

/** The fields that a recipe sets, each with what the options say of it. */
function fieldsOf(name: keyof typeof RECIPES, options: QuantizeOptions): Map<string, unknown> {
  const { advanced = {}, ...change }: Change = RECIPES[name];
  return new Map([
    ...(Object.keys(change) as (keyof Change)[]).map((key): [string, unknown] => [key, options[key]]),
    ...(Object.keys(advanced) as (keyof AdvancedQuantizationOptions)[]).map((key): [string, unknown] => [
      key,
      options.advanced?.[key],
    ]),
  ]);
}

/** The options with each recipe added alone that would change anything: what the ladder will ask for, but for combinations. */
export function candidates(options: QuantizeOptions): QuantizeOptions[] {
  return [options, ...openRecipes(options).map((name) => withRecipe(options, name))];
}

function openRecipes(options: QuantizeOptions): (keyof typeof RECIPES)[] {
  return (Object.keys(RECIPES) as (keyof typeof RECIPES)[]).filter((name) =>
    [...fieldsOf(name, options).values()].some((value) => value === undefined)
  );
}

/**
 * Climbs the ladder: each recipe is added to the best so far and stays where the outputs come nearer to those in float.
 * Recipes that set the same field replace each other.
 *
 * @param options What the user fixed; no recipe changes it.
 * @param measure The signal-to-noise ratio under some options, in dB; higher is better.
 */
export async function climb(
  options: QuantizeOptions,
  measure: (options: QuantizeOptions) => Promise<number>,
): Promise<{
  readonly options: QuantizeOptions;
  readonly recipes: readonly string[];
  readonly rungs: readonly Rung[];
}> {
  let best = { recipes: [] as readonly Exclude<RecipeName, "auto">[], sqnr: await measure(options), options };
  const rungs: Rung[] = [{ recipes: [], sqnr: best.sqnr, kept: true }];
  for (const name of openRecipes(options)) {
    const recipes = [...best.recipes.filter((own) => !shareField(own, name)), name];
    const candidate = recipes.reduce(withRecipe, options);
    const sqnr = await measure(candidate);
    const kept = sqnr - best.sqnr >= LEAST_GAIN;
    rungs.push({ recipes, sqnr, kept });
    if (kept) best = { recipes, sqnr, options: candidate };
  }
  return { options: best.options, recipes: best.recipes, rungs };
}

function shareField(a: keyof typeof RECIPES, b: keyof typeof RECIPES): boolean {
  const other = fieldsOf(b, {});
  return [...fieldsOf(a, {}).keys()].some((field) => other.has(field));
}
