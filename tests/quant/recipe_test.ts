import assert from "node:assert/strict";
import type { QuantizeOptions } from "../../src/quant/options.ts";
import { climb, withRecipe } from "../../src/quant/recipe.ts";

const estimator = (options: QuantizeOptions) => options.advanced?.activationsRangeEstimatorParams;

Deno.test("withRecipe() leaves what the user fixed", () => {
  const fixed = { preset: "performance", advanced: { weightsRangeEstimatorParams: "minmax" } } as const;
  assert.deepEqual(withRecipe(fixed, "asymmetric").preset, "performance");
  assert.deepEqual(withRecipe(fixed, "mse").advanced, {
    activationsRangeEstimatorParams: "mse",
    weightsRangeEstimatorParams: "minmax",
  });
});

Deno.test("climb() adds each recipe that helps, and replaces those that set the same field", async () => {
  const asked: QuantizeOptions[] = [];
  const { options, rungs } = await climb({}, (own) => {
    asked.push(own);
    const ranges = { minmax: 12, percentile: 11, mse: 15, best: 15.05 }[estimator(own) as string] ?? 10;
    return Promise.resolve(ranges + (own.advanced?.crossLayerEqualization ? 2 : 0) - (own.preset === "mixed" ? 1 : 0));
  });
  assert.deepEqual(rungs.map(({ recipes, sqnr, kept }) => [recipes.join("+"), sqnr, kept]), [
    ["", 10, true],
    ["minmax", 12, true],
    ["percentile", 11, false],
    ["mse", 15, true],
    ["best", 15.05, false],
    ["mse+asymmetric", 14, false],
    ["mse+equalization", 17, true],
    ["mse+equalization+bias_correction", 17, false],
  ]);
  assert.equal(estimator(options), "mse");
  assert.equal(options.advanced?.crossLayerEqualization, true);
  assert.equal(options.fastBiasCorrection, undefined);
  assert.deepEqual(asked[0], {});
});

Deno.test("climb() never changes what the user fixed", async () => {
  const fixed: QuantizeOptions = {
    preset: "performance",
    fastBiasCorrection: true,
    advanced: { activationsRangeEstimatorParams: "minmax", weightsRangeEstimatorParams: "minmax" },
  };
  const { options, rungs } = await climb(fixed, (own) => Promise.resolve(own.advanced?.crossLayerEqualization ? 5 : 4));
  assert.deepEqual(rungs.map(({ recipes }) => recipes), [[], ["equalization"]]);
  assert.deepEqual(options, { ...fixed, advanced: { ...fixed.advanced, crossLayerEqualization: true } });
});

Deno.test("climb() keeps the options as given where nothing helps", async () => {
  const { options } = await climb({ subsetSize: 7 }, () => Promise.resolve(3));
  assert.deepEqual(options, { subsetSize: 7 });
});

Deno.test("climb() keeps nothing where nothing is lost", async () => {
  const { recipes } = await climb({}, () => Promise.resolve(Infinity));
  assert.deepEqual(recipes, []);
});
