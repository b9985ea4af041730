/** What quantizers of several branches can be merged to. @module */
import type { QuantizerForm } from "./operator_classes.ts";
import type { QuantizerPropagationRule } from "./options.ts";

/** The outcome of a merge. */
export interface Merge {
  /** The forms of the one quantizer for all branches, best first; `null` where there is none. */
  readonly merged: readonly QuantizerForm[] | null;
  /** For each branch, whether its own quantizer stays. */
  readonly stays: readonly boolean[];
}

/**
 * Merges the forms of the branches that meet at a value: to those that all have, the ones that stand first in their lists first.
 *
 * With potential requantization branches that differ keep their own quantizers behind the common one.
 */
export function mergeForms(branches: readonly (readonly QuantizerForm[])[], rule: QuantizerPropagationRule): Merge {
  const apart: Merge = { merged: null, stays: branches.map(() => true) };
  const together = branches.map(() => false);
  if (rule === "do_not_merge_branches") return apart;
  if (rule === "merge_if_all_branches_same") {
    return branches.every((forms) => sameSet(forms, branches[0]!)) ? { merged: branches[0]!, stays: together } : apart;
  }
  const candidates = branches.flat().filter((form, i, all) => all.findIndex((own) => sameForm(own, form)) === i);
  const merged = candidates.filter((form) => branches.every((forms) => forms.some((own) => sameForm(own, form))));
  if (merged.length === 0) return apart;
  const votes = new Map(merged.map((form) => [
    form,
    branches.reduce((sum, forms) => sum + forms.findIndex((own) => sameForm(own, form)), 0),
  ]));
  merged.sort((a, b) => votes.get(a)! - votes.get(b)! || preference(a) - preference(b));
  const requantizes = rule === "merge_with_potential_requantization" &&
    !branches.every((forms) => sameSet(forms, branches[0]!));
  return { merged, stays: requantizes ? apart.stays : together };
}

/** One scale before many, symmetric before asymmetric. */
function preference({ perChannel, mode }: QuantizerForm): number {
  return (perChannel ? 2 : 0) + (mode === "asymmetric" ? 1 : 0);
}

/** Whether a quantizer that follows another on the same values adds nothing to it. */
export function isRedundant(later: QuantizerForm, first: QuantizerForm): boolean {
  return later.narrowRange === first.narrowRange && (later.mode === first.mode || first.mode === "symmetric") &&
    (later.perChannel === first.perChannel || !first.perChannel);
}

/** Whether two lists hold the same forms in the same order. */
export function sameForms(a: readonly QuantizerForm[], b: readonly QuantizerForm[]): boolean {
  return a.length === b.length && a.every((form, i) => sameForm(form, b[i]!));
}

function sameSet(a: readonly QuantizerForm[], b: readonly QuantizerForm[]): boolean {
  return a.length === b.length && a.every((form) => b.some((own) => sameForm(own, form)));
}

function sameForm(a: QuantizerForm, b: QuantizerForm): boolean {
  return a.mode === b.mode && a.perChannel === b.perChannel && a.narrowRange === b.narrowRange;
}
