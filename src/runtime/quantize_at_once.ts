/** Quantization of results by the kernels that compute them, for operators that are no linear ones. @module */
import type { Quantization } from "../ops/op.ts";
import type { KnownType } from "../tensor/tensor.ts";
import type { StepFacts } from "./continue.ts";
import type { Step } from "./plan.ts";

/** What a plan knows of its steps. */
interface Facts extends Pick<StepFacts, "programs" | "outputs"> {
  /** The types of all values; those that are made are added. */
  readonly types: Map<string, KnownType>;
}

/** A step that quantizes a value, or the same rows of it in another shape. */
interface Reader {
  readonly step: Step;
  readonly quantization: Quantization;
  /** The step that gives the value its other shape, if there is one. */
  readonly view: Step | null;
}

/**
 * Joins each step that quantizes a value with the one that computes it, where its operator can do both. The joined step stands
 * where the value was computed. Where the value is reshaped before it is quantized, its integers are reshaped instead.
 */
export function quantizeAtOnce(steps: readonly Step[], facts: Facts): Step[] {
  const readers = new Map<string, Step[]>();
  for (const step of steps) {
    for (const name of new Set(step.inputs)) if (name) readers.set(name, [...readers.get(name) ?? [], step]);
  }
  const joined = new Map<Step, Step | null>();
  for (const step of steps) {
    const result = step.outputs[0]!;
    if (!step.op.quantized || step.outputs.length > 1) continue;
    const reader = readerOf(result, readers, facts);
    const known = step.inputs.map((name) => name === null ? null : facts.types.get(name)!);
    const both = reader && step.op.quantized(known, reader.quantization);
    const isAlone = (name: string): boolean => readers.get(name)?.length === 1 && !facts.outputs.has(name);
    const viewAlone = !reader?.view || isAlone(reader.view.outputs[0]!);
    if (!both || !(both.keeps || (isAlone(result) && viewAlone))) continue;
    const [value] = reader.step.outputs;
    const integers = reader.view ? `${value}_rows` : value!;
    facts.types.set(integers, { dtype: "i8", shape: facts.types.get(result)!.shape });
    joined.set(step, { ...step, op: both.op, outputs: both.keeps ? [result, integers] : [integers] });
    const { view } = reader;
    joined.set(reader.step, view && { ...view, inputs: view.inputs.with(0, integers), outputs: [value!] });
    if (view && viewAlone) joined.set(view, null);
  }
  return steps.flatMap((step) => {
    const own = joined.get(step);
    return own === undefined ? [step] : own === null ? [] : [own];
  });
}

/** The first step that quantizes a value. */
function readerOf(value: string, readers: ReadonlyMap<string, readonly Step[]>, facts: Facts): Reader | null {
  const quantizing = (from: string, view: Step | null): Reader[] =>
    (readers.get(from) ?? []).flatMap((step) => {
      const quantization = quantizationOf(step, facts);
      return quantization ? [{ step, quantization, view }] : [];
    });
  const rowsOf = (name: string): number | undefined => facts.types.get(name)!.shape.at(-1);
  const views = (readers.get(value) ?? []).filter(({ op, inputs, outputs }) =>
    op.view && inputs[0] === value && rowsOf(outputs[0]!) === rowsOf(value)
  );
  const found = [...quantizing(value, null), ...views.flatMap((view) => quantizing(view.outputs[0]!, view))];
  return found[0] ?? null;
}

/** The quantization of a step that does nothing else. */
function quantizationOf(step: Step, { programs }: Facts): Quantization | null {
  const instructions = programs.get(step)?.program.instructions ?? [];
  const [{ code, p: scale = 1, q: zero = 0 } = { code: "" }] = instructions;
  return instructions.length === 1 && code === "quantize" ? { scale, zero } : null;
}
