/** Einsum. @module */
import { sizeOf, stridesOf, type TensorType } from "../tensor/tensor.ts";
import { requireType } from "./_pointwise.ts";
import { eachPosition } from "./_nd.ts";
import { type Op, type OpFactory, required, stringOf } from "./op.ts";

/** The labels of the axes of each operand and of the result. */
interface Plan {
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** The letters of a term; an ellipsis stands for axes that broadcast, numbered from the last. */
function labelsOf(term: string, rank: number): string[] {
  const letters = term.replace("...", "").length;
  return [...term.replaceAll(" ", "").replace("...", ".")].flatMap((letter) =>
    letter === "." ? Array.from({ length: rank - letters }, (_, i) => `${rank - letters - i}`) : [letter]
  );
}

function planOf(equation: string, shapes: readonly (readonly number[])[]): Plan {
  const [left, right] = equation.replaceAll(" ", "").split("->") as [string, string | undefined];
  const terms = left.split(",");
  if (terms.length !== shapes.length) {
    throw new RangeError(`Einsum "${equation}" takes ${terms.length} operands: there are ${shapes.length}`);
  }
  const operands = terms.map((term, i) => labelsOf(term, shapes[i]!.length));
  const sizes = new Map<string, number>();
  operands.forEach((labels, i) => {
    if (labels.length !== shapes[i]!.length) throw new RangeError(`Einsum "${terms[i]}" does not fit [${shapes[i]}]`);
    labels.forEach((label, axis) => {
      const [own, known] = [shapes[i]![axis]!, sizes.get(label) ?? 1];
      if (own !== 1 && known !== 1 && own !== known) {
        throw new RangeError(`Einsum "${equation}" gives "${label}" two sizes: ${known} and ${own}`);
      }
      sizes.set(label, Math.max(own, known));
    });
  });
  const all = operands.flat();
  const broadcast = [...new Set(all.filter((label) => /\d/.test(label)))].sort((a, b) => Number(b) - Number(a));
  const once = [...new Set(all)].filter((label) =>
    !/\d/.test(label) && all.filter((own) => own === label).length === 1
  );
  const output = right === undefined
    ? [...broadcast, ...once.sort()]
    : right.replace("...", ".").split("").flatMap((letter) => letter === "." ? broadcast : [letter]);
  return { operands, output, sizes };
}

/** Einsum: sums of products over the labels that the result does not have. */
export const einsum: OpFactory = (attributes): Op => {
  const equation = stringOf(attributes, "equation", "");
  const typeOf = ({ output, sizes }: Plan): TensorType => ({
    dtype: "f32",
    shape: output.map((label) => sizes.get(label) ?? 1),
  });
  return {
    infer: (inputs) => {
      const given = inputs.map((input, i) => required(input, `input ${i}`));
      for (const input of given) requireType("Einsum", input, ["f32"]);
      return [typeOf(planOf(equation, given.map(({ shape }) => shape)))];
    },
    reference: (inputs) => {
      const given = inputs.map((input, i) => required(input, `input ${i}`));
      const plan = planOf(equation, given.map(({ shape }) => shape));
      const { shape } = typeOf(plan);
      const summed = [...plan.sizes.keys()].filter((label) => !plan.output.includes(label));
      const labels = [...plan.output, ...summed];
      const strides = plan.operands.map((own, i) => {
        const steps = stridesOf(given[i]!.shape);
        return labels.map((label) =>
          own.reduce((sum, other, axis) => sum + (other === label && given[i]!.shape[axis] !== 1 ? steps[axis]! : 0), 0)
        );
      });
      const sums = new Float64Array(sizeOf(shape));
      const inner = sizeOf(summed.map((label) => plan.sizes.get(label)!));
      eachPosition(labels.map((label) => plan.sizes.get(label) ?? 1), (position, i) => {
        let product = 1;
        for (const [k, steps] of strides.entries()) {
          let at = 0;
          for (let axis = 0; axis < steps.length; axis++) at += position[axis]! * steps[axis]!;
          product *= given[k]!.data[at]!;
        }
        sums[Math.floor(i / inner)]! += product;
      });
      return [{ dtype: "f32", shape, data: Float32Array.from(sums) }];
    },
  };
};
