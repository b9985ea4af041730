/** Strided copies: the one form of all data movement on the GPU. @module */
import { foldGrid, type Launch, type Operand, uniform } from "../gpu/launch.ts";
import { elementSize, type Physical, physicalOf } from "../gpu/layout.ts";
import type { ShaderName } from "../gpu/shaders.ts";
import type { DType } from "../tensor/tensor.ts";

/** One axis of a strided copy. */
export interface CopyAxis {
  /** How many positions are written. */
  readonly size: number;
  /** The step in the source, in elements: may be negative or 0. */
  readonly stepIn: number;
  /** The step in the destination, in elements. */
  readonly stepOut: number;
  /** The first position that is read; those before it are filled. */
  readonly low: number;
  /** The first position after those that are read. */
  readonly high: number;
}

/** What is copied where. */
export interface StridedCopy {
  /** The type of the elements. */
  readonly dtype: DType;
  /** The axes, outermost first. */
  readonly axes: readonly CopyAxis[];
  /** The element of the source that position 0 of all axes reads. */
  readonly firstIn: number;
  /** The element of the destination that position 0 of all axes writes. */
  readonly firstOut: number;
  /** What is written where nothing is read; `"keep"` leaves it as it is. */
  readonly fill: number | "keep";
}

/** A strided copy in units of 1, 4 or 16 bytes. */
interface Units {
  readonly bytes: number;
  readonly axes: readonly CopyAxis[];
  readonly firstIn: number;
  readonly firstOut: number;
}

/** The most axes that a copy takes. */
export const MAX_AXES = 6;

/** Units that an invocation of the kernels for words and blocks copies. */
const TURNS = 4;

/**
 * The launch of a strided copy from one input to one output.
 *
 * Copies of 8-bit elements must write the whole destination, in order, but for those in whole words.
 *
 * @throws {RangeError} Where the copy takes more than six axes.
 */
export function copyLaunch(copy: StridedCopy, input = 0, output = 0): Launch {
  const { bytes, axes, firstIn, firstOut } = widest(copy);
  if (axes.length > MAX_AXES) {
    throw new RangeError(`Cannot copy along ${axes.length} axes: at most ${MAX_AXES} are supported`);
  }
  const form = formOf({ bytes, axes, firstIn, firstOut }, copy.fill === "keep");
  const count = Math.ceil(form.axes.reduce((product, { size }) => product * size, 1) / form.run);
  return {
    shader: form.shader,
    constants: { AXES: axes.length, INNER: axes.length - 1, ...form.constants },
    bindings: [{ input }, { output }],
    params: uniform(
      ["u32", count],
      ["i32", firstIn],
      ["u32", firstOut, fillBits(copy)],
      ...form.axes.toReversed().flatMap(({ size, stepIn, stepOut, low, high }) =>
        [["u32", size], ["i32", stepIn], ["u32", stepOut, low, high, 0, 0, 0]] as const
      ),
      ["u32", ...new Array<number>((MAX_AXES - axes.length) * 8).fill(0)],
    ),
    workgroups: foldGrid(Math.ceil(count / (64 * (form.constants["TURNS"] ?? 1)))),
  };
}

/** The kernel that a copy takes. */
interface Form {
  readonly shader: ShaderName;
  readonly constants: Readonly<Record<string, number>>;
  /** The axes with the sizes that the kernel counts. */
  readonly axes: readonly CopyAxis[];
  /** Positions of these axes that one invocation writes. */
  readonly run: number;
}

function formOf({ bytes, axes, firstIn, firstOut }: Units, keep: boolean): Form {
  const [inner, outer] = [axes.at(-1)!, axes.slice(0, -1)];
  const fours = inner.size % 4 === 0;
  const aligned = fours && inner.stepOut === 1 && firstOut % 4 === 0 && outer.every(({ stepOut }) => stepOut % 4 === 0);
  const constants = { TURNS };
  if (bytes === 16) return { shader: "copy_128", constants, axes, run: 1 };
  if (bytes === 4) return { shader: aligned ? "copy_32x4" : "copy_32", constants, axes, run: aligned ? 4 : 1 };
  const across = outer.find((axis) => axis.stepIn === 1 && isWhole(axis));
  const blocks = aligned && !keep && across && firstIn % 4 === 0 &&
    axes.every((axis) => axis === across || (axis.stepIn % 4 === 0 && (axis === inner || isWhole(axis))));
  if (blocks) {
    const ordered = [...outer.filter((axis) => axis !== across), across, inner];
    const wide = inner.size % 16 === 0 && firstOut % 16 === 0 && outer.every(({ stepOut }) => stepOut % 16 === 0);
    const counted = ordered.map((axis) =>
      axis === across || axis === inner
        ? { ...axis, size: Math.ceil(axis.size / (wide && axis === inner ? 16 : 4)) }
        : axis
    );
    return { shader: wide ? "copy_8x16" : "copy_8x4", constants: {}, axes: counted, run: 1 };
  }
  return { shader: "copy_8", constants: { ALIGNED: fours ? 1 : 0, KEEP: keep ? 1 : 0 }, axes, run: 4 };
}

