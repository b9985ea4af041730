/** The reference backend: every operator by its definition. @module */
import { elementSize } from "../gpu/layout.ts";
import { allocate, sizeOf, type Tensor } from "../tensor/tensor.ts";
import type { Backend, Executable, TimedLaunch, Timings } from "./backend.ts";
import type { ExecutionPlan, Step } from "./plan.ts";

/** A backend that runs every step by its definition: slow, and what the kernels are tested against. */
export function cpuBackend(): Backend {
  return {
    name: "cpu",
    device: "CPU (reference)",
    constantBytes: 0,
    prepare: (plan) => Promise.resolve(prepare(plan)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function prepare(plan: ExecutionPlan): Executable {
  const carried = plan.carried ?? new Map<string, string>();
  let state = zeroState(plan);
  return {
    bytes: 0,
    run: (inputs) => {
      const results = runByReference(plan, new Map([...inputs, ...state]));
      for (const [input, output] of carried) {
        state.set(input, results.get(output)!);
        results.delete(output);
      }
      return Promise.resolve(results);
    },
    takeCarried: () => {
      const taken = new Map(Array.from(carried, ([input, output]): [string, Tensor] => [output, state.get(input)!]));
      state = zeroState(plan);
      return Promise.resolve(taken);
    },
    time: (inputs, rounds) => Promise.resolve(time(plan, new Map([...inputs, ...state]), rounds)),
    [Symbol.dispose]: () => {},
  };
}

function zeroState({ carried, types }: ExecutionPlan): Map<string, Tensor> {
  return new Map(Array.from(carried?.keys() ?? [], (name): [string, Tensor] => {
    const { dtype, shape } = types.get(name)!;
    return [name, { dtype, shape, data: allocate(dtype, sizeOf(shape)) }];
  }));
}

/** @param onStep Is told the number of each step and the milliseconds that it took. */
function runByReference(
  plan: ExecutionPlan,
  inputs: ReadonlyMap<string, Tensor>,
  onStep: (index: number, ms: number) => void = () => {},
): Map<string, Tensor> {
  const values = new Map<string, Tensor>([...plan.constants, ...inputs]);
  const lastUse = new Map<string, number>();
  plan.steps.forEach((step, i) => step.inputs.forEach((name) => name && lastUse.set(name, i)));
  for (const { name } of plan.outputs) lastUse.set(name, Infinity);
  plan.steps.forEach((step, i) => {
    runStep(step, values, (ms) => onStep(i, ms));
    for (const name of step.inputs) if (name && lastUse.get(name) === i) values.delete(name);
  });
  return new Map(plan.outputs.map(({ name }) => [name, values.get(name)!]));
}

/** Computes a step by its definition, from values to values; `onTime` is told the milliseconds that it took. */
export function runStep(step: Step, values: Map<string, Tensor>, onTime: (ms: number) => void): void {
  const start = performance.now();
  const results = step.op.reference(step.inputs.map((name) => name ? values.get(name)! : null));
  onTime(performance.now() - start);
  step.outputs.forEach((name, i) => name && values.set(name, results[i]!));
}

function time(plan: ExecutionPlan, inputs: ReadonlyMap<string, Tensor>, rounds: number): Timings {
  const times: number[][] = plan.steps.map(() => []);
  for (let round = 0; round < rounds; round++) runByReference(plan, inputs, (i, ms) => times[i]!.push(ms));
  return { clock: "wall", launches: plan.steps.map((step, i) => timedStep(step, plan, times[i]!)) };
}

/** A step that was computed by its definition, with the milliseconds that it took in each round. */
export function timedStep(step: Step, { types }: ExecutionPlan, times: readonly number[]): TimedLaunch {
  const bytesOf = (name: string | null): number => {
    const type = name === null ? undefined : types.get(name);
    return type ? sizeOf(type.shape) * elementSize(type.dtype) : 0;
  };
  const bytes = [...new Set([...step.inputs, ...step.outputs])].reduce((sum, name) => sum + bytesOf(name), 0);
  return { node: step.node, step, kernel: "reference", constants: {}, bytes, times };
}
