/** Small graphs to place quantizers in, and short forms of what was placed. */
import type { Node } from "../../src/graph/graph.ts";
import { type Placements, type PlacementSettings, placeQuantizers } from "../../src/quant/placement.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { graphOf, type GraphParts, node } from "../graphs.ts";
import { SETTINGS } from "./placed.ts";

/** The input of graphs of convolutions. */
export const image = { x: [1, 4, 8, 8] };
/** Weights of a 1x1 convolution. */
export const kernel = (outputs: number, inputs: number): Tensor =>
  tensor("f32", [outputs, inputs, 1, 1], new Float32Array(outputs * inputs));
export const w = kernel(4, 4);
export const matrix = (rows: number, columns: number): Tensor =>
  tensor("f32", [rows, columns], new Float32Array(rows * columns));
/** A 1x1 convolution of four channels; {@linkcode weights} gives its own. */
export const conv = (input: string, output: string): Node => node("Conv", [input, `${output}.w`], output);
export const weights = (...names: string[]): Record<string, Tensor> =>
  Object.fromEntries(names.map((n) => [`${n}.w`, w]));
export const nearest = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
export const pool = (input: string, output: string): Node =>
  node("MaxPool", [input], output, { kernel_shape: [2, 2], strides: [2, 2] });

/** A 1x1 depthwise convolution of four channels; {@linkcode filters} gives its weights. */
export const depthwise = (input: string, output: string): Node =>
  node("Conv", [input, `${output}.d`], output, { group: 4, pads: [0, 0, 0, 0] });
export const filters = (...names: string[]): Record<string, Tensor> =>
  Object.fromEntries(names.map((name) => [`${name}.d`, kernel(4, 1)]));

/** Places quantizers in a graph, but for ignored nodes. */
export function place(
  parts: GraphParts,
  ignored: readonly string[] = [],
  settings: Partial<PlacementSettings> = {},
): Placements {
  const graph = graphOf(parts);
  const inputs = Object.fromEntries(
    graph.inputs.map(({ name, dtype, shape }) => [name, { dtype, shape: shape as number[] }]),
  );
  const typed = specialize(graph, inputs);
  return placeQuantizers(graph, typed.types, { ...SETTINGS, ...settings }, new Set(ignored));
}

/** Activation quantizers as `value>reader.input,... value>...`, an output marked by `!`. */
export function activations({ placements }: Placements): string[] {
  return placements.filter(({ kind }) => kind === "activation").map(({ sites }) =>
    sites.map(({ value, readers, output }) =>
      `${value}${output ? "!" : ""}>${readers.map((reader) => `${reader.node}.${reader.input}`)}`
    ).join(" ")
  );
}

/** The operations of each group, joined. */
export function groups(placements: Placements): string[] {
  return placements.groups.map(({ nodes }) => nodes.join(" "));
}

/** The forms of activation quantizers by id. */
export function forms({ placements }: Placements): Record<string, string> {
  return Object.fromEntries(
    placements.flatMap(({ id, kind, mode, axis }) => kind === "activation" ? [[id, `${mode} ${axis}`]] : []),
  );
}
