/** Pointwise programs that linear operators run on their results. @module */
import type { Operand } from "../gpu/launch.ts";
import { mapBroadcast } from "./_pointwise.ts";
import type { Field } from "./_linear.ts";
import type { Epilogue, Op } from "./op.ts";
import { evaluate, type Instruction, INSTRUCTIONS } from "./pointwise.ts";

/** The most instructions that the linear kernels take. */
export const MAX_STEPS = 8;

/** Constants of shaders/lib/steps.wgsl for instructions. */
export function stepConstants(instructions: readonly Instruction[]): Record<string, number> {
  return Object.fromEntries(instructions.map(({ code, args: [a = 0, b = 0] }, k) => {
    return [`STEP${k}`, INSTRUCTIONS.indexOf(code) | a << 8 | b << 16];
  }));
}

/** Immediate numbers of instructions, for `count` of them, in a uniform. */
export function immediateFields(instructions: readonly Instruction[], count: number): Field[] {
  return Array.from({ length: count }, (_, k) => {
    const { p = 0, q = 0 } = instructions[k] ?? {};
    return ["f32", p, q, 0, 0] as const;
  });
}

/**
 * Constants of a linear kernel for what its results are, and what follows them. Register 1 is always the other input, so that
 * instructions of programs without one move up by a register.
 */
export function continuationConstants({ integer, then }: Epilogue, other: Operand | null): Record<string, number> {
  const rounded = integer ? { ROUNDED: integer.out ? 1 : 0 } : {};
  if (!then) return rounded;
  const OTHER = !other ? 0 : other.dtype === "i8" ? 2 : 1;
  return { ...rounded, COUNT: then.program.instructions.length, OTHER, ...stepConstants(registersOf(then.program)) };
}

/** The immediate numbers of what follows, behind the `fields` of a uniform, which are padded to whole blocks. */
export function withImmediates({ then }: Epilogue, fields: readonly Field[]): Field[] {
  const count = fields.reduce((sum, [, ...values]) => sum + values.length, 0);
  const padding = new Array<number>((4 - count % 4) % 4).fill(0);
  return [...fields, ["u32", ...padding], ...immediateFields(then?.program.instructions ?? [], MAX_STEPS)];
}

function registersOf(
  { inputs, instructions }: { inputs: number; instructions: readonly Instruction[] },
): Instruction[] {
  const missing = 2 - inputs;
  return instructions.map((instruction) => ({
    ...instruction,
    args: instruction.args.map((register) => register < inputs ? register : register + missing),
  }));
}

/**
 * A linear operator as it is, followed by the continuation of its epilogue. The kernels run both at once, so only the types
 * and the definition are composed here.
 */
export function withContinuation(op: Op, { then }: Epilogue): Op {
  if (!then) return op;
  const { program, dtype } = then;
  const companion = <T>(inputs: readonly (T | null)[]): T[] => {
    if (program.inputs === 1) return [];
    const other = inputs[3];
    if (!other) throw new TypeError("A continuation reads input 3, which is missing");
    return [other];
  };
  return {
    ...op,
    infer: (inputs) => {
      const [result] = op.infer(inputs);
      for (const { shape } of companion(inputs)) {
        if (`${shape}` !== `${result!.shape}`) {
          throw new RangeError(
            `Input 3 must have the shape of the result [${result!.shape}]: current shape is [${shape}]`,
          );
        }
      }
      return [{ dtype, shape: result!.shape }];
    },
    reference: (inputs) => {
      const [result] = op.reference(inputs);
      return [mapBroadcast([result!, ...companion(inputs)], dtype, (values) => evaluate(program, values))];
    },
    layouts: (inputs, outputs) => {
      const layouts = op.layouts!(inputs, outputs);
      const wanted = [...layouts.inputs.slice(0, 3)];
      while (wanted.length < 3) wanted.push("plain");
      return { ...layouts, inputs: [...wanted, layouts.outputs[0]!] };
    },
  };
}
