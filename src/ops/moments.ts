/** The least, the greatest and the mean element, in one pass: an operator of ours that ONNX does not know. @module */
import { foldGrid, uniform } from "../gpu/launch.ts";
import { shareOf } from "./_axes.ts";
import { requireType } from "./_pointwise.ts";
import { layoutFor, rowsOf, walkOf, walkRows } from "./_rows.ts";
import { type Op, required } from "./op.ts";

/**
 * From an f32 tensor to `[3, ...kept]`: the least, the greatest and the mean element of each row, a row being the elements
 * that agree in the indices of the kept axes.
 *
 * A GPU may leave NaN out of least and greatest, but no mean escapes it.
 *
 * @param kept The axes that are kept, in ascending order; none for one row.
 */
export function moments(kept: readonly number[]): Op {
  return {
    infer: ([x]) => {
      const given = required(x, "data");
      requireType("Moments", given, ["f32"]);
      return [{ dtype: "f32", shape: [3, ...rowsOf(given, kept).shape] }];
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
      const data = Float32Array.of(...least!, ...greatest!, ...sum!.map((total) => total / length));
      return [{ dtype: "f32", shape: [3, ...shape], data }];
    },
    layouts: ([x]) => ({ inputs: [layoutFor(required(x, "data"))], outputs: ["plain"] }),
    lower: ([input], _, { lanes }) => {
      const x = required(input, "data");
      const { fours, masked, count, reads, fields } = walkOf("Moments", x, kept);
      const share = shareOf(count, reads, lanes);
      return [{
        shader: "moments_f32",
        constants: { FOURS: Number(fours), MASKED: Number(masked), SHARE: share, OUTPUTS: 64 / share },
        bindings: [{ input: 0 }, { output: 0 }],
        params: uniform(["u32", ...fields], ["f32", 1 / rowsOf(x, kept).length]),
        workgroups: foldGrid(Math.ceil(count / (64 / share))),
      }];
    },
  };
}
