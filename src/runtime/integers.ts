/**
 * Keeping quantized data in integers for as long as operators only move it.
 *
 * Three rewrites of a graph with QuantizeLinear and DequantizeLinear nodes, none of which changes a result: unsigned
 * tensors become signed ones (the kernels know i8 alone); a DequantizeLinear moves behind operators that only move data;
 * a QuantizeLinear that undoes a DequantizeLinear of the same scale disappears.
 *
 * @module
 */
import { type Graph, type Node, usesOf } from "../graph/graph.ts";
import { MOVING_OPERATORS } from "../graph/quantizers.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";

/** The graph with its integers kept. */
export function keepIntegers(graph: Graph): Graph {
  if (!graph.nodes.some((node) => node.op === "DequantizeLinear" || node.op === "QuantizeLinear")) return graph;
  return sinkDequantize(signed(graph));
}

/**
 * Makes unsigned quantized tensors signed: values and zero points less 128.
 *
 * Only where none but DequantizeLinear nodes see the integers; elsewhere they keep their type.
 */
function signed(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  const { constants } = graph;
  const shifted = new Map<string, string>();
  const shift = (name: string): string => {
    let own = shifted.get(name);
    if (!own) shifted.set(name, own = rewriter.constant(`${name}_signed`, signedForm(constants.get(name)!)));
    return own;
  };
  const unsigned = unsignedValues(graph);
  rewriter.nodes = graph.nodes.map((node) => {
    const value = node.op === "QuantizeLinear"
      ? node.outputs[0]!
      : node.op === "DequantizeLinear"
      ? node.inputs[0]!
      : "";
    if (!unsigned.has(value)) return node;
    const inputs = [...node.inputs];
    if (inputs[2]) {
      inputs[2] = shift(inputs[2]);
    } else {
      const { shape, data } = constants.get(inputs[1]!)!;
      const zeros = tensor("i8", shape, new Int8Array(data.length).fill(-128));
      inputs[2] = rewriter.constant(`${node.name}_zero_point`, zeros);
    }
    if (constants.has(value)) inputs[0] = shift(value);
    return { ...node, inputs };
  });
  return rewriter.finish();
}

/** The unsigned values that can be made signed. */
function unsignedValues(graph: Graph): Set<string> {
  const { constants } = graph;
  const uses = usesOf(graph);
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const known = ({ inputs }: Node): boolean =>
    constants.has(inputs[1]!) && (!inputs[2] || constants.get(inputs[2])?.dtype === "u8");
  const hidden = (value: string): boolean =>
    !outputs.has(value) &&
    (uses.get(value) ?? []).every(({ node, input }) =>
      input === 0 && (node.op === "DequantizeLinear" ? known(node) : movesOne(node) && node.outputs.every(hidden))
    );
  const found = new Set<string>();
  for (const node of graph.nodes) {
    const [input, output] = [node.inputs[0]!, node.outputs[0]!];
    if (node.op === "QuantizeLinear") {
      const typed = node.inputs[2] || (node.attributes.get("output_dtype") ?? 0) === 0;
      if (typed && known(node) && hidden(output)) found.add(output);
    } else if (node.op === "DequantizeLinear") {
      if (constants.get(input)?.dtype === "u8" && known(node)) found.add(input);
    } else if (movesOne(node) && found.has(input)) {
      for (const name of node.outputs) found.add(name);
    }
  }
  return found;
}

/** Whether a node only moves the elements of its first input. */
function movesOne({ op }: Node): boolean {
  return MOVING_OPERATORS.has(op) && op !== "Concat" && op !== "Pad";
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
  const outputs = new Set(graph.outputs.map((output) => output.name));
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
      if (zero && same(scale!, source.scale) && same(zero, source.zero) && !outputs.has(node.outputs[0]!)) {
        renamed.set(node.outputs[0]!, source.integers);
        continue;
      }
    } else if (source && MOVING_OPERATORS.has(node.op)) {
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
