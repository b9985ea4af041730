/**
 * Operators that treat each element alone, as small programs: chains of them fuse into one kernel.
 *
 * @module
 */
import { roundHalfToEven } from "../tensor/quantization.ts";

/**
 * What one instruction does to its registers. `p` and `q` are its immediate numbers.
 *
 * The order is the numbering of shaders/pointwise.wgsl.
 */
export const INSTRUCTIONS = [
  "add", // a + b
  "sub", // a - b
  "mul", // a * b
  "div", // a / b
  "pow", // a ^ b
  "max", // max(a, b)
  "min", // min(a, b)
  "addp", // a + p
  "mulp", // a * p
  "rdivp", // p / a
  "powp", // a ^ p
  "clamp", // min(max(a, p), q)
  "sqrt",
  "sigmoid",
  "tanh",
  "hardsigmoid", // clamp(p * a + q, 0, 1)
  "exp",
  "abs",
  "neg",
  "round", // half to even
  "quantize", // clamp(round(a / p) + q, -128, 127)
  "dequantize", // (a - q) * p
  "trunc", // towards zero: a cast to an integer type
  "erf",
  "quotient", // a / b, rounded as IEEE 754 asks on every GPU; for quotients below 4096
] as const;

/** The name of an instruction. */
export type InstructionCode = typeof INSTRUCTIONS[number];

/** One step of a program. */
export interface Instruction {
  /** What is done. */
  readonly code: InstructionCode;
  /** The registers read. Registers 0, 1, ... are the program's inputs; each instruction appends one. */
  readonly args: readonly number[];
  /** First immediate number. */
  readonly p?: number;
  /** Second immediate number. */
  readonly q?: number;
}

/** A program on single elements; the last register is the result. */
export interface Program {
  /** How many inputs it reads. */
  readonly inputs: number;
  /** What is done, in order. */
  readonly instructions: readonly Instruction[];
}

/** An operator as a program over some of its inputs. */
export interface Pointwise {
  /** For each input of the program, the number of the operator's input. */
  readonly operands: readonly number[];
  /** The program. */
  readonly program: Program;
}

/** The greatest finite f32: the upper bound of a `clamp` that has none, its negative the lower one. */
export const MAX_F32 = 3.4028234663852886e38;

/** Runs a program on one number for each of its inputs: every step is rounded to f32. */
export function evaluate(program: Program, inputs: readonly number[]): number {
  const registers = [...inputs];
  for (const { code, args, p = 0, q = 0 } of program.instructions) {
    const [a = NaN, b = NaN] = args.map((register) => registers[register]!);
    registers.push(Math.fround(step(code, a, b, Math.fround(p), Math.fround(q))));
  }
  return registers.at(-1)!;
}

function step(code: InstructionCode, a: number, b: number, p: number, q: number): number {
  switch (code) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return a / b;
    case "pow":
      return a ** b;
    case "max":
      return Math.max(a, b);
    case "min":
      return Math.min(a, b);
    case "addp":
      return a + p;
    case "mulp":
      return a * p;
    case "rdivp":
      return p / a;
    case "powp":
      return a ** p;
    case "clamp":
      return Math.min(Math.max(a, p), q);
    case "sqrt":
      return Math.sqrt(a);
    case "sigmoid":
      return 1 / (1 + Math.exp(-a));
    case "tanh":
      return Math.tanh(a);
    case "hardsigmoid":
      return Math.min(Math.max(Math.fround(Math.fround(a * p) + q), 0), 1);
    case "exp":
      return Math.exp(a);
    case "abs":
      return Math.abs(a);
    case "neg":
      return -a;
    case "round":
      return roundHalfToEven(a);
    case "quantize":
      return Math.min(Math.max(roundHalfToEven(Math.fround(a / p)) + q, -128), 127);
    case "dequantize":
      return (a - q) * p;
    case "trunc":
      return Math.trunc(a);
    case "erf":
      return erf(a);
    case "quotient":
      return a / b;
  }
  return code satisfies never;
}

/** `2 / sqrt(pi) * exp(-x^2) * sum of 2^n x^(2n+1) / (2n+1)!!`: all terms have one sign, so none cancel. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}
