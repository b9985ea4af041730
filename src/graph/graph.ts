/** What is computed, independent of file format and device. @module */
import type { DType, Tensor } from "../tensor/tensor.ts";

/**
 * The value of a node attribute.
 *
 * A graph (the body of a Loop, say) reads nothing of the graph around it: what it captures there are further inputs of
 * the node, and of it, in the same order.
 */
export type AttributeValue = number | string | readonly number[] | readonly string[] | Tensor | Graph;

/** Whether an attribute is a graph: the body of a node such as If or Loop. */
export function isGraph(value: AttributeValue | undefined): value is Graph {
  return typeof value === "object" && "nodes" in value;
}

/** The attribute of a node with bodies that says how many values they read of the graph around them. */
export const CAPTURED = "captured";

/** The attributes of a node, by name. */
export type Attributes = ReadonlyMap<string, AttributeValue>;

/** One operation. Values are known by their names. */
export interface Node {
  /** Unique in the graph. */
  readonly name: string;
  /** The ONNX operator type. */
  readonly op: string;
  /** Names of the values read; an empty string where an optional input is left out. */
  readonly inputs: readonly string[];
  /** Names of the values computed; an empty string where an optional output is left out. */
  readonly outputs: readonly string[];
  /** Attributes given in the file. */
  readonly attributes: Attributes;
}

/** An input or output of a graph. */
export interface ValueInfo {
  /** The name of the value. */
  readonly name: string;
  /** The type of its elements. */
  readonly dtype: DType;
  /** Its dimensions; a string names a size that only the data fix; `null` where the file gives none. */
  readonly shape: readonly (number | string)[] | null;
}

/** What a file says of its model beside the graph. */
export interface ModelInfo {
  /** The name space of the model. */
  readonly domain?: string;
  /** The version of the model. */
  readonly version?: number;
  /** Its description. */
  readonly description?: string;
}

/** An immutable dataflow graph. */
export interface Graph {
  /** The name in the file. */
  readonly name: string;
  /** Version of the default ONNX operator set that gives the nodes their meaning. */
  readonly opset: number;
  /** What a caller must give. */
  readonly inputs: readonly ValueInfo[];
  /** What a run returns. */
  readonly outputs: readonly ValueInfo[];
  /** The operations, each after those that it reads from. */
  readonly nodes: readonly Node[];
  /** Values known in advance: weights and other constants. */
  readonly constants: ReadonlyMap<string, Tensor>;
  /** Key-value metadata of the file. */
  readonly metadata: ReadonlyMap<string, string>;
  /** What the file says of the model, where it says something. */
  readonly info?: ModelInfo;
  /** What was changed where the file was read, for the user to know. */
  readonly warnings?: readonly string[];
}

/** The node that computes each value. */
export function producersOf(graph: Graph): Map<string, Node> {
  const producers = new Map<string, Node>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output) producers.set(output, node);
  }
  return producers;
}

/** One use of a value: input number `input` of `node`. */
export interface Use {
  /** The reader. */
  readonly node: Node;
  /** Which of its inputs. */
  readonly input: number;
}

/** The uses of each value by nodes, in graph order. Uses as a graph output are not among them. */
export function usesOf(graph: Graph): Map<string, Use[]> {
  const uses = new Map<string, Use[]>();
  for (const node of graph.nodes) {
    node.inputs.forEach((value, input) => {
      if (!value) return;
      const list = uses.get(value);
      if (list) list.push({ node, input });
      else uses.set(value, [{ node, input }]);
    });
  }
  return uses;
}

/**
 * The nodes in an order in which each comes after those that it reads from, and else as given.
 *
 * @param known Names of the graph's inputs and constants.
 * @throws {RangeError} Where a node reads a value that nothing computes, or the nodes form a cycle; the node and value are named.
 */
export function sortNodes(nodes: readonly Node[], known: Iterable<string>): Node[] {
  const producers = new Map<string, Node>();
  for (const node of nodes) for (const output of node.outputs) if (output) producers.set(output, node);
  const ready = new Set(known);
  const sorted: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  for (const root of nodes) {
    const stack: { node: Node; next: number }[] = [{ node: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next === 0) {
        if (state.get(top.node) === "done") {
          stack.pop();
          continue;
        }
        state.set(top.node, "open");
      }
      const value = top.node.inputs[top.next++];
      if (value === undefined) {
        state.set(top.node, "done");
        sorted.push(top.node);
        stack.pop();
        continue;
      }
      if (!value || ready.has(value)) continue;
      const producer = producers.get(value);
      if (!producer) {
        throw new RangeError(
          `Cannot read node "${top.node.name}" (${top.node.op}): nothing computes its input "${value}"`,
        );
      }
      if (state.get(producer) === "done") continue;
      if (state.get(producer) === "open") {
        throw new RangeError(
          `Cannot read node "${top.node.name}" (${top.node.op}): the graph has a cycle through "${value}"`,
        );
      }
      stack.push({ node: producer, next: 0 });
    }
  }
  return sorted;
}
