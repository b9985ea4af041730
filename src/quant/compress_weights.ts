/** Weights in 8 bits for a graph that computes in float. @module */
import { type Graph, type Node, type Use, usesOf } from "../graph/graph.ts";
import { type Group, type QuantizedGraph, type Quantizer, symmetricParameters } from "../graph/quantizers.ts";
import { simplify } from "../runtime/simplify.ts";
import { specialize } from "../runtime/specialize.ts";
import type { KnownType } from "../tensor/tensor.ts";
import { requireFloat } from "./require_float.ts";
import { QUANTIZED_OPSETS, upgrade } from "./upgrade.ts";

/** Options of {@linkcode compressWeights}. */
export interface CompressWeightsOptions {
  /** Whether each output channel, or row of a table, has its own scale. Default true. */
  readonly perChannel?: boolean;
}

/** Constants with fewer elements stay in float: their scales and nodes would take what is saved. */
const LEAST_ELEMENTS = 256;

/**
 * A float graph with its weights in i8, symmetric, and nothing else quantized: a file of about a quarter of the size that
 * computes in float. It needs no data.
 *
 * Weights are the constants of Conv, MatMul and Gemm and the tables of Gather, of two or more axes.
 *
 * @throws {RangeError} Where the graph is quantized already, or its operator set cannot be raised.
 */
export function compressWeights(graph: Graph, options: CompressWeightsOptions = {}): QuantizedGraph {
  const { perChannel = true } = options;
  requireFloat(graph);
  const opset = perChannel ? QUANTIZED_OPSETS.perChannel : QUANTIZED_OPSETS.perTensor;
  const float = simplify(graph);
  const raised = simplify(upgrade(float, float.opset < opset ? typesOf(float) : new Map(), opset));
  const uses = usesOf(raised);
  const groups = new Map<string, Group>();
  const quantizers: Quantizer[] = [];
  for (const [value, constant] of raised.constants) {
    if (constant.dtype !== "f32" || constant.shape.length < 2 || constant.data.length < LEAST_ELEMENTS) continue;
    const readers = uses.get(value) ?? [];
    const axes = readers.map((use) => channelAxis(use, constant.shape.length));
    const axis = axes.find((own) => own !== null);
    if (axis === undefined) continue;
    const nodes = readers.map(({ node }) => node.name);
    groups.set(nodes[0]!, { id: nodes[0]!, nodes: [...new Set(nodes)] });
    quantizers.push({
      id: value,
      kind: "weight",
      parameters: symmetricParameters(constant, perChannel ? axis : null),
      sites: [{ value, readers: readers.map(({ node, input }) => ({ node: node.name, input })) }],
      groups: [nodes[0]!],
    });
  }
  const none = "Nothing in this model can be compressed: it has no Conv, MatMul, Gemm or Gather with weights";
  const warnings = [...graph.warnings ?? [], ...(quantizers.length > 0 ? [] : [none])];
  return { graph: raised, quantizers, groups: [...groups.values()], warnings };
}

/** The axis of the output channels of weights, or the rows of a table; `null` for other uses of a constant. */
function channelAxis({ node, input }: Use, rank: number): number | null {
  switch (node.op) {
    case "Conv":
      return input === 1 ? 0 : null;
    case "Gather":
      return input === 0 ? 0 : null;
    case "Gemm":
      return input === 2 ? null : isTransposed(node, input) === (input === 1) ? 0 : 1;
    case "MatMul":
      return input === 1 ? rank - 1 : rank - 2;
    default:
      return null;
  }
}

function isTransposed({ attributes }: Node, input: number): boolean {
  return attributes.get(input === 0 ? "transA" : "transB") === 1;
}

/** The types of a graph's values with 1 for every open size, or none where the graph does not take that size. */
function typesOf(graph: Graph): ReadonlyMap<string, KnownType> {
  const inputs = graph.inputs.map(({ name, dtype, shape }) =>
    [name, { dtype, shape: (shape ?? []).map((size) => typeof size === "string" ? 1 : size) }] as const
  );
  try {
    return specialize(graph, Object.fromEntries(inputs)).types;
  } catch {
    return new Map();
  }
}