/** The fill value as the bits of a word. */
function fillBits({ dtype, fill }: StridedCopy): number {
  if (fill === "keep") return 0;
  if (elementSize(dtype) === 1) return Math.imul(fill & 255, 0x01010101) >>> 0;
  return dtype === "f32" ? new Uint32Array(Float32Array.of(fill).buffer)[0]! : fill >>> 0;
}

/** Whether a copy moves whole words only, so that it may write any part of a destination. */
export function movesWords(copy: StridedCopy): boolean {
  return widest(copy).bytes > 1;
}

/** The same copy with as few axes and as large units as it allows; what is kept is kept byte by byte. */
function widest({ dtype, axes, firstIn, firstOut, fill }: StridedCopy): Units {
  let units: Units = { bytes: elementSize(dtype), axes: merge(axes), firstIn, firstOut };
  while (units.bytes < 16 && fill !== "keep") {
    const wider = inFours(units);
    if (!wider) break;
    units = wider;
  }
  return units;
}

function isWhole({ low, high, size }: CopyAxis): boolean {
  return low <= 0 && high >= size;
}

/** Drops axes of one position, and joins neighbours that are as one axis in source and destination. */
function merge(axes: readonly CopyAxis[]): CopyAxis[] {
  const out: CopyAxis[] = [];
  for (const axis of axes) {
    const inner = { ...axis, low: Math.max(0, axis.low), high: Math.min(axis.size, axis.high) };
    if (inner.size === 1 && isWhole(inner)) continue;
    const outer = out.at(-1);
    if (
      outer && isWhole(inner) && outer.stepIn === inner.stepIn * inner.size &&
      outer.stepOut === inner.stepOut * inner.size
    ) {
      const { size, stepIn, stepOut } = inner;
      out[out.length - 1] = {
        size: outer.size * size,
        stepIn,
        stepOut,
        low: outer.low * size,
        high: outer.high * size,
      };
    } else out.push(inner);
  }
  return out.length > 0 ? out : [{ size: 1, stepIn: 1, stepOut: 1, low: 0, high: 1 }];
}

/** The copy in units four times as large, where source and destination allow it. */
function inFours({ bytes, axes, firstIn, firstOut }: Units): Units | null {
  const inner = axes.at(-1)!;
  const outer = axes.slice(0, -1);
  const whole = inner.stepIn === 1 && inner.stepOut === 1 &&
    [inner.size, inner.low, inner.high, firstIn, firstOut].every((n) => n % 4 === 0) &&
    outer.every(({ stepIn, stepOut }) => stepIn % 4 === 0 && stepOut % 4 === 0);
  if (!whole) return null;
  const { size, low, high } = inner;
  return {
    bytes: bytes * 4,
    axes: merge([
      ...outer.map((axis) => ({ ...axis, stepIn: axis.stepIn / 4, stepOut: axis.stepOut / 4 })),
      { size: size / 4, stepIn: 1, stepOut: 1, low: low / 4, high: high / 4 },
    ]),
    firstIn: firstIn / 4,
    firstOut: firstOut / 4,
  };
}

/** Where one axis of an output lies in the input: position p reads element `start + p * step` along `axis`. */
export interface Placement {
  /** The logical axis of the input; `null` for an axis that it is repeated along. */
  readonly axis: number | null;
  /** The element that position 0 reads; it may lie outside. */
  readonly start: number;
  /** From one position to the next. */
  readonly step: number;
  /** The first position that is read. */
  readonly low: number;
  /** The first position after those that are read. */
  readonly high: number;
}

/** A copy that writes the whole of `to`, each logical axis as its placement says. */
export function placedCopy(from: Operand, to: Operand, placements: readonly Placement[], fill: number): StridedCopy {
  const [source, destination] = [physicalOf(from, from.layout), physicalOf(to, to.layout)];
  let firstIn = 0;
  const axes = destination.order.map((axis, i): CopyAxis => {
    const size = destination.sizes[i]!;
    const { axis: of, start, step, low, high } = placements[axis]!;
    const stride = of === null ? 0 : source.strides[of]!;
    firstIn += start * stride;
    const untouched = of !== null && step === 1 && start === 0 && low <= 0 && high === from.shape[of];
    const padded = untouched && to.shape[axis] === high && innermostSize(source, of) === size;
    return { size, stepIn: stride * step, stepOut: destination.strides[axis]!, low, high: padded ? size : high };
  });
  return { dtype: to.dtype, axes, firstIn, firstOut: 0, fill };
}

/** The size with padding of an axis, if it is the innermost one. */
function innermostSize({ order, sizes }: Physical, axis: number): number | null {
  return order.at(-1) === axis ? sizes.at(-1)! : null;
}

/** The placement of an axis that is copied as it is. */
export function same(axis: number, size: number): Placement {
  return { axis, start: 0, step: 1, low: 0, high: size };
}
