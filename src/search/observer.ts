/** The outputs of plans on unlabelled items, by running only the part of the network that a plan changes. @module */
import { applyPlan } from "../graph/apply_plan.ts";
import type { Graph, ValueInfo } from "../graph/graph.ts";
import type { Plan, QuantizedGraph } from "../graph/quantizers.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { cutValues, type Suffix, suffixOf } from "../graph/suffix.ts";
import type { CalibrationItem } from "../quant/statistics.ts";
import type { Backend } from "../runtime/backend.ts";
import { macsOfNodes } from "../runtime/macs.ts";
import { openModel } from "../runtime/model.ts";
import { specialize } from "../runtime/specialize.ts";
import { sizeOf, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { batches, type ItemInputs } from "./batches.ts";
import type { ItemOutput } from "./divergence.ts";
import { allBut } from "./plans.ts";

/** Items run at once: observations are of 8, 16, 24 or 32 items, so that each suffix is compiled for one shape. */
const AT_ONCE = 8;

/** Bytes of activations kept at most. */
const KEPT_BYTES = 256 * 2 ** 20;

/** Items that are run together, and what the FP32 model computes for them. */
interface Chunk {
  readonly count: number;
  readonly size: number;
  readonly inputs: ItemInputs;
  readonly values: Map<string, Tensor>;
}

/** Observes what plans do to the outputs of a model. */
export interface Observer {
  /** Items that can be observed. */
  readonly items: number;
  /** Multiply-adds of each node of the float graph, by name. */
  readonly macs: ReadonlyMap<string, number>;
  /** The share of a whole run that an observation of the plan takes, by multiply-adds. */
  shareOf(plan: Plan): number;
  /** The outputs of the float model. */
  reference(): Promise<readonly (readonly ItemOutput[])[]>;
  /** The outputs under a plan for the first `items` items. */
  observe(plan: Plan, items: number): Promise<readonly (readonly ItemOutput[])[]>;
}

/**
 * Opens an observer. Nothing is run before it is asked for.
 *
 * @param items Items as calibration takes them, in the order in which they are used.
 * @param keptBytes Bytes of activations that are kept at most; where that is too little, more of the network is run.
 */
export function openObserver(
  model: QuantizedGraph,
  items: readonly CalibrationItem[],
  backend: Backend,
  keptBytes: number = KEPT_BYTES,
): Observer {
  return new SuffixObserver(model, items, backend, keptBytes);
}

class SuffixObserver implements Observer {
  readonly #model: QuantizedGraph;
  readonly #backend: Backend;
  readonly #items: readonly CalibrationItem[];
  readonly macs: ReadonlyMap<string, number>;
  readonly #allMacs: number;
  /** The values between nodes that any group alone in INT8 is cut off at, as far as they fit in memory. */
  readonly #kept: ReadonlySet<string>;
  #chunks: Promise<readonly Chunk[]> | null = null;

  constructor(model: QuantizedGraph, items: readonly CalibrationItem[], backend: Backend, keptBytes: number) {
    this.#model = model;
    this.#backend = backend;
    this.#items = items;
    this.macs = macsOfNodes(model.graph, items[0]!);
    this.#allMacs = [...this.macs.values()].reduce((a, b) => a + b, 0);
    this.#kept = affordable(cutsOf(model), specialize(model.graph, items[0]!).types, items.length, keptBytes);
  }

  get items(): number {
    return this.#items.length;
  }

  shareOf(plan: Plan): number {
    if (this.#allMacs === 0) return 1;
    const { graph } = this.#suffix(plan);
    return graph.nodes.reduce((sum, { name }) => sum + (this.macs.get(name) ?? 0), 0) / this.#allMacs;
  }

  async reference(): Promise<readonly (readonly ItemOutput[])[]> {
    const chunks = await this.#prepare();
    return chunks.flatMap((chunk) => this.#split(chunk, chunk.values));
  }

  async observe(plan: Plan, items: number): Promise<readonly (readonly ItemOutput[])[]> {
    const chunks = await this.#prepare();
    const { graph, cut, unchanged } = this.#suffix(plan);
    const outputs: (readonly ItemOutput[])[] = [];
    await using model = graph.outputs.length > 0 ? openModel(typed(graph, chunks[0]!), this.#backend) : null;
    for (const chunk of chunks) {
      if (outputs.length >= items) break;
      const own = await model?.run(Object.fromEntries(cut.map((name) => [name, valueOf(chunk, name)]))) ?? {};
      const values = new Map(Object.entries(own));
      for (const name of unchanged) values.set(name, chunk.values.get(name)!);
      outputs.push(...this.#split(chunk, values));
    }
    return outputs.slice(0, items);
  }

  #suffix(plan: Plan): Suffix {
    const { graph } = this.#model;
    const outputs = new Set(graph.outputs.map(({ name }) => name));
    return suffixOf(applyPlan(this.#model, plan), graph, (value) => this.#kept.has(value) || outputs.has(value));
  }

  #prepare(): Promise<readonly Chunk[]> {
    return this.#chunks ??= this.#runReference();
  }

  async #runReference(): Promise<readonly Chunk[]> {
    const { graph } = this.#model;
    const outputs = new Set(graph.outputs.map(({ name }) => name));
    const extra = [...this.#kept].filter((name) => !outputs.has(name));
    const observed = new Rewriter(graph).finish({
      outputs: [...graph.outputs, ...extra.map((name) => ({ name, dtype: "f32" as const, shape: null }))],
    });
    await using model = openModel(observed, this.#backend);
    const chunks: Chunk[] = [];
    for (const { inputs, count, size } of this.#batches()) {
      chunks.push({ count, size, inputs, values: new Map(Object.entries(await model.run(inputs))) });
    }
    return chunks;
  }

  /** The items in batches where the model leaves the first axis of all inputs open, else one by one. */
  *#batches(): Generator<{ readonly inputs: ItemInputs; readonly count: number; readonly size: number }> {
    const { inputs } = this.#model.graph;
    const [first] = this.#items;
    const alike = inputs.every((input) =>
      this.#items.every((item) =>
        isOneOfMany(input, item[input.name]) && isLike(item[input.name]!, first![input.name]!)
      )
    );
    if (inputs.length > 0 && alike) {
      yield* batches(inputs, this.#items.map(withoutBatch), AT_ONCE);
    } else {
      for (const item of this.#items) yield { inputs: item, count: 1, size: 1 };
    }
  }

  #split({ count, size }: Chunk, values: ReadonlyMap<string, Tensor>): ItemOutput[][] {
    const outputs = this.#model.graph.outputs.map(({ name }) => values.get(name)!);
    return Array.from({ length: count }, (_, i) =>
      outputs.map(({ data, shape }): ItemOutput => {
        const length = data.length / size;
        return { data: data.subarray(i * length, (i + 1) * length), last: shape.at(-1) ?? 1 };
      }));
  }
}

/** The values that the network is cut at where one group alone is in INT8, inputs of the network left out. */
function cutsOf(model: QuantizedGraph): Set<string> {
  const { graph, groups } = model;
  const cuts = new Set(groups.flatMap((group) => cutValues(applyPlan(model, allBut(groups, group)), graph)));
  for (const { name } of graph.inputs) cuts.delete(name);
  return cuts;
}

/** The values that fit the budget, the smallest first: those late in the network save most and are smallest. */
function affordable(
  names: Iterable<string>,
  types: ReadonlyMap<string, TensorType>,
  items: number,
  budget: number,
): Set<string> {
  const bytes = (name: string): number => 4 * sizeOf(types.get(name)!.shape) * items;
  const kept = new Set<string>();
  let sum = 0;
  for (const name of [...names].sort((a, b) => bytes(a) - bytes(b))) {
    sum += bytes(name);
    if (sum > budget) break;
    kept.add(name);
  }
  return kept;
}

function isLike(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && a.shape.length === b.shape.length &&
    a.shape.every((dim, axis) => dim === b.shape[axis]);
}

function valueOf({ inputs, values }: Chunk, name: string): Tensor {
  return inputs[name] ?? values.get(name)!;
}

/** The graph with the element types that its inputs really have. */
function typed(graph: Graph, chunk: Chunk): Graph {
  const inputs = graph.inputs.map((input): ValueInfo => ({ ...input, dtype: valueOf(chunk, input.name).dtype }));
  return { ...graph, inputs };
}

function isOneOfMany({ shape }: ValueInfo, item: Tensor | undefined): boolean {
  return typeof shape?.[0] === "string" && item?.shape[0] === 1;
}

function withoutBatch(item: CalibrationItem): ItemInputs {
  return Object.fromEntries(
    Object.entries(item).map(([name, { dtype, shape, data }]) => [name, { dtype, shape: shape.slice(1), data }]),
  );
}
