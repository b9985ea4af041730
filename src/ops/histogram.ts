/**
 * Counting elements by bins that need no range in advance: an operator of ours that ONNX does not know.
 *
 * A bin is told by the bits of a number: its sign, its exponent and the five leading bits of its mantissa. So bins are 2 to
 * 3 % of their numbers wide, whatever the tensor holds, and counts of several tensors are added exactly. Magnitudes below
 * 2^-24 share the bin next to zero of their sign, zeros the positive one; those from 2^24 on share the outermost.
 *
 * @module
 */
import { foldGrid, type Launch, type Operand, uniform } from "../gpu/launch.ts";
import { requireType } from "./_pointwise.ts";
import { layoutFor, rowsOf, walkOf, walkRows } from "./_rows.ts";
import { relayout } from "./copy.ts";
import type { TensorType } from "../tensor/tensor.ts";
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
  if (x === 0) return HALF;
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
  const [each, most] = lanes === 8 ? [2048, 4] : [1024, 64];
  return Math.min(most, Math.max(1, Math.floor(reads / each)));
}

/**
 * Of this many blocks of four elements one is counted, so that of a row about `most` elements are. It shares no factor with
 * the blocks of the innermost axis: else some channels would never be seen.
 */
function strideOf({ shape }: TensorType, kept: readonly number[], most: number): number {
  const innermost = (axis: number): number => Math.ceil((shape.at(axis) ?? 1) / 4);
  const sizes = shape.length > 2 ? [innermost(-1), innermost(1)] : [innermost(-1)];
  let stride = Math.max(1, Math.floor(rowsOf({ dtype: "f32", shape }, kept).length / most));
  while (sizes.some((size) => commonFactor(size, stride) > 1)) stride++;
  return stride;
}

function commonFactor(a: number, b: number): number {
  return b === 0 ? a : commonFactor(b, a % b);
}

/**
 * From an f32 tensor and counts so far (i32 `[...kept, BINS]`) to the counts with it; a row being the elements that agree in
 * the indices of the kept axes.
 *
 * Of long rows evenly spaced blocks of four elements are counted, in the order in which they lie in memory: which ones these
 * are depends on the layout.
 *
 * @param kept The axes that are kept, in ascending order; none for one row.
 * @param most About how many elements of a row are counted at most. Default: all.
 */
export function histogram(kept: readonly number[] = [], most = Infinity): Op {
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
      const given = required(x, "data");
      const stride = strideOf(given, kept, most);
      const seen = new Uint32Array(found.length / BINS);
      walkRows(given, kept, (row, element) => {
        if (Math.floor(seen[row]!++ / 4) % stride === 0) found[row * BINS + binOf(element)]!++;
      });
      return [{ dtype: "i32", shape, data: found }];
    },
    layouts: ([x]) => ({ inputs: [layoutFor(required(x, "data")), "plain"], outputs: ["plain"] }),
    lower: ([x, counts], [output], { lanes }) => {
      const copy = relayout(required(counts, "counts"), required(output, "output"));
      const bindings = copy.bindings.map((binding) => "input" in binding ? { input: 1 } : binding);
      return [{ ...copy, bindings }, launch(required(x, "data"), kept, most, lanes)];
    },
    lowerUpdate: ([x], _, { lanes }) => [launch(required(x, "data"), kept, most, lanes)],
  };
}

/** The launch that adds what lies in `x`, input 0, to the counts in output 0. */
function launch(x: Operand, kept: readonly number[], most: number, lanes: number): Launch {
  const { fours, count, reads, fields } = walkOf("Histogram", x, kept);
  const stride = strideOf(x, kept, most);
  const taken = fours ? Math.ceil(reads / stride) : 4 * Math.ceil(reads / (4 * stride));
  const parts = partsOf(taken, lanes);
  return {
    shader: "histogram_f32",
    constants: { FOURS: Number(fours), PARTS: parts },
    bindings: [{ input: 0 }, { output: 0 }],
    params: uniform(["u32", ...fields, stride, taken]),
    workgroups: foldGrid(count * parts),
  };
}
