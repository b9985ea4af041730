/**
 * Pointwise steps that become part of the convolution or product before them: activations spelt out, residual additions,
 * requantization. What would be stored and loaded again stays in registers.
 *
 * @module
 */
import { MAX_STEPS } from "../ops/_continuation.ts";
import type { Continuation, Op } from "../ops/op.ts";
import type { Program } from "../ops/pointwise.ts";
import type { KnownType } from "../tensor/tensor.ts";
import type { Step } from "./plan.ts";

/** A linear step, and how to make it anew with a continuation. */
export interface Continuable {
  /** The step's operator, followed by a program. */
  readonly followedBy: (then: Continuation) => Op;
  /** Whether its results are f32 and it is no integer kernel, so that it stores f32 only. */
  readonly float: boolean;
}

/** What a plan knows of its steps. */
export interface StepFacts {
  /** The linear steps. */
  readonly linear: ReadonlyMap<Step, Continuable>;
  /** The pointwise steps. */
  readonly programs: ReadonlyMap<Step, Continuation>;
  /** The types of all values. */
  readonly types: ReadonlyMap<string, KnownType>;
  /** Names of the values that must be stored: the graph's outputs. */
  readonly outputs: ReadonlySet<string>;
}

/**
 * Joins each pointwise step with a linear step whose result it alone reads. The joined step stands where the pointwise one
 * stood, since that may read a value computed in between.
 */
export function continueLinear(steps: readonly Step[], facts: StepFacts): Step[] {
  const makers = new Map<string, Step>();
  const readers = new Map<string, number>();
  for (const step of steps) {
    for (const name of step.outputs) makers.set(name, step);
    for (const name of new Set(step.inputs)) if (name) readers.set(name, (readers.get(name) ?? 0) + 1);
  }
  const order = new Map(steps.map((step, i) => [step, i]));
  const joined = new Map<Step, Step | null>();
  for (const step of steps) {
    const own = facts.programs.get(step);
    if (!own || own.program.instructions.length > MAX_STEPS || new Set(step.inputs).size !== step.inputs.length) {
      continue;
    }
    const candidates = step.inputs.flatMap((name) => {
      const maker = makers.get(name!);
      const free = maker && facts.linear.has(maker) && !joined.has(maker) && readers.get(name!) === 1 &&
        !facts.outputs.has(name!);
      return free ? [{ name: name!, maker }] : [];
    }).sort((a, b) => order.get(b.maker)! - order.get(a.maker)!);
    for (const { name, maker } of candidates) {
      const both = join(maker, name, step, own, facts);
      if (!both) continue;
      joined.set(maker, null).set(step, both);
      break;
    }
  }
  return steps.flatMap((step) => {
    const own = joined.get(step);
    return own === undefined ? [step] : own === null ? [] : [own];
  });
}

function join(
  maker: Step,
  result: string,
  step: Step,
  { program, dtype }: Continuation,
  { linear, types }: StepFacts,
): Step | null {
  const { followedBy, float } = linear.get(maker)!;
  const others = step.inputs.filter((name) => name !== result).map((name) => name!);
  const known = maker.inputs.map((name) => name === null ? null : types.get(name)!);
  if (others.length > 1 || !maker.op.continues?.(known)) return null;
  const shape = `${types.get(result)!.shape}`;
  if (`${types.get(step.outputs[0]!)!.shape}` !== shape) return null;
  for (const name of others) {
    const type = types.get(name)!;
    if (`${type.shape}` !== shape || type.data || (float && type.dtype !== "f32")) return null;
  }
  if (float && dtype !== "f32") return null;
  const [a, b, bias = null] = maker.inputs;
  return {
    ...maker,
    op: followedBy({ program: withFirst(program, step.inputs.indexOf(result)), dtype }),
    inputs: [a!, b!, bias, ...others],
    outputs: step.outputs,
  };
}

/** The program with its input number `first` as number 0. */
function withFirst(program: Program, first: number): Program {
  if (first === 0) return program;
  const swap = (register: number): number => register === 0 ? first : register === first ? 0 : register;
  return {
    ...program,
    instructions: program.instructions.map((own) => ({ ...own, args: own.args.map(swap) })),
  };
}
