/** If, Loop and Scan: the runtime puts their bodies in their place, and asks here for what it must know to do so. @module */
import { numberOf, type Op, type OpFactory, UnknownElementsError } from "./op.ts";

/** If: the branch must be known. */
export const conditional: OpFactory = (): Op => needing(["cond"]);

/** Loop: how often it runs must be known, round by round. */
export const loop: OpFactory = (): Op => needing(["M", "cond"]);

/** Scan: it runs as often as its inputs have slices, which their shapes say. */
export const scan: OpFactory = (attributes): Op => {
  if (numberOf(attributes, "num_scan_inputs", 0) < 1) throw new TypeError('Scan needs "num_scan_inputs" of at least 1');
  return needing([]);
};

function needing(names: readonly string[]): Op {
  const refuse = (): never => {
    throw new TypeError("It is no operator of its own: its body runs in its place");
  };
  return {
    infer: (inputs) => {
      names.forEach((name, i) => {
        const input = inputs[i];
        if (input && !input.data) throw new UnknownElementsError(input, name);
      });
      return refuse();
    },
    reference: refuse,
  };
}
