/** Builds graphs with weights drawn from a seed. */
import { randomFrom } from "../../examples/ocr/render.ts";
import { type AttributeValue, type Graph, type Node, type Tensor, tensor } from "../../mod.ts";
import { graphOf, node } from "../graphs.ts";

/** A graph in the making; values are named `<op>_<number>` in the order of their nodes. */
export class GraphBuilder {
  readonly #random: () => number;
  readonly #nodes: Node[] = [];
  readonly #constants: Record<string, Tensor> = {};

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  /** Appends an operation and returns the name of its only output. */
  add(op: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}): string {
    const output = `${op.toLowerCase()}_${this.#nodes.length}`;
    this.#nodes.push(node(op, inputs, output, attributes));
    return output;
  }

  /** Numbers drawn evenly from [low, high). */
  draw(shape: readonly number[], low: number, high: number): Tensor {
    const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
    for (let i = 0; i < data.length; i++) data[i] = low + (high - low) * this.#random();
    return tensor("f32", shape, data);
  }

  /** Adds a constant and returns its name. */
  constant(value: Tensor): string {
    const name = `constant_${Object.keys(this.#constants).length}`;
    this.#constants[name] = value;
    return name;
  }

  /** Adds a constant of numbers drawn evenly from [low, high). */
  weight(shape: readonly number[], low: number, high: number): string {
    return this.constant(this.draw(shape, low, high));
  }

  /** The graph at opset 13, from float inputs to one output. */
  build(inputs: Readonly<Record<string, readonly (number | string)[]>>, output: string): Graph {
    return graphOf({ inputs, nodes: this.#nodes, constants: this.#constants, outputs: [output] });
  }
}
