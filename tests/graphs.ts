/** Small graphs for tests, and the plainest way to run them. */
import assert from "node:assert/strict";
import type { AttributeValue, Graph, Node } from "../src/graph/graph.ts";
import type { Backend } from "../src/runtime/backend.ts";
import { cpuBackend } from "../src/runtime/cpu.ts";
import { openModel } from "../src/runtime/model.ts";
import { operatorOf } from "../src/runtime/specialize.ts";
import { type DType, type Tensor, tensor } from "../src/tensor/tensor.ts";

/** A shape whose sizes may be open; with a type, where it is not f32. */
type Declared = readonly (number | string)[] | { readonly dtype: DType; readonly shape: readonly (number | string)[] };

/** What a graph is made of. Unnamed types are f32. */
export interface GraphParts {
  /** The inputs. */
  readonly inputs: Readonly<Record<string, Declared>>;
  /** The operations. */
  readonly nodes: readonly Node[];
  /** Weights and other constants. */
  readonly constants?: Readonly<Record<string, Tensor>>;
  /** Names of the outputs. */
  readonly outputs: readonly string[];
  /** Version of the operator set. Default 13. */
  readonly opset?: number;
}

/** A node; it is called like its first output where no name is given. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: string | readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  name?: string,
): Node {
  const own = typeof outputs === "string" ? [outputs] : outputs;
  return { name: name ?? own[0]!, op, inputs, outputs: own, attributes: new Map(Object.entries(attributes)) };
}

/** A graph. */
export function graphOf({ inputs, nodes, constants = {}, outputs, opset = 13 }: GraphParts): Graph {
  return {
    name: "test",
    opset,
    inputs: Object.entries(inputs).map(([name, declared]) => {
      const { dtype, shape } = "dtype" in declared ? declared : { dtype: "f32" as const, shape: declared };
      return { name, dtype, shape };
    }),
    outputs: outputs.map((name) => ({ name, dtype: "f32", shape: null })),
    nodes,
    constants: new Map(Object.entries(constants)),
    metadata: new Map(),
  };
}

/** A scalar or vector of f32. */
export function f32(values: number | readonly number[]): Tensor {
  return typeof values === "number" ? tensor("f32", [], [values]) : tensor("f32", [values.length], values);
}

/** Runs every node by its definition, one after the other: nothing is rewritten, fused or planned. */
export function interpret(graph: Graph, inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const values = new Map<string, Tensor>([...graph.constants, ...Object.entries(inputs)]);
  for (const node of graph.nodes) {
    const results = operatorOf(node, graph.opset).reference(node.inputs.map((name) => name ? values.get(name)! : null));
    node.outputs.forEach((name, i) => name && values.set(name, results[i]!));
  }
  return Object.fromEntries(graph.outputs.map(({ name }) => [name, values.get(name)!]));
}

/** Runs a graph once as a model, on the CPU where no backend is given. */
export async function run(
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
  backend: Backend = cpuBackend(),
): Promise<Record<string, Tensor>> {
  await using model = openModel(graph, backend);
  return await model.run(inputs);
}

/** Compares results by name: f32 within `atol + rtol * |expected|`, all else, and f32 by default, exactly. */
export function assertSame(
  actual: Readonly<Record<string, Tensor>>,
  expected: Readonly<Record<string, Tensor>>,
  { atol = 0, rtol = 0 }: { readonly atol?: number; readonly rtol?: number } = {},
): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
  for (const [name, { dtype, shape, data }] of Object.entries(expected)) {
    const own = actual[name]!;
    assert.equal(own.dtype, dtype, `type of "${name}"`);
    assert.deepEqual([...own.shape], [...shape], `shape of "${name}"`);
    assert.equal(own.data.length, data.length, `size of "${name}"`);
    data.forEach((wanted: number, i: number) => {
      const got = own.data[i]!;
      const near = got === wanted || (Number.isNaN(got) && Number.isNaN(wanted)) ||
        (dtype === "f32" && Math.abs(got - wanted) <= atol + rtol * Math.abs(wanted));
      if (!near) assert.fail(`Element ${i} of "${name}": got ${got}, expected ${wanted}`);
    });
  }
}
