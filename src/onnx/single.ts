/** Real numbers of other sizes: a graph computes in single precision, and converts what it is given and returns. @module */
import { type AttributeValue, type Graph, isGraph, type Node, type ValueInfo } from "../graph/graph.ts";
import { isReal } from "../tensor/tensor.ts";
import { codeOf, dtypeOf } from "./tensor.ts";

/** Attributes that name the element type of an output. */
const TYPE_ATTRIBUTES: ReadonlySet<string> = new Set(["to", "dtype", "output_datatype", "output_dtype"]);

/**
 * The same graph in single precision: inputs of half or double precision pass through a Cast, and so do outputs.
 *
 * Attributes that ask for such a type inside ask for single precision instead.
 */
export function computeInSingle(graph: Graph): Graph {
  const names = new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.constants.keys(),
    ...graph.nodes.flatMap(({ name, outputs }) => [name, ...outputs]),
  ]);
  const unique = (wish: string): string => {
    let name = wish;
    for (let i = 1; names.has(name); i++) name = `${wish}_${i}`;
    names.add(name);
    return name;
  };
  const renamed = new Map<string, string>();
  const casts: Node[] = [];
  const cast = (from: string, to: string, code: number): void => {
    casts.push({
      name: unique(`${to}/Cast`),
      op: "Cast",
      inputs: [from],
      outputs: [to],
      attributes: new Map([["to", code]]),
    });
  };
  const other = ({ dtype }: ValueInfo): boolean => isReal(dtype) && dtype !== "f32";
  for (const { name } of graph.inputs.filter(other)) {
    renamed.set(name, unique(`${name}_f32`));
    cast(name, renamed.get(name)!, codeOf("f32"));
  }
  for (const { name, dtype } of graph.outputs.filter(other)) {
    if (!renamed.has(name)) renamed.set(name, unique(`${name}_f32`));
    else if (graph.inputs.some((input) => input.name === name)) continue;
    cast(renamed.get(name)!, name, codeOf(dtype));
  }
  const rename = (name: string): string => renamed.get(name) ?? name;
  return {
    ...graph,
    constants: new Map(Array.from(graph.constants, ([name, value]) => [rename(name), value])),
    nodes: [
      ...graph.nodes.map((node): Node => ({
        ...singleNode(node),
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      })),
      ...casts,
    ],
  };
}

function singleNode(node: Node): Node {
  const attributes = Array.from(node.attributes, ([name, value]) => [name, single(name, value)] as const);
  return { ...node, attributes: new Map(attributes) };
}

function single(name: string, value: AttributeValue): AttributeValue {
  if (isGraph(value)) return { ...value, nodes: value.nodes.map(singleNode) };
  if (!TYPE_ATTRIBUTES.has(name) || typeof value !== "number") return value;
  const dtype = dtypeOf(value);
  return dtype !== null && isReal(dtype) ? codeOf("f32") : value;
}
