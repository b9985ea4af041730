/** The reference backend: every operator by its definition. @module */
import type { Tensor } from "../tensor/tensor.ts";
import type { Backend } from "./backend.ts";
import type { ExecutionPlan } from "./plan.ts";

/** A backend that runs every step by its definition: slow, and what the kernels are tested against. */
export function cpuBackend(): Backend {
  return {
    name: "cpu",
    device: "CPU (reference)",
    constantBytes: 0,
    prepare: (plan) =>
      Promise.resolve({
        bytes: 0,
        run: (inputs) => Promise.resolve(runByReference(plan, inputs)),
        [Symbol.dispose]: () => {},
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function runByReference(plan: ExecutionPlan, inputs: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const values = new Map<string, Tensor>([...plan.constants, ...inputs]);
  const lastUse = new Map<string, number>();
  plan.steps.forEach((step, i) => step.inputs.forEach((name) => name && lastUse.set(name, i)));
  for (const { name } of plan.outputs) lastUse.set(name, Infinity);
  plan.steps.forEach((step, i) => {
    const results = step.op.reference(step.inputs.map((name) => name ? values.get(name)! : null));
    step.outputs.forEach((name, o) => name && values.set(name, results[o]!));
    for (const name of step.inputs) if (name && lastUse.get(name) === i) values.delete(name);
  });
  return new Map(plan.outputs.map(({ name }) => [name, values.get(name)!]));
}
