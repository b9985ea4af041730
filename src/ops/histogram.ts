/**
 * Counting elements by bins that need no range in advance: an operator of ours that ONNX does not know.
 *
 * A bin is told by the bits of a number: its sign, its exponent and the five leading bits of its mantissa. So bins are 2 to
 * 3 % of their numbers wide, whatever the tensor holds, and counts of several tensors are added exactly. Magnitudes below
 * 2^-24, zero among them, share the bin next to zero of their sign; those from 2^24 on share the outermost.
 *
 * @module
 */
import { foldGrid, uniform } from "../gpu/launch.ts";
import { requireType } from "./_pointwise.ts";
import { layoutFor, rowsOf, walkOf, walkRows } from "./_rows.ts";
import { relayout } from "./copy.ts";
import { type Op, required } from "./op.ts";

/** Bins of one sign. */
const HALF = 48 * 32;

/** Exponent and leading mantissa bits of the least magnitude told apart, 2^-24. */
const LOWEST = (127 - 24) * 32;

/** Bins of a histogram, in ascending order of the numbers in them. */
export const BINS: number = 2 * HALF;

const bits = new DataView(new ArrayBuffer(4));

/** The number of the bin of an f32. */
export function binOf(x: number): number {
  bits.setFloat32(0, x);
  const word = bits.getUint32(0);
  const step = Math.min(Math.max((word & 0x7fffffff) >>> 18, LOWEST), LOWEST + HALF - 1) - LOWEST;
  return word >= 0x80000000 ? HALF - 1 - step : HALF + step;
}

/** The least and the greatest number of a bin, infinite at the outermost; bins next to zero end there. */
export function edgesOf(bin: number): readonly [low: number, high: number] {
  if (bin < HALF) {
    const [low, high] = edgesOf(BINS - 1 - bin);
    return [-high, -low];
  }
  const edge = (step: number): number => {
    bits.setUint32(0, (LOWEST + step) << 18);
    return bits.getFloat32(0);
  };
  const step = bin - HALF;
  return [step === 0 ? 0 : edge(step), step === HALF - 1 ? Infinity : edge(step + 1)];
}

/** Workgroups that share a row: on CPU adapters few, as each adds all its bins to those of the others. */
function partsOf(reads: number, lanes: number): number {
  const [each, most] = lanes === 8 ? [8192, 8] : [1024, 64];
  return Math.min(most, Math.max(1, Math.floor(reads / each)));
}

/**
 * From an f32 tensor and counts so far (i32 `[...kept, BINS]`) to the counts with it; a row being the elements that agree in
 * the indices of the kept axes.
 *
 * @param kept The axes that are kept, in ascending order; none for one row.
 */
export function histogram(kept: readonly number[] = []): Op {
  return {
    infer: ([x, counts]) => {
      const given = required(x, "data");
      requireType("Histogram", given, ["f32"]);
      const shape = [...rowsOf(given, kept).shape, BINS];
      const { dtype, shape: own } = required(counts, "counts");
      if (dtype !== "i32" || `${own}` !== `${shape}`) {
        throw new RangeError(`Histogram: "counts" must be i32 [${shape}]: current value is ${dtype} [${own}]`);
      }
      return [{ dtype: "i32", shape }];
    },
    reference: ([x, counts]) => {
      const { shape, data } = required(counts, "counts");
      const found = Int32Array.from(data);
      walkRows(required(x, "data"), kept, (row, element) => found[row * BINS + binOf(element)]!++);
      return [{ dtype: "i32", shape, data: found }];
    },
    layouts: ([x]) => ({ inputs: [layoutFor(required(x, "data")), "plain"], outputs: ["plain"] }),
    lower: ([input, counts], [output], { lanes }) => {
      const x = required(input, "data");
      const { fours, count, reads, fields } = walkOf("Histogram", x, kept);
      const parts = partsOf(reads, lanes);
      const copy = relayout(required(counts, "counts"), required(output, "output"));
      const bindings = copy.bindings.map((binding) => "input" in binding ? { input: 1 } : binding);
      return [{ ...copy, bindings }, {
        shader: "histogram_f32",
        constants: { FOURS: Number(fours), PARTS: parts },
        bindings: [{ input: 0 }, { output: 0 }],
        params: uniform(["u32", ...fields]),
        workgroups: foldGrid(count * parts),
      }];
    },
  };
}
