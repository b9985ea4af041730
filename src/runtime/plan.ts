/**
 * From a graph to the steps that a backend runs: quantized regions become integer operators, biases and activations part
 * of the operator before them, chains of pointwise operators one step.
 *
 * @module
 */
import type { Node, ValueInfo } from "../graph/graph.ts";
import { fits, fused, merge } from "../ops/fused.ts";
import { OPS } from "../ops/mod.ts";
import { type Continuation, type Epilogue, numberOf, type Op } from "../ops/op.ts";
import type { Program } from "../ops/pointwise.ts";
import { type KnownType, sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";
import { type Continuable, continueLinear } from "./continue.ts";
import {
  dequantizeConstant,
  dequantizedOf,
  type Linear,
  linearOf,
  type Surroundings,
  surroundingsOf,
} from "./linear.ts";
import { hasKernel } from "./kernels.ts";
import { quantizeAtOnce } from "./quantize_at_once.ts";
import { explained, operatorOf, type TypedGraph } from "./specialize.ts";

/** How a step computes: in integers; in float on dequantized values; in float; by its definition, on the CPU. */
export type Precision = "int8" | "simulated" | "float" | "cpu";

/** One operator on named values. */
export interface Step {
  /** The name of the node that it computes; of the last one where several are fused. */
  readonly node: string;
  /** The ONNX operator of that node. */
  readonly operator: string;
  /** What is computed. */
  readonly op: Op;
  /** In which precision. */
  readonly precision: Precision;
  /** Names of the values read; `null` where an optional input is left out. */
  readonly inputs: readonly (string | null)[];
  /** Names of the values computed. */
  readonly outputs: readonly string[];
}

/** Everything that a backend needs to run a graph of fixed shapes. */
export interface ExecutionPlan {
  /** The graph's inputs. */
  readonly inputs: readonly ValueInfo[];
  /** The graph's outputs. */
  readonly outputs: readonly ValueInfo[];
  /** The steps in order. */
  readonly steps: readonly Step[];
  /** Weights and other constants that steps read. */
  readonly constants: ReadonlyMap<string, Tensor>;
  /** The type of every value that a step reads or computes. */
  readonly types: ReadonlyMap<string, KnownType>;
  /**
   * State that is kept on the device from run to run: for each input that is one, the output that it becomes in the next
   * run. Before the first run all its elements are zero.
   */
  readonly carried?: ReadonlyMap<string, string>;
}

/** A pointwise value that has not been given a step yet. */
interface Expression {
  readonly node: Node;
  readonly operands: readonly string[];
  readonly program: Program;
  /** The nodes that it computes. */
  readonly nodes: ReadonlySet<Node>;
  /** Readers may compute it again: it costs no more than loading it. */
  readonly cheap: boolean;
}

/** Plans the execution of a graph. */
export function plan(typed: TypedGraph): ExecutionPlan {
  return new Planner(typed).run();
}

class Planner {
  readonly #typed: TypedGraph;
  readonly #around: Surroundings;
  readonly #constants: Map<string, Tensor>;
  readonly #types: Map<string, KnownType>;
  readonly #expressions = new Map<string, Expression>();
  readonly #steps: (Step | string)[] = [];
  readonly #linear = new Map<Step, Continuable>();
  readonly #programs = new Map<Step, Continuation>();

  constructor(typed: TypedGraph) {
    this.#typed = typed;
    this.#around = surroundingsOf(typed);
    this.#constants = new Map(typed.graph.constants);
    this.#types = new Map(typed.types);
  }

  run(): ExecutionPlan {
    const { graph } = this.#typed;
    const absorbed = new Set<Node>();
    for (const node of graph.nodes) {
      if (absorbed.has(node)) continue;
      const whole = graph.constants.has(node.inputs[0]!) && dequantizedOf(node.outputs[0]!, this.#around) !== null;
      if (whole) continue;
      const linear = linearOf(node, this.#around, absorbed);
      if (linear) {
        linear.absorbed.forEach((other) => absorbed.add(other));
        for (const [name, constant] of linear.constants) this.#constant(name, constant);
        this.#steps.push(this.#linearStep(node, linear));
        continue;
      }
      for (const name of node.inputs) this.#dequantizeConstant(name);
      if (!this.#pointwise(node)) {
        const op = operatorOf(node, graph.opset);
        const inputs = node.inputs.map((name) => name || null);
        const integer = this.#types.get(inputs[0] ?? "")?.dtype === "i8";
        const precision = !this.#hasKernel(op, inputs, node.outputs) ? "cpu" : integer ? "int8" : this.#precision(node);
        this.#steps.push({ node: node.name, operator: node.op, op, precision, inputs, outputs: node.outputs });
      }
    }
    return {
      inputs: graph.inputs,
      outputs: graph.outputs,
      steps: this.#joined(this.#needed()),
      constants: this.#constants,
      types: this.#types,
    };
  }

  #linearStep(node: Node, { epilogue, inputs, output }: Linear): Step {
    const { opset } = this.#typed.graph;
    const opWith = (own: Epilogue): Op => explained(node, () => OPS[node.op]!(node.attributes, opset, own));
    const op = opWith(epilogue);
    if (!this.#hasKernel(op, inputs, [output])) {
      return { node: node.name, operator: node.op, op, precision: "cpu", inputs, outputs: [output] };
    }
    const precision = epilogue.integer ? "int8" : this.#precision(node);
    const step = { node: node.name, operator: node.op, op, precision, inputs, outputs: [output] };
    this.#linear.set(step, {
      followedBy: (then) => opWith({ ...epilogue, then }),
      float: epilogue.integer === undefined,
    });
    return step;
  }

  #hasKernel(op: Op, inputs: readonly (string | null)[], outputs: readonly string[]): boolean {
    return hasKernel(
      op,
      inputs.map((name) => name === null ? null : this.#types.get(name) ?? null),
      outputs.map((name) => name ? this.#types.get(name)! : null),
    );
  }

  /** Makes a quantized constant a float one, for operators that have no use for its integers. */
  #dequantizeConstant(name: string): void {
    const own = this.#constants.has(name) ? null : dequantizedOf(name, this.#around);
    const integers = own && this.#typed.graph.constants.get(own.integers);
    if (integers) this.#constant(name, dequantizeConstant(integers, own));
  }

  #constant(name: string, constant: Tensor): void {
    this.#constants.set(name, constant);
    this.#types.set(name, constant);
  }

  #precision(node: Node): Precision {
    const quantized = node.inputs.some((name) => this.#around.producers.get(name)?.op === "DequantizeLinear");
    return quantized ? "simulated" : "float";
  }

  /** Keeps a pointwise node for later, merged with what it reads. Returns false where the node is none. */
  #pointwise(node: Node): boolean {
    const output = node.outputs[0]!;
    const type = this.#types.get(output);
    const own = type?.dtype === "f32" || type?.dtype === "i8" ? this.#programOf(node) : null;
    if (!own || !type) return false;
    let expression = own;
    const nodes = new Set([node]);
    for (let merges = true; merges;) {
      merges = false;
      for (const operand of new Set(expression.operands)) {
        const inner = this.#expressions.get(operand);
        if (!inner || !(inner.cheap || this.#onlyRead(operand, type, nodes))) continue;
        // Integers are worth storing: integer kernels read them too, and other readers a quarter of the bytes.
        if (this.#types.get(operand)!.dtype === "i8") continue;
        const merged = merge(expression, operand, inner);
        if (!fits({ ...merged.program, inputs: new Set(merged.operands).size })) continue;
        expression = merged;
        inner.nodes.forEach((other) => nodes.add(other));
        merges = true;
      }
    }
    const cheap = node.op === "DequantizeLinear" && expression.operands.length === 1;
    this.#expressions.set(output, { ...expression, node, nodes, cheap });
    this.#steps.push(output);
    return true;
  }

  #onlyRead(value: string, reader: KnownType, nodes: ReadonlySet<Node>): boolean {
    const shape = this.#types.get(value)!.shape;
    return this.#around.uses.get(value)!.every((use) => nodes.has(use.node)) && !this.#around.outputs.has(value) &&
      shape.length === reader.shape.length && shape.every((dim, axis) => dim === reader.shape[axis]);
  }

  #programOf(node: Node): { operands: readonly string[]; program: Program } | null {
    const known = node.inputs.map((name) => name ? this.#types.get(name) ?? null : null);
    if (node.op === "BatchNormalization" && node.outputs.length === 1) return this.#batchNormalization(node);
    const op = operatorOf(node, this.#typed.graph.opset);
    const own = explained(node, () => op.pointwise?.(known) ?? null);
    if (own && fits(own.program)) {
      const operands = own.operands.map((i) => node.inputs[i]!);
      const types = operands.map((name) => this.#types.get(name)!.dtype);
      return types.every((dtype) => dtype === "f32" || dtype === "i8") ? { operands, program: own.program } : null;
    }
    const typed = known[0]?.dtype === "f32" || known[0]?.dtype === "i8";
    const blocked = numberOf(node.attributes, "block_size", 0) !== 0;
    return typed && !blocked && (node.op === "QuantizeLinear" || node.op === "DequantizeLinear")
      ? this.#alongAxis(node)
      : null;
  }

  /** Quantization with a scale for each channel, as arithmetic with constants. */
  #alongAxis(node: Node): { operands: string[]; program: Program } | null {
    const [x, scaleName, zeroName] = node.inputs;
    const scale = this.#constants.get(scaleName!);
    const zero = zeroName ? this.#constants.get(zeroName) : undefined;
    if (!scale || (zeroName && !zero)) return null;
    const axis = numberOf(node.attributes, "axis", 1);
    const zeros = this.#alongAxisOf(x!, axis, `${node.name}_zero`, zero?.data ?? scale.data.map(() => 0));
    const dequantize = node.op === "DequantizeLinear";
    const factor = this.#alongAxisOf(x!, axis, `${node.name}_factor`, scale.data);
    const program: Program = {
      inputs: 3,
      instructions: dequantize ? [{ code: "sub", args: [0, 1] }, { code: "mul", args: [3, 2] }] : [
        { code: "quotient", args: [0, 2] },
        { code: "round", args: [3] },
        { code: "add", args: [4, 1] },
        { code: "clamp", args: [5], p: -128, q: 127 },
      ],
    };
    return { operands: [x!, zeros, factor], program };
  }

  #batchNormalization(node: Node): { operands: string[]; program: Program } | null {
    const [x, ...rest] = node.inputs;
    const [gamma, beta, mean, variance] = rest.map((name) => this.#constants.get(name)?.data);
    if (!gamma || !beta || !mean || !variance) return null;
    const epsilon = numberOf(node.attributes, "epsilon", 1e-5);
    const scale = Array.from(gamma, (g, c) => g / Math.sqrt(variance[c]! + epsilon));
    const shift = scale.map((s, c) => beta[c]! - mean[c]! * s);
    const operands = [
      x!,
      this.#alongAxisOf(x!, 1, `${node.name}_scale`, scale),
      this.#alongAxisOf(x!, 1, `${node.name}_shift`, shift),
    ];
    const program: Program = {
      inputs: 3,
      instructions: [{ code: "mul", args: [0, 1] }, { code: "add", args: [3, 2] }],
    };
    return { operands, program };
  }

  /** Adds numbers as a constant that broadcasts along one axis of a value. */
  #alongAxisOf(value: string, axis: number, name: string, numbers: ArrayLike<number>): string {
    const rank = this.#types.get(value)!.shape.length;
    const front = axis < 0 ? axis + rank : axis;
    const shape = [numbers.length, ...new Array<number>(rank - 1 - front).fill(1)];
    this.#constant(name, tensor("f32", shape, Array.from(numbers)));
    return name;
  }

  /** The steps that the outputs need, in order. */
  #needed(): Step[] {
    const wanted = new Set(this.#around.outputs);
    const steps: Step[] = [];
    for (const item of this.#steps.toReversed()) {
      const outputs = typeof item === "string" ? [item] : item.outputs;
      if (!outputs.some((name) => wanted.has(name))) continue;
      const step = typeof item === "string" ? this.#materialize(item) : item;
      for (const input of step.inputs) if (input) wanted.add(input);
      steps.push(step);
    }
    return steps.reverse();
  }

  /** The steps with pointwise ones taken into those before them. */
  #joined(steps: readonly Step[]): Step[] {
    const facts = {
      linear: this.#linear,
      programs: this.#programs,
      types: this.#types,
      outputs: this.#around.outputs,
    };
    return quantizeAtOnce(continueLinear(steps, facts), facts);
  }

  #materialize(value: string): Step {
    const { node, operands, program } = this.#expressions.get(value)!;
    const { dtype: type, shape } = this.#types.get(value)!;
    const dtype = type as "f32" | "i8";
    const integer = dtype === "i8" || operands.some((name) => this.#types.get(name)!.dtype === "i8");
    const precision = sizeOf(shape) === 0 ? "cpu" : integer ? "simulated" : "float";
    const step: Step = {
      node: node.name,
      operator: node.op,
      op: fused(program, dtype),
      precision,
      inputs: operands,
      outputs: [value],
    };
    if (precision !== "cpu") this.#programs.set(step, { program, dtype });
    return step;
  }
}
