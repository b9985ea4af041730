/** Operators that put the elements of one input in other places. @module */
import type { Operand } from "../gpu/launch.ts";
import type { Layout } from "../gpu/layout.ts";
import { allocate, type KnownType, sizeOf, stridesOf, type Tensor } from "../tensor/tensor.ts";
import { copyLaunch, placedCopy, type Placement } from "./_strided.ts";
import { type Op, required } from "./op.ts";

/** One output of a movement. */
export interface Moved {
  /** Its shape. */
  readonly shape: readonly number[];
  /** Where each of its axes lies in the input. */
  readonly placements: readonly Placement[];
  /** An axis of the input that the output lacks, and the position on it that is taken. */
  readonly picked?: { readonly axis: number; readonly position: number };
  /** What it holds where nothing is read. */
  readonly fill: number;
}

/**
 * An operator that moves the elements of input 0.
 *
 * @param plan What it makes of its inputs.
 * @param keepsAxes Whether the axes of the outputs mean what those of the input mean, so that feature maps stay `nhwc`.
 */
export function movement(plan: (inputs: readonly (KnownType | null)[]) => Moved[], keepsAxes: boolean): Op {
  return {
    infer: (inputs) => plan(inputs).map(({ shape }) => ({ dtype: required(inputs[0], "data").dtype, shape })),
    moves: plan,
    reference: (inputs) => plan(inputs).map((moved) => move(required(inputs[0], "data"), moved)),
    layouts: (inputs) => {
      const x = required(inputs[0], "data");
      return {
        inputs: [x.layout, ...inputs.slice(1).map((): Layout => "plain")],
        outputs: plan(inputs).map((moved) => keepsAxes && staysMap(x, moved) ? "nhwc" : "plain"),
      };
    },
    lower: (inputs, outputs) => {
      const x = required(inputs[0], "data");
      return plan(inputs).map(({ placements, fill }, i) =>
        copyLaunch(placedCopy(x, outputs[i]!, placements, fill), 0, i)
      );
    },
  };
}

/** Whether a feature map is left in `nhwc`: not where a fill value other than zero would get into the padding. */
function staysMap({ layout, dtype, shape: { length: rank } }: Operand, { shape, fill }: Moved): boolean {
  return layout === "nhwc" && rank > 2 && (fill === 0 || dtype !== "f32" || shape[1]! % 4 === 0);
}

function move({ dtype, shape, data }: Tensor, moved: Moved): Tensor {
  const steps = stridesOf(shape);
  const out = allocate(dtype, sizeOf(moved.shape)).fill(moved.fill);
  for (let i = 0; i < out.length; i++) {
    let [rest, at, inside] = [i, 0, true];
    for (let axis = moved.shape.length - 1; axis >= 0; axis--) {
      const dim = moved.shape[axis]!;
      const { axis: of, start, step, low, high } = moved.placements[axis]!;
      const position = rest % dim;
      rest = Math.floor(rest / dim);
      inside &&= position >= low && position < high;
      if (of !== null) at += (start + position * step) * steps[of]!;
    }
    if (inside) out[i] = data[at]!;
  }
  return { dtype, shape: moved.shape, data: out };
}
