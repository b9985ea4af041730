/** Tests of operators that are programs. */
import assert from "node:assert/strict";
import { fused } from "../../src/ops/fused.ts";
import type { Op } from "../../src/ops/op.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { type Case, testOp } from "./harness.ts";

/** A case of an operator that is a program, or not one for these inputs. */
export interface PointwiseCase extends Omit<Case, "cpuOnly"> {
  /** `false` where the operator has no program for the inputs. */
  readonly program?: false;
}

/** Tests each operator by its definition, and its program against that, on the CPU and the GPU. */
export function testPointwise(name: string, cases: Record<string, PointwiseCase>): void {
  testOp(name, Object.fromEntries(Object.entries(cases).map(([title, c]) => [title, { ...c, cpuOnly: true }])));
  const programs = Object.entries(cases).flatMap(([title, c]): [string, Case][] => {
    const program = programOf(c);
    Deno.test(`${name} ${title} (has ${c.program === false ? "no" : "a"} program)`, () => {
      assert.equal(program === null, c.program === false);
    });
    return program ? [[title, { ...c, ...program, outputs: c.op.reference(c.inputs) }]] : [];
  });
  testOp(`${name} as a program`, Object.fromEntries(programs));
}

function programOf({ op, inputs, constants = [] }: PointwiseCase): { op: Op; inputs: Tensor[] } | null {
  const known = inputs.map((input, i) =>
    input && (constants.includes(i) ? input : { dtype: input.dtype, shape: input.shape })
  );
  const pointwise = op.pointwise?.(known);
  if (!pointwise) return null;
  const dtype = op.infer(known)[0]!.dtype as "f32" | "i8";
  return { op: fused(pointwise.program, dtype), inputs: pointwise.operands.map((i) => inputs[i]!) };
}
