/** A graph ready to run on a backend. @module */
import type { Graph, ValueInfo } from "../graph/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Backend, Executable } from "./backend.ts";
import { keepIntegers } from "./integers.ts";
import { type ExecutionPlan, plan } from "./plan.ts";
import { joinProjections } from "./projections.ts";
import { recognize } from "./recognize.ts";
import { addInNormalizations } from "./residual.ts";
import { shareEqual } from "./share.ts";
import { simplify } from "./simplify.ts";
import { DataDependentError, specialize } from "./specialize.ts";
import { inStages } from "./stages.ts";

/** A model that runs. */
export interface Model extends AsyncDisposable {
  /** What a run must be given. */
  readonly inputs: readonly ValueInfo[];
  /** What a run returns. */
  readonly outputs: readonly ValueInfo[];
  /** Bytes of device memory that activations take, over all input shapes that are compiled. */
  readonly bytes: number;
  /**
   * Runs the model.
   *
   * @param inputs A tensor for each input, by name. Sizes that the model leaves open are taken from them; each set of shapes
   * is compiled at its first run.
   * @throws {TypeError} Where an input is missing or has another element type.
   * @throws {RangeError} Where a shape does not fit.
   */
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
}

/** Input shapes kept compiled; the one unused longest goes first. */
const COMPILED_SHAPES = 8;

/** Opens a graph on a backend. Nothing is compiled before the first run. */
export function openModel(graph: Graph, backend: Backend): Model {
  return new CompiledModel(graph, backend);
}

/**
 * What a run with inputs of these types would do, as data.
 *
 * @throws {NodeError} Where a node does not fit the shapes that reach it.
 */
export function planOf(graph: Graph, inputs: Readonly<Record<string, Tensor>>): ExecutionPlan {
  const typed = specialize(keepIntegers(shareEqual(graph)), inputs);
  return plan(joinProjections(addInNormalizations(recognize(typed))));
}

class CompiledModel implements Model {
  readonly #graph: Graph;
  readonly #backend: Backend;
  readonly #executables = new Map<string, Executable>();
  /** Runs wait for one another: they share buffers. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(graph: Graph, backend: Backend) {
    this.#graph = simplify(graph);
    this.#backend = backend;
  }

  get inputs(): readonly ValueInfo[] {
    return this.#graph.inputs;
  }

  get outputs(): readonly ValueInfo[] {
    return this.#graph.outputs;
  }

  get bytes(): number {
    return [...this.#executables.values()].reduce((sum, executable) => sum + executable.bytes, 0);
  }

  run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const run = this.#last.then(() => this.#run(inputs));
    this.#last = run.catch(() => {});
    return run;
  }

  async #run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    for (const info of this.#graph.inputs) checkInput(info, inputs[info.name]);
    const executable = await this.#executableFor(inputs);
    return Object.fromEntries(await executable.run(new Map(Object.entries(inputs))));
  }

  async #executableFor(inputs: Readonly<Record<string, Tensor>>): Promise<Executable> {
    const key = this.#graph.inputs.map(({ name }) => inputs[name]!.shape.join("x")).join(" ");
    let executable = this.#executables.get(key);
    if (executable) {
      this.#executables.delete(key);
    } else {
      executable = await this.#prepare(inputs);
      const oldest = this.#executables.keys().next();
      if (this.#executables.size >= COMPILED_SHAPES && !oldest.done) {
        this.#executables.get(oldest.value)?.[Symbol.dispose]();
        this.#executables.delete(oldest.value);
      }
    }
    this.#executables.set(key, executable);
    return executable;
  }

  async #prepare(inputs: Readonly<Record<string, Tensor>>): Promise<Executable> {
    let plan: ExecutionPlan;
    try {
      plan = planOf(this.#graph, inputs);
    } catch (error) {
      if (!(error instanceof DataDependentError)) throw error;
      return inStages(this.#graph, error, (graph) => openModel(graph, this.#backend));
    }
    return await this.#backend.prepare(plan);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    for (const executable of this.#executables.values()) executable[Symbol.dispose]();
    this.#executables.clear();
  }
}

/**
 * Checks a tensor against what the model declares.
 *
 * @throws {TypeError} Where it is missing or has another element type.
 * @throws {RangeError} Where its shape does not fit.
 */
export function checkInput({ name, dtype, shape }: ValueInfo, given: Tensor | undefined): void {
  if (!given) throw new TypeError(`Input "${name}" is missing`);
  if (given.dtype !== dtype) throw new TypeError(`Input "${name}" must be ${dtype}: current value is ${given.dtype}`);
  const fits = shape === null || (shape.length === given.shape.length &&
    shape.every((dim, axis) => typeof dim === "string" || dim === given.shape[axis]));
  if (!fits) throw new RangeError(`Input "${name}" must have shape [${shape}]: current value is [${given.shape}]`);
}
