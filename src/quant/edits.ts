/** Changing constants that single nodes read. @module */
import { type Graph, usesOf } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** New constants for inputs of nodes, gathered and then made at once. */
export class ConstantEdits {
  readonly #edits = new Map<string, Map<number, Tensor>>();

  /** Gives input `input` of the node of that name a constant of its own. */
  set(node: string, input: number, value: Tensor): void {
    const own = this.#edits.get(node);
    if (own) own.set(input, value);
    else this.#edits.set(node, new Map([[input, value]]));
  }

  /** The graph with the new constants. A constant that no other node reads keeps its name. */
  apply(graph: Graph): Graph {
    if (this.#edits.size === 0) return graph;
    const uses = usesOf(graph);
    const rewriter = new Rewriter(graph);
    rewriter.nodes = graph.nodes.map((node) => {
      const edits = this.#edits.get(node.name);
      if (!edits) return node;
      const inputs = [...node.inputs];
      for (const [input, value] of edits) {
        const present = inputs[input];
        if (present && uses.get(present)!.length === 1 && graph.constants.has(present)) {
          rewriter.constants.set(present, value);
        } else {
          inputs[input] = rewriter.constant(present || `${node.name}.bias`, value);
        }
      }
      return { ...node, inputs };
    });
    return rewriter.finish();
  }
}
