/** Resizing by weighted means of neighbours, one axis after the other. @module */
import { linesOf } from "./_nd.ts";
import { positionOf, type Resampling } from "./_resampling.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";

/** How neighbours are weighted. */
export interface Interpolation {
  /** By distance, or by a piecewise cubic. */
  readonly mode: "linear" | "cubic";
  /** The coefficient of the cubic. */
  readonly a: number;
  /** Whether the weights are stretched where the output is smaller. */
  readonly antialias: boolean;
  /** Whether neighbours outside of the input have no weight; else they count as the element at the edge. */
  readonly excludeOutside: boolean;
  /** What outputs get whose position lies outside, where `coordinates` is tf_crop_and_resize. */
  readonly extrapolation: number;
}

/** The neighbours of an output position with their weights; `null` where it lies outside. */
type Neighbours = readonly (readonly [index: number, weight: number])[] | null;

function kernel({ mode, a }: Interpolation, distance: number): number {
  const x = Math.abs(distance);
  if (mode === "linear") return Math.max(0, 1 - x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

function neighboursOf(axis: Resampling, how: Interpolation, output: number): Neighbours {
  const position = positionOf(axis, output);
  const last = axis.input - 1;
  if (axis.coordinates === "tf_crop_and_resize" && (position < 0 || position > last)) return null;
  const stretch = how.antialias ? Math.min(axis.scale, 1) : 1;
  const reach = Math.floor((how.mode === "linear" ? 1 : 2) / stretch);
  const all: [index: number, weight: number][] = [];
  for (let i = Math.ceil(position) - 1 - reach; i <= Math.ceil(position) + reach; i++) {
    const weight = kernel(how, (i - position) * stretch);
    if (weight === 0 || (how.excludeOutside && (i < 0 || i > last))) continue;
    all.push([Math.min(Math.max(i, 0), last), weight]);
  }
  const total = all.reduce((sum, [, weight]) => sum + weight, 0);
  return all.map(([index, weight]) => [index, weight / total]);
}

/** A tensor resized along all axes that change. */
export function interpolate({ dtype, shape, data }: Tensor, axes: readonly Resampling[], how: Interpolation): Tensor {
  let [values, sizes] = [Float64Array.from(data), shape];
  const out = axes.map(({ output }) => output);
  const outside = new Uint8Array(sizeOf(out));
  axes.forEach((axis, number) => {
    if (axis.output === axis.input && axis.scale === 1 && axis.coordinates !== "tf_crop_and_resize") return;
    const tables = Array.from({ length: axis.output }, (_, i) => neighboursOf(axis, how, i));
    const { outer, length, inner } = linesOf(sizes, number);
    const next = new Float64Array(outer * axis.output * inner);
    for (let i = 0; i < next.length; i++) {
      const [line, place, rest] = [Math.floor(i / inner / axis.output), Math.floor(i / inner) % axis.output, i % inner];
      for (const [index, weight] of tables[place] ?? []) {
        next[i]! += weight * values[(line * length + index) * inner + rest]!;
      }
    }
    [values, sizes] = [next, sizes.with(number, axis.output)];
    const all = linesOf(out, number);
    outside.forEach((_, i) => {
      if (tables[Math.floor(i / all.inner) % all.length] === null) outside[i] = 1;
    });
  });
  const result = Float32Array.from(values, (value, i) => outside[i] ? how.extrapolation : value);
  return { dtype, shape: out, data: result };
}
