/** Where the values of a plan lie while it is scheduled, on the device and on the host. @module */
import { bindingsOf, fitsTexture } from "../gpu/bindings.ts";
import type { Binding, Launch, Operand } from "../gpu/launch.ts";
import { arrange, bytesOf, type Layout } from "../gpu/layout.ts";
import { type ShaderName, SHADERS } from "../gpu/shaders.ts";
import { relayout } from "../ops/copy.ts";
import { copyView } from "../ops/view.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { create, isDirect, isIn, type Place, type Storage } from "./place.ts";
import type { ExecutionPlan, Step } from "./plan.ts";

/** A value that the host writes, and where. */
export interface Write {
  /** Its name. */
  readonly name: string;
  /** Where it lies. */
  readonly place: Place;
}

/** A value that the host reads, and how it lies there. */
export interface Read extends Write {
  /** Its layout. */
  readonly layout: "plain" | "rows";
}

/** A segment of a schedule under construction. */
export interface OpenSegment {
  /** The number of its first launch. */
  readonly start: number;
  /** What the host computes first. */
  readonly steps: Step[];
  /** What it writes then. */
  readonly writes: Write[];
  /** What it waits for in the end. */
  readonly reads: Read[];
}

/** A launch whose regions are not numbered yet. */
export interface Pending {
  /** What is run. */
  readonly launch: Launch;
  /** The node that it belongs to. */
  readonly node: string;
  /** The step that it computes, or `null` for a copy. */
  readonly step: Step | null;
  /** Where its inputs lie; `null` for constants. */
  readonly inputs: readonly (Place | null)[];
  /** Where its outputs lie. */
  readonly outputs: readonly Place[];
}

/** Keeps the book of where values lie; copies between layouts, uploads and readbacks join the launches as they are needed. */
export class Values {
  /** The launches until now. */
  readonly pending: Pending[] = [];
  /** The segments until now; the last one is open. */
  readonly segments: OpenSegment[] = [{ start: 0, steps: [], writes: [], reads: [] }];
  /** Values that the host has. */
  readonly #host = new Set<string>();
  readonly #plan: ExecutionPlan;
  readonly #places = new Map<string, Place[]>();

  constructor(plan: ExecutionPlan) {
    this.#plan = plan;
  }

  /** Whether the host has a value, computed or constant. */
  isOnHost(name: string): boolean {
    return this.#host.has(name) || this.#plan.constants.has(name);
  }

  /** Says that the host computes a value. */
  computeOnHost(name: string): void {
    this.#host.add(name);
  }

  /** Says where an output lies. */
  set(name: string, place: Place): void {
    this.#places.set(name, [place]);
  }

