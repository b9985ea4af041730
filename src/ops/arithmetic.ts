/** Add, Sub, Mul, Div, Pow, Max and Min. @module */
import type { Attributes } from "../graph/graph.ts";
import { broadcastShapes, type DType, type KnownType } from "../tensor/tensor.ts";
import { chain, immediateOf, mapBroadcast, NUMBERS, requireType } from "./_pointwise.ts";
import { type Op, type OpFactory, required } from "./op.ts";
import { type InstructionCode, MAX_F32, type Pointwise, type Program } from "./pointwise.ts";

interface Arithmetic {
  readonly name: string;
  readonly code: InstructionCode;
  apply(a: number, b: number, dtype: DType): number;
  /** The program where the second input is the number `p`, or `null` where it must be an operand. */
  right(p: number): Program | null;
  /** The program where the first input is. */
  left(p: number): Program | null;
}

function refuseOldBroadcast(name: string, attributes: Attributes): void {
  for (const attribute of ["broadcast", "axis"]) {
    const value = attributes.get(attribute);
    if (value !== undefined && value !== 0) {
      throw new TypeError(
        `${name}: attribute "${attribute}" of operator sets before 7 is not supported: current value is ${value}`,
      );
    }
  }
}

function binary({ name, code, apply, right, left }: Arithmetic): OpFactory {
  return (attributes): Op => {
    refuseOldBroadcast(name, attributes);
    return {
      infer: ([first, second]) => {
        const [a, b] = [required(first, "A"), required(second, "B")];
        requireType(name, a, NUMBERS);
        requireType(name, b, NUMBERS);
        if (a.dtype !== b.dtype && name !== "Pow") {
          throw new TypeError(`${name} takes inputs of one type: current types are ${a.dtype} and ${b.dtype}`);
        }
        return [{ dtype: a.dtype, shape: broadcastShapes(a.shape, b.shape) }];
      },
      reference: ([first, second]) => {
        const [a, b] = [required(first, "A"), required(second, "B")];
        return [mapBroadcast([a, b], a.dtype, ([x, y]) => apply(x!, y!, a.dtype))];
      },
      pointwise: ([a, b]) => {
        if (a?.dtype !== "f32" || b?.dtype !== "f32") return null;
        const [p, q] = [immediateOf(a, [b]), immediateOf(b, [a])];
        const onLeft = q === null ? null : right(q);
        if (onLeft) return { operands: [0], program: onLeft };
        const onRight = p === null ? null : left(p);
        if (onRight) return { operands: [1], program: onRight };
        return { operands: [0, 1], program: { inputs: 2, instructions: [{ code, args: [0, 1] }] } };
      },
    };
  };
}

/** `a + b`. */
export const add: OpFactory = binary({
  name: "Add",
  code: "add",
  apply: (a, b) => a + b,
  right: (p) => chain({ code: "addp", p }),
  left: (p) => chain({ code: "addp", p }),
});

/** `a - b`. */
export const sub: OpFactory = binary({
  name: "Sub",
  code: "sub",
  apply: (a, b) => a - b,
  right: (p) => chain({ code: "addp", p: -p }),
  left: (p) => chain({ code: "neg" }, { code: "addp", p }),
});

/** `a * b`. */
export const mul: OpFactory = binary({
  name: "Mul",
  code: "mul",
  apply: (a, b, dtype) => dtype === "i32" || dtype === "u32" ? Math.imul(a, b) : a * b,
  right: (p) => chain({ code: "mulp", p }),
  left: (p) => chain({ code: "mulp", p }),
});

/** `a / b`, towards zero where the inputs are integers. A constant divisor becomes a product with its reciprocal. */
export const div: OpFactory = binary({
  name: "Div",
  code: "div",
  apply: (a, b, dtype) => dtype === "f32" ? a / b : Math.trunc(a / b),
  right: (p) => {
    const inverse = Math.fround(1 / p);
    return Number.isFinite(inverse) && inverse !== 0 ? chain({ code: "mulp", p: inverse }) : null;
  },
  left: (p) => chain({ code: "rdivp", p }),
});

