/**
 * Keeping quantized data in integers for as long as operators only move it.
 *
 * Three rewrites of a graph with QuantizeLinear and DequantizeLinear nodes, none of which changes a result: unsigned
 * tensors become signed ones (the kernels know i8 alone); a DequantizeLinear moves behind operators that only move data;
 * a QuantizeLinear that undoes a DequantizeLinear of the same scale disappears.
 *
 * @module
 */
import type { Graph, Node } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";

/** Operators whose result holds elements of their (first) input, unchanged. */
const MOVING = new Set([
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Identity",
  "Transpose",
  "Slice",
  "Split",
  "Gather",
  "MaxPool",
  "Concat",
  "Pad",
  "Resize",
]);

/** The graph with its integers kept. */
export function keepIntegers(graph: Graph): Graph {
  if (!graph.nodes.some((node) => node.op === "DequantizeLinear" || node.op === "QuantizeLinear")) return graph;
  return sinkDequantize(signed(graph));
}

/** Makes unsigned quantized tensors signed: values and zero points less 128. */
function signed(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  const shifted = new Map<string, string>();
  const shift = (name: string): string => {
    let own = shifted.get(name);
    if (!own) shifted.set(name, own = rewriter.constant(`${name}_signed`, signedForm(graph.constants.get(name)!)));
    return own;
  };
  const unsigned = (name: string | undefined): boolean => graph.constants.get(name ?? "")?.dtype === "u8";
  rewriter.nodes = graph.nodes.map((node) => {
    if (node.op !== "QuantizeLinear" && node.op !== "DequantizeLinear") return node;
    const inputs = [...node.inputs];
    if (!inputs[2] && (node.op === "QuantizeLinear" || unsigned(inputs[0]))) {
      const scale = graph.constants.get(inputs[1]!);
      if (!scale) return node;
      inputs[2] = rewriter.constant(`${node.name}_zero_point`, tensor("i8", scale.shape, scale.data.map(() => -128)));
    } else if (unsigned(inputs[2])) {
      inputs[2] = shift(inputs[2]!);
    }
    if (node.op === "DequantizeLinear" && unsigned(inputs[0])) inputs[0] = shift(inputs[0]!);
    return { ...node, inputs };
  });
  return rewriter.finish();
}

const signedForms = new WeakMap<Tensor, Tensor>();

function signedForm(constant: Tensor): Tensor {
  let form = signedForms.get(constant);
  if (!form) {
    form = { dtype: "i8", shape: constant.shape, data: Int8Array.from(constant.data, (v) => v - 128) };
    signedForms.set(constant, form);
  }
  return form;
}

/** Where dequantized values come from. */
interface Source {
  readonly integers: string;
  readonly scale: string;
  readonly zero: string;
}

function sinkDequantize(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  const { constants } = graph;
  rewriter.nodes = [];
  const sources = new Map<string, Source>();
  const renamed = new Map<string, string>();
  const same = (a: string, b: string): boolean => a === b || equal(constants.get(a), constants.get(b));
  for (const original of graph.nodes) {
    const node = original.inputs.some((name) => renamed.has(name))
      ? { ...original, inputs: original.inputs.map((name) => renamed.get(name) ?? name) }
      : original;
    const source = sources.get(node.inputs[0] ?? "");
    if (node.op === "DequantizeLinear") {
      const [integers, scale, zero] = node.inputs;
      if (zero && constants.get(scale!)?.data.length === 1 && constants.has(zero)) {
        sources.set(node.outputs[0]!, { integers: integers!, scale: scale!, zero });
      }
    } else if (node.op === "QuantizeLinear" && source) {
      const [, scale, zero] = node.inputs;
      if (zero && same(scale!, source.scale) && same(zero, source.zero)) {
        renamed.set(node.outputs[0]!, source.integers);
        continue;
      }
    } else if (source && MOVING.has(node.op)) {
      const moved = onIntegers(node, source, sources, same, rewriter, constants);
      if (moved) {
        moved.outputs.forEach((integers, i) => {
          const output = node.outputs[i]!;
          rewriter.node("DequantizeLinear", [integers, source.scale, source.zero], {}, output);
          sources.set(output, { ...source, integers });
        });
        rewriter.nodes.push(moved);
        continue;
      }
    }
    rewriter.nodes.push(node);
  }
  return rewriter.finish();
}

function onIntegers(
  node: Node,
  source: Source,
  sources: ReadonlyMap<string, Source>,
  same: (a: string, b: string) => boolean,
  rewriter: Rewriter,
  constants: ReadonlyMap<string, Tensor>,
): Node | null {
  if (node.outputs.some((name) => !name) || (node.op === "MaxPool" && node.outputs.length > 1)) return null;
  const inputs = [...node.inputs];
  const moved = node.op === "Concat" ? inputs.length : 1;
  for (let i = 0; i < moved; i++) {
    const own = sources.get(inputs[i]!);
    if (!own || !same(own.scale, source.scale) || !same(own.zero, source.zero)) return null;
    inputs[i] = own.integers;
  }
  if (node.op === "Pad") {
    const value = inputs[2] ? constants.get(inputs[2])?.data[0] : node.attributes.get("value") ?? 0;
    if (value !== 0 || node.attributes.has("pads")) return null;
    inputs[2] = rewriter.constant(`${node.name}_value`, {
      ...constants.get(source.zero)!,
      shape: [],
    });
  }
  if (node.op === "Resize" && node.attributes.get("mode") !== "nearest") return null;
  return { ...node, inputs, outputs: node.outputs.map((name) => rewriter.unique(`${name}_integers`)) };
}

function equal(a: Tensor | undefined, b: Tensor | undefined): boolean {
  return !!a && !!b && a.dtype === b.dtype && a.data.length === b.data.length &&
    a.data.every((v, i) => v === b.data[i]);
}
