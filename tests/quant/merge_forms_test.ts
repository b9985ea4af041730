import assert from "node:assert/strict";
import { isRedundant, mergeForms } from "../../src/quant/merge_forms.ts";
import type { QuantizerForm } from "../../src/quant/operator_classes.ts";
import type { QuantizerPropagationRule } from "../../src/quant/options.ts";

const form = (mode: QuantizerForm["mode"], perChannel: boolean): QuantizerForm => ({
  mode,
  perChannel,
  narrowRange: false,
});
const [s, a, sc, ac] = [
  form("symmetric", false),
  form("asymmetric", false),
  form("symmetric", true),
  form("asymmetric", true),
];

Deno.test("mergeForms() merges branches that differ as the rule says", () => {
  const merge = (rule: QuantizerPropagationRule, ...branches: QuantizerForm[][]) => mergeForms(branches, rule);
  const [depthwise, conv] = [[sc, s], [s]];
  assert.deepEqual(merge("merge_all_in_one", depthwise, conv), { merged: [s], stays: [false, false] });
  assert.deepEqual(merge("merge_all_in_one", depthwise, depthwise).merged, [sc, s]);
  assert.deepEqual(merge("merge_all_in_one", [s], [a]), { merged: null, stays: [true, true] });
  assert.deepEqual(merge("merge_if_all_branches_same", depthwise, conv), { merged: null, stays: [true, true] });
  assert.deepEqual(merge("merge_if_all_branches_same", conv, conv), { merged: [s], stays: [false, false] });
  assert.deepEqual(merge("do_not_merge_branches", conv, conv), { merged: null, stays: [true, true] });
  const requantized = merge("merge_with_potential_requantization", depthwise, conv);
  assert.deepEqual(requantized, { merged: [s], stays: [true, true] });
  assert.deepEqual(merge("merge_with_potential_requantization", conv, conv).stays, [false, false]);
});

Deno.test("mergeForms() prefers what the branches prefer, and else one scale and a symmetric range", () => {
  const merged = (...branches: QuantizerForm[][]) => mergeForms(branches, "merge_all_in_one").merged;
  assert.deepEqual(merged([ac, sc, a, s], [ac, sc, a, s]), [ac, sc, a, s]);
  assert.deepEqual(merged([s, a], [a, s]), [s, a]);
  assert.deepEqual(merged([sc, a], [a, sc]), [a, sc]);
});

Deno.test("isRedundant() drops a quantizer that adds nothing to the one before it", () => {
  const redundant = (later: QuantizerForm, first: QuantizerForm) => isRedundant(later, first);
  assert(redundant(s, s) && redundant(a, s) && redundant(sc, s) && redundant(ac, sc));
  assert(!redundant(s, a) && !redundant(s, sc) && !redundant({ ...s, narrowRange: true }, s));
});
