import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { UnknownElementsError } from "../../src/ops/op.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";

Deno.test("If and Loop ask for what decides how often their bodies run", () => {
  const unknown = { dtype: "bool", shape: [] } as const;
  assert.throws(() => OPS["If"]!(new Map(), 16).infer([unknown]), UnknownElementsError);
  assert.throws(() => OPS["Loop"]!(new Map(), 16).infer([i64(3), unknown]), {
    name: "UnknownElementsError",
    message: '"cond" must be known before the model runs: it is computed from the data',
  });
});

Deno.test("If, Loop and Scan are not computed themselves", () => {
  const yes = tensor("bool", [], [1]);
  for (const op of [OPS["If"]!(new Map(), 16), OPS["Scan"]!(new Map([["num_scan_inputs", 1]]), 16)]) {
    assert.throws(() => op.reference([yes]), TypeError);
  }
  assert.throws(() => OPS["Scan"]!(new Map(), 16), TypeError);
});
