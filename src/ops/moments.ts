/** The least, the greatest and the mean element, in one pass: an operator of ours that ONNX does not know. @module */
import { foldGrid, uniform } from "../gpu/launch.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { shareOf } from "./_axes.ts";
import { requireType } from "./_pointwise.ts";
import { layoutFor, rowsOf, walkOf, walkRows } from "./_rows.ts";
import { type Op, required } from "./op.ts";

/**
 * From an f32 tensor to `[parts, 3, ...kept]`: for each row (the elements that agree in the indices of the kept axes) the
 * least and the greatest element of each of its parts, and what the part adds to the mean of the row.
 *
 * Which elements make a part is left open. A GPU may leave NaN out of least and greatest, but no mean escapes it.
 *
 * @param kept The axes that are kept, in ascending order; none for one row.
 * @param parts How many workgroups share a row. {@linkcode joinMoments} makes one of their results.
 */
export function moments(kept: readonly number[], parts = 1): Op {
  return {
    infer: ([x]) => {
      const given = required(x, "data");
      requireType("Moments", given, ["f32"]);
      return [{ dtype: "f32", shape: [parts, 3, ...rowsOf(given, kept).shape] }];
    },
    reference: ([input]) => {
      const x = required(input, "data");
      const { shape, length } = rowsOf(x, kept);
      const count = shape.reduce((a, b) => a * b, 1);
      const [least, greatest, sum] = [Infinity, -Infinity, 0].map((start) => new Float64Array(count).fill(start));
      walkRows(x, kept, (row, element) => {
        least![row] = Math.min(least![row]!, element);
        greatest![row] = Math.max(greatest![row]!, element);
        sum![row]! += element;
      });
      const whole = [...least!, ...greatest!, ...sum!.map((total) => total / length)];
      const others = whole.map((value, i) => i < 2 * count ? value : 0);
      const data = Float32Array.from(Array.from({ length: parts }, (_, part) => part === 0 ? whole : others).flat());
      return [{ dtype: "f32", shape: [parts, 3, ...shape], data }];
    },
    layouts: ([x]) => ({ inputs: [layoutFor(required(x, "data"))], outputs: ["plain"] }),
    lower: ([input], _, { lanes }) => {
      const x = required(input, "data");
      const { fours, masked, count, reads, fields } = walkOf("Moments", x, kept);
      const share = shareOf(count, reads, lanes);
      return [{
        shader: "moments_f32",
        constants: { FOURS: Number(fours), MASKED: Number(masked), SHARE: share, OUTPUTS: 64 / share, PARTS: parts },
        bindings: [{ input: 0 }, { output: 0 }],
        params: uniform(["u32", ...fields], ["f32", 1 / rowsOf(x, kept).length]),
        workgroups: foldGrid(parts * Math.ceil(count / (64 / share))),
      }];
    },
  };
}

/** From `[parts, 3, ...kept]` to `[3, ...kept]`: least, greatest and mean of whole rows. */
export function joinMoments({ dtype, shape, data }: Tensor): Tensor {
  const [parts, ...own] = shape as [number, ...number[]];
  const size = data.length / parts;
  const all = Float32Array.from(data.subarray(0, size));
  for (let i = size; i < data.length; i++) {
    const [at, value] = [i % size, data[i]!];
    const kind = Math.floor(3 * at / size);
    all[at] = kind === 0 ? Math.min(all[at]!, value) : kind === 1 ? Math.max(all[at]!, value) : all[at]! + value;
  }
  return { dtype, shape: own, data: all };
}