/** `a ^ b`, in the type of `a`. */
export const pow: OpFactory = binary({
  name: "Pow",
  code: "pow",
  apply: (a, b, dtype) => dtype === "f32" ? a ** b : Math.trunc(a ** b),
  right: (p) => {
    if (p === 1) return chain();
    if (p === 2) return { inputs: 1, instructions: [{ code: "mul", args: [0, 0] }] };
    if (p === 3) {
      return { inputs: 1, instructions: [{ code: "mul", args: [0, 0] }, { code: "mul", args: [1, 0] }] };
    }
    if (p === 0.5) return chain({ code: "sqrt" });
    return p === -1 ? chain({ code: "rdivp", p: 1 }) : chain({ code: "powp", p });
  },
  left: () => null,
});

function variadic(name: string, code: "max" | "min"): OpFactory {
  const apply = Math[code];
  const bounds = (p: number) => code === "max" ? { p, q: MAX_F32 } : { p: -MAX_F32, q: p };
  const program = (inputs: readonly (KnownType | null)[]): Pointwise | null => {
    const present = inputs.filter((input) => input !== null);
    if (present.length !== inputs.length || present.some((input) => input.dtype !== "f32")) return null;
    const variable = present.filter((input) => immediateOf(input, present) === null);
    const immediates = present.flatMap((input, i) => {
      const p = immediateOf(input, variable);
      return p === null ? [] : [{ i, p }];
    });
    const operands = present.flatMap((_, i) => immediates.some((immediate) => immediate.i === i) ? [] : [i]);
    const instructions = operands.slice(1).map((_, i) => ({
      code,
      args: [i === 0 ? 0 : operands.length + i - 1, i + 1],
    }));
    if (immediates.length === 0) return { operands, program: { inputs: operands.length, instructions } };
    const last = instructions.length === 0 ? 0 : operands.length + instructions.length - 1;
    const p = apply(...immediates.map((immediate) => immediate.p));
    return {
      operands,
      program: {
        inputs: operands.length,
        instructions: [...instructions, { code: "clamp", args: [last], ...bounds(p) }],
      },
    };
  };
  return (): Op => ({
    infer: (inputs) => {
      const all = inputs.map((input, i) => required(input, `data_${i}`));
      const first = required(all[0], "data_0");
      for (const input of all) {
        requireType(name, input, NUMBERS);
        if (input.dtype !== first.dtype) {
          throw new TypeError(`${name} takes inputs of one type: current types are ${first.dtype} and ${input.dtype}`);
        }
      }
      return [{ dtype: first.dtype, shape: broadcastShapes(...all.map((input) => input.shape)) }];
    },
    reference: (inputs) => {
      const all = inputs.map((input, i) => required(input, `data_${i}`));
      return [mapBroadcast(all, required(all[0], "data_0").dtype, (values) => apply(...values))];
    },
    pointwise: program,
  });
}

function combined(name: string, finish: (sum: number, count: number) => number): OpFactory {
  return (): Op => ({
    infer: (inputs) => {
      const all = inputs.map((input, i) => required(input, `data_${i}`));
      for (const input of all) requireType(name, input, ["f32"]);
      return [{ dtype: "f32", shape: broadcastShapes(...all.map((input) => input.shape)) }];
    },
    reference: (inputs) => {
      const all = inputs.map((input, i) => required(input, `data_${i}`));
      return [mapBroadcast(all, "f32", (values) => finish(values.reduce((a, b) => a + b, 0), all.length))];
    },
    pointwise: (inputs) => {
      if (inputs.length === 0 || inputs.some((input) => input?.dtype !== "f32")) return null;
      const count = inputs.length;
      const added = inputs.slice(1).map((_, i) => ({
        code: "add" as const,
        args: [i === 0 ? 0 : count + i - 1, i + 1],
      }));
      const last = { code: "mulp" as const, args: [count + added.length - 1], p: finish(1, count) };
      const instructions = finish(1, count) === 1 ? added : [...added, last];
      return { operands: inputs.map((_, i) => i), program: { inputs: count, instructions } };
    },
  });
}

/** The sum of any number of inputs. */
export const sum: OpFactory = combined("Sum", (total) => total);

/** The mean of any number of inputs. */
export const mean: OpFactory = combined("Mean", (total, count) => total / count);

/** The greatest of any number of inputs. */
export const max: OpFactory = variadic("Max", "max");

/** The least of any number of inputs. */
export const min: OpFactory = variadic("Min", "min");
