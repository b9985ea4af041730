/** The one kernel for all pointwise operators, and chains of them. @module */
import { foldGrid, type Launch, type Operand, uniform } from "../gpu/launch.ts";
import { broadcastShapes } from "../tensor/tensor.ts";
import { immediateFields, stepConstants } from "./_continuation.ts";
import { mapBroadcast } from "./_pointwise.ts";
import { ACCESSES, layoutsOf, type Walk, walkOf } from "./_pointwise_access.ts";
import { type Op, required, type Target } from "./op.ts";
import { evaluate, type Instruction, type Program } from "./pointwise.ts";

/** The most inputs that the kernel takes. */
export const MAX_INPUTS = 6;

/** The most instructions that the kernel takes. */
export const MAX_INSTRUCTIONS = 16;

/** A program over named values. */
export interface NamedProgram {
  /** For each input of the program, the name of the value. */
  readonly operands: readonly string[];
  /** The program. */
  readonly program: Program;
}

/** Whether one kernel can run a program. */
export function fits({ inputs, instructions }: Program): boolean {
  return inputs >= 1 && inputs <= MAX_INPUTS && instructions.length <= MAX_INSTRUCTIONS;
}

/**
 * One program that does what `inner` does and then what `outer` does with its result.
 *
 * A value that is read more than once is one operand, and a step that both do alike is done once.
 *
 * @param operand The operand of `outer` that `inner` computes.
 * @throws {RangeError} Where `outer` has no such operand.
 */
export function merge(outer: NamedProgram, operand: string, inner: NamedProgram): NamedProgram {
  if (!outer.operands.includes(operand)) {
    throw new RangeError(`Cannot merge at "${operand}": the operands are ${outer.operands.join(", ")}`);
  }
  const names = [...inner.operands, ...outer.operands.filter((name) => name !== operand)];
  const operands = [...new Set(names)];
  const instructions: Instruction[] = [];
  const append = ({ program }: NamedProgram, registers: number[]): number => {
    for (const instruction of program.instructions) {
      const args = instruction.args.map((register) => registers[register]!);
      const known = instructions.findIndex((other) => sameStep(other, { ...instruction, args }));
      registers.push(operands.length + (known < 0 ? instructions.push({ ...instruction, args }) - 1 : known));
    }
    return registers.at(-1)!;
  };
  const result = append(inner, inner.operands.map((name) => operands.indexOf(name)));
  append(outer, outer.operands.map((name) => name === operand ? result : operands.indexOf(name)));
  return { operands, program: { inputs: operands.length, instructions } };
}

function sameStep(a: Instruction, b: Instruction): boolean {
  return a.code === b.code && a.p === b.p && a.q === b.q && a.args.every((register, i) => register === b.args[i]);
}

/**
 * A program as an operator: its inputs are f32 or i8 tensors that broadcast together (i8 elements count as the whole
 * numbers that they hold), its output has the broadcast shape.
 *
 * @param dtype The type of the output; the results for "i8" must be whole numbers in [-128, 127].
 * @param describe What the program does, for messages.
 * @throws {RangeError} Where the kernel cannot hold the program.
 */
export function fused(program: Program, dtype: "f32" | "i8", describe = "fused"): Op {
  if (!fits(program)) {
    throw new RangeError(
      `Cannot run ${describe} as one kernel: it takes 1 to ${MAX_INPUTS} inputs and up to ${MAX_INSTRUCTIONS} ` +
        `instructions, got ${program.inputs} and ${program.instructions.length}`,
    );
  }
  const present = <T>(inputs: readonly (T | null)[]): T[] =>
    Array.from({ length: program.inputs }, (_, i) => required(inputs[i], `${describe} operand ${i}`));
  return {
    infer: (inputs) => {
      const all = present(inputs);
      for (const input of all) {
        if (input.dtype !== "f32" && input.dtype !== "i8") {
          throw new TypeError(`${describe} takes f32 or i8: current type is ${input.dtype}`);
        }
      }
      return [{ dtype, shape: broadcastShapes(...all.map((input) => input.shape)) }];
    },
    reference: (inputs) => [mapBroadcast(present(inputs), dtype, (values) => evaluate(program, values))],
    layouts: (inputs, [output]) => {
      const { inputs: own, output: result } = layoutsOf(present(inputs), required(output, "output"));
      return { inputs: own, outputs: [result] };
    },
    lower: (inputs, [output], target) => [launchOf(program, present(inputs), required(output, "output"), target)],
  };
}

function launchOf(program: Program, inputs: readonly Operand[], output: Operand, { lanes }: Target): Launch {
  const walk = walkOf(inputs, output);
  if (walk.sizes.length > 8) {
    throw new RangeError(`Cannot broadcast over ${walk.sizes.length + 1} separate axes: at most 9 are supported`);
  }
  const bytes = [output, ...inputs].some((operand) => operand.dtype === "i8");
  const columns = walk.flat ? walk.rows * walk.columns : walk.columns;
  const vectors = bytes ? 4 : lanes === 8 ? vectorsFor(columns) : 1;
  const blocks = Math.ceil(columns / (4 * vectors));
  const items = walk.flat ? blocks : walk.rows * blocks;
  return {
    shader: "pointwise",
    constants: {
      INPUTS: inputs.length,
      COUNT: program.instructions.length,
      VECS: vectors,
      OUTER: walk.sizes.length,
      FLAT: Number(walk.flat),
      GATHERS: walk.accesses.some(({ mode }) => mode === "gather") ? vectors : 0,
      OUT_I8: Number(output.dtype === "i8"),
      ...Object.fromEntries(inputs.map((input, i) => {
        const mode = ACCESSES.indexOf(walk.accesses[i]!.mode);
        return [`OPERAND${i}`, mode | (input.dtype === "i8" ? 16 : 0)];
      })),
      ...stepConstants(program.instructions),
    },
    bindings: [
      ...Array.from({ length: MAX_INPUTS }, (_, i) => ({ input: i < inputs.length ? i : 0 })),
      { output: 0 },
    ],
    params: paramsOf(program, walk, columns, blocks, items),
    workgroups: foldGrid(Math.ceil(items / 64)),
  };
}

/** Vectors of 4 f32 for one invocation of a CPU adapter: fewer invocations are faster, unless many vectors are idle. */
function vectorsFor(columns: number): 1 | 2 | 4 {
  const all = Math.ceil(columns / 4);
  const most = ([4, 2] as const).find((count) => Math.ceil(all / count) * count <= 1.25 * all);
  return most ?? 1;
}

/** `struct Params` of shaders/pointwise.wgsl. */
function paramsOf(program: Program, walk: Walk, columns: number, blocks: number, items: number): ArrayBuffer {
  const eight = (values: readonly number[]) => Array.from({ length: 8 }, (_, i) => values[i] ?? 1);
  return uniform(
    ["u32", items, blocks, columns, walk.columns, walk.step, 0, 0, 0],
    ["u32", ...eight(walk.sizes)],
    ...Array.from({ length: MAX_INPUTS }, (_, i) => {
      const { divisor, modulus, step, inner, strides } = walk.accesses[i] ?? walk.accesses[0]!;
      return ["u32", divisor, modulus, step, inner, ...eight(strides)] as const;
    }),
    ...immediateFields(program.instructions, MAX_INSTRUCTIONS),
  );
}