  /** State that the run before left: nothing else may lie where it does. */
  state(name: string): Place {
    const place = create(this.#plan.types.get(name)!, "plain");
    Object.assign(place.storage, { last: Infinity, inBlocks: false });
    this.#places.set(name, [place]);
    return place;
  }

  /** State for the next run, which stays on the device. */
  stateAfter(name: string): Place {
    const place = this.in(name, "plain", name);
    place.storage.last = Infinity;
    return place;
  }

  /** An input of the graph, which is written at the start where the device reads it. */
  input(name: string): void {
    this.#host.add(name);
    if (this.#plan.steps.some((step) => step.precision !== "cpu" && step.inputs.includes(name))) this.#write(name);
  }

  /** An output of the graph: the device keeps it to the end, where the host does not have it already. */
  output(name: string): void {
    if (!this.#host.has(name) && !this.#plan.constants.has(name)) this.read(name).last = Infinity;
  }

  /** Has the host read a value at the end of the present segment: in rows where it lies so and their padding is little. */
  read(name: string): Storage {
    const places = this.placesOf(name);
    const rows = places.some((place) => isIn(place, "plain")) ? undefined : places.find((place) => isIn(place, "rows"));
    const type = this.#plan.types.get(name)!;
    const layout = rows && bytesOf(type, "rows") <= 2 * bytesOf(type, "plain") ? "rows" : "plain";
    const place = this.in(name, layout, name);
    this.segments.at(-1)!.reads.push({ name, place, layout });
    this.#host.add(name);
    return place.storage;
  }

  /** Has the host write a value that it has at the beginning of the present segment. */
  #write(name: string): Place {
    const place = create(this.#plan.types.get(name)!, "plain");
    this.segments.at(-1)!.writes.push({ name, place });
    this.#places.set(name, [place]);
    return place;
  }

  /** Where a value lies, in all layouts that it has. */
  placesOf(name: string): Place[] {
    const constant = this.#plan.constants.get(name);
    let places = this.#places.get(name);
    if (!places && this.#host.has(name)) return [this.#write(name)];
    if (!places) this.#places.set(name, places = constant ? [this.#upload(name, constant)] : []);
    return places;
  }

  /** A value as it lies now. */
  present(name: string): Operand {
    const constant = this.#plan.constants.get(name);
    return constant ? { ...constant, layout: "plain" } : this.placesOf(name)[0]!.operand;
  }

  /** A value in a layout that it is wanted in. */
  operand(name: string, layout: Layout): Operand {
    const constant = this.#plan.constants.get(name);
    const type = this.#plan.types.get(name)!;
    return constant ? { ...constant, layout } : { dtype: type.dtype, shape: type.shape, layout };
  }

  /** A binding of an operand that is a constant, as that constant. */
  bindConstant(
    binding: Binding,
    names: readonly (string | null)[],
    operands: readonly (Operand | null)[],
  ): Binding {
    const name = "input" in binding ? names[binding.input] : null;
    const constant = name ? this.#plan.constants.get(name) : undefined;
    if (!constant || !("input" in binding)) return binding;
    const { layout } = operands[binding.input]!;
    return { packed: { source: constant, key: layout, pack: () => arrange(constant, layout) } };
  }

  /** The value in a layout: where it is already, or copied there. */
  in(name: string, layout: Layout, node: string): Place {
    const places = this.placesOf(name);
    const found = places.find((place) => isIn(place, layout));
    if (found) return found;
    const from = places[0]!;
    const to = create(from.operand, layout);
    this.push({ launch: copyView(from.view, to.operand), node, step: null, inputs: [from], outputs: [to] });
    if (isDirect(from)) places.push(to);
    else places.unshift(to);
    return to;
  }

  /** A constant copied into a buffer of its own, for a view of it. */
  #upload(name: string, constant: Tensor): Place {
    const from: Operand = { ...constant, layout: "plain" };
    const to = create(constant, "plain");
    const copy = relayout(from, to.operand);
    const bindings = copy.bindings.map((binding) => this.bindConstant(binding, [name], [from]));
    this.push({ launch: { ...copy, bindings }, node: name, step: null, inputs: [null], outputs: [to] });
    return to;
  }

  /** Adds a launch to the end. */
  push(pending: Pending): void {
    const index = this.pending.length;
    for (const place of [...pending.inputs, ...pending.outputs]) {
      if (place) place.storage.last = Math.max(place.storage.last, index);
    }
    const { shader, bindings } = pending.launch;
    bindings.forEach((binding, i) => {
      if ("output" in binding && !writesBlocks(shader, i)) pending.outputs[binding.output]!.storage.inBlocks = false;
    });
    this.pending.push(pending);
  }
}

const blockWriters = new Map<ShaderName, ReadonlySet<number>>();

/** Whether a kernel writes one of its bindings in whole blocks of 16 bytes. */
export function writesBlocks(shader: ShaderName, binding: number): boolean {
  let own = blockWriters.get(shader);
  if (!own) {
    own = new Set(bindingsOf(SHADERS[shader]).filter(fitsTexture).map(({ binding }) => binding));
    blockWriters.set(shader, own);
  }
  return own.has(binding);
}
