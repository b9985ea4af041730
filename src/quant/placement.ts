/**
 * Where quantizers go, how each is made, and which operations they tie together.
 *
 * Quantizers of activations are placed by propagation. One that passes operators which move data acts on every value up to
 * its readers, so that integer kernels find the values behind the moves quantized too; those numbers do not change there.
 *
 * @module
 */
import type { Graph, Node } from "../graph/graph.ts";
import type { Group, Site } from "../graph/quantizers.ts";
import type { KnownType } from "../tensor/tensor.ts";
import { type Flow, flowOf } from "./flow.ts";
import { isRedundant, sameForms } from "./merge_forms.ts";
import { type Edge, isElementwise, type Operation, operationsOf, type Result } from "./operations.ts";
import {
  channelAxisOf,
  constrained,
  isComputedProduct,
  type QuantizerForm,
  weightForms,
  weightInputs,
} from "./operator_classes.ts";
import type { QuantizationConstraints } from "./options.ts";
import type { QuantizationSettings } from "./settings.ts";
import { isEdge, propagate, type Quantizing, unify } from "./propagation.ts";
import { sitesOf } from "./sites.ts";
import { Ties } from "../graph/ties.ts";

/** A quantizer before its numbers are known. */
export interface Placement {
  /** Unique; the name of its first value, with its reader where others read that value through another quantizer. */
  readonly id: string;
  /** Whether it acts on computed values or on a constant. */
  readonly kind: "activation" | "weight";
  /** Where it acts. */
  readonly sites: readonly Site[];
  /** The values whose ranges its own range is the union of: the others among its sites hold elements of these. */
  readonly sources: readonly string[];
  /** The group that needs it. */
  readonly groups: readonly string[];
  /** Whether zero lies in the middle of the range. */
  readonly mode: "symmetric" | "asymmetric";
  /** `true`: signed even where no value is negative; `false`: unsigned even where some are; `null`: as the values are. */
  readonly signed: boolean | null;
  /** Whether the lowest integer is left out. */
  readonly narrowRange: boolean;
  /** The axis along which each index has its own scale, or `null` for one scale. */
  readonly axis: number | null;
  /** For weights: the axis of the output channels. */
  readonly channelAxis?: number;
}

/** Where all quantizers of a graph go. */
export interface Placements {
  /** The quantizers: of activations, then of weights, in graph order. */
  readonly placements: readonly Placement[];
  /** The groups, in graph order. */
  readonly groups: readonly Group[];
}

/** What placement depends on beside the graph. */
export interface PlacementSettings extends
  Pick<
    QuantizationSettings,
    "preset" | "targetDevice" | "quantizeOutputs" | "activations" | "weights" | "propagationRule"
  > {
  /** Whether it is a transformer: then little but products of matrices is quantized. */
  readonly transformer: boolean;
}

/**
 * Places quantizers on a graph.
 *
 * @param ignored Names of the nodes that stay in float.
 * @throws {RangeError} Where an operator cannot meet the constraints; its node is named.
 */
export function placeQuantizers(
  graph: Graph,
  types: ReadonlyMap<string, KnownType>,
  settings: PlacementSettings,
  ignored: ReadonlySet<string> = new Set(),
): Placements {
  const flow = flowOf(graph, types);
  const preset = settings.preset ?? (settings.transformer ? "mixed" : "performance");
  const mode = settings.activations.mode ?? (preset === "mixed" ? "asymmetric" : "symmetric");
  const activations = { ...settings.activations, mode };
  const isIgnored = (node: Node): boolean => ignored.has(node.name);
  const operations = operationsOf(flow, isIgnored, { ...settings, activations });
  const all = settled(propagate(operations, flow, settings.propagationRule), settings.transformer, flow);
  const embedded = embeddedOf(all, settings);
  const quantizers = all.filter(({ at }) => isEdge(at) || !embedded.has(at.of.nodes[0]!));
  const own = sitesOf(quantizers, operations, flow).map(({ sites, sources, form, nodes }): Ungrouped => ({
    id: "",
    kind: "activation",
    sites,
    sources,
    mode: form.mode,
    signed: settings.activations.signednessToForce ?? null,
    narrowRange: form.narrowRange,
    axis: form.perChannel ? 1 : null,
    nodes,
  }));
  return grouped([...named(own, flow), ...weightsOf(operations, flow, settings, embedded)], flow);
}

/** A placement, and the names of the nodes that it is there for. */
type Ungrouped = Omit<Placement, "groups"> & { readonly nodes: readonly string[] };

/** The quantizers that remain, each with the form that it takes. */
function settled(quantizers: readonly Quantizing[], transformer: boolean, flow: Flow): Quantizing[] {
  let own = quantizers.filter((quantizer) => !isIdle(quantizer));
  for (const quantizer of own) {
    const shared = [...quantizer.unified].every(({ forms }) => forms.some(({ perChannel }) => !perChannel));
    const forms = quantizer.unified.size > 1 && shared
      ? quantizer.forms.filter((form) => !form.perChannel)
      : quantizer.forms;
    quantizer.forms = forms.slice(0, 1);
  }
  const at = new Map(own.map((quantizer) => [quantizer.at, quantizer]));
  own = own.filter((quantizer) => {
    const above = aboveOf(quantizer, at);
    if (!above || !isRedundant(quantizer.forms[0]!, above.forms[0]!)) return true;
    quantizer.sinks.forEach((sink) => above.sinks.add(sink));
    if (quantizer.unified.size > 1) unify(above, quantizer);
    quantizer.unified.delete(quantizer);
    at.delete(quantizer.at);
    return false;
  });
  for (const quantizer of own) {
    const attention = [...quantizer.sinks].some(({ nodes }) => nodes[0] && isComputedProduct(nodes[0], flow));
    if (transformer && attention) {
      quantizer.forms = quantizer.forms.map((form) => ({ ...form, mode: "symmetric" as const }));
    }
  }
  return own;
}

/** Whether a quantizer serves nothing but one operation with a constant as its other operand, and stands just before it. */
function isIdle({ sinks, moves }: Quantizing): boolean {
  const [sink] = sinks;
  return sinks.size === 1 && moves <= 1 && isElementwise(sink!) && sink!.inputs.length === 1;
}

/** The quantizer nearest above another, with nothing but moves in between. */
function aboveOf(quantizer: Quantizing, at: ReadonlyMap<Result | Edge, Quantizing>): Quantizing | null {
  let place: Result | Edge | undefined = quantizer.at;
  while (place) {
    const next: Result | Edge | undefined = isEdge(place)
      ? place.from
      : place.of.class === "moving"
      ? place.of.inputs.find((edge) => edge.float)
      : undefined;
    const found = next && at.get(next);
    if (found) return found;
    place = next;
  }
  return null;
}

/** Orders quantizers by their first values, and gives them names. */
function named(own: readonly Ungrouped[], flow: Flow): Ungrouped[] {
  const values = [...flow.graph.inputs.map((input) => input.name), ...flow.graph.nodes.flatMap((node) => node.outputs)];
  const position = new Map(values.map((value, i) => [value, i]));
  const at = ({ sources }: Ungrouped): number => Math.min(...sources.map((value) => position.get(value)!));
  const taken = new Set<string>();
  return own.toSorted((a, b) => at(a) - at(b)).map((placement) => {
    const { value, readers } = placement.sites[0]!;
    const id = taken.has(value) ? `${value}>${readers[0]?.node ?? ""}.${readers[0]?.input ?? ""}` : value;
    taken.add(id);
    return { ...placement, id };
  });
}

/**
 * The embeddings behind which no quantizer is needed, as their tables can be quantized in the form that the readers want:
 * that form, and the names of the readers.
 */
function embeddedOf(quantizers: readonly Quantizing[], settings: PlacementSettings): Embedded {
  return new Map(quantizers.flatMap(({ at, forms: [form], sinks, unified }) => {
    const node = isEdge(at) || at.of.class !== "embedding" || unified.size > 1 ? undefined : at.of.nodes[0]!;
    const possible = node && constrained(weightForms(node), weightConstraints(settings), node, "weights");
    if (!possible?.some((own) => sameForms([own], [form!]))) return [];
    return [[node!, { form: form!, readers: [...sinks].flatMap(({ nodes }) => nodes[0]?.name ?? []) }]];
  }));
}

type Embedded = ReadonlyMap<Node, { readonly form: QuantizerForm; readonly readers: readonly string[] }>;

function weightConstraints({ weights }: PlacementSettings): QuantizationConstraints {
  return { ...weights, mode: weights.mode ?? "symmetric" };
}

/** The quantizers of weights: one for each constant, however many read it. */
function weightsOf(
  operations: readonly Operation[],
  flow: Flow,
  settings: PlacementSettings,
  embedded: Embedded,
): Ungrouped[] {
  const found = new Map<string, Ungrouped>();
  for (const { nodes: [node], class: own } of operations) {
    if (!node || (own !== "quantizable" && own !== "embedding")) continue;
    for (const input of weightInputs(node, flow)) {
      const value = node.inputs[input]!;
      const form = embedded.get(node)?.form ??
        constrained(weightForms(node), weightConstraints(settings), node, "weights")[0]!;
      const channelAxis = channelAxisOf(node, input, flow.graph.constants.get(value)!.shape.length);
      const known = found.get(value);
      found.set(value, {
        id: value,
        kind: "weight",
        sites: [{ value, readers: [...known ? known.sites[0]!.readers : [], { node: node.name, input }] }],
        sources: [value],
        mode: form.mode,
        signed: true,
        narrowRange: form.narrowRange,
        axis: form.perChannel ? channelAxis : null,
        channelAxis,
        nodes: [...known?.nodes ?? [], node.name, ...embedded.get(node)?.readers ?? []],
      });
    }
  }
  return [...found.values()];
}

/**
 * Ties the operations that read through the same quantizers, transitively: they change precision together, so that none
 * reads some of its inputs in float and others quantized.
 */
function grouped(placements: readonly Ungrouped[], flow: Flow): Placements {
  const nodesOf = ({ sites, nodes }: Ungrouped): readonly string[] => {
    const producer = flow.producers.get(sites.find(({ output }) => output)?.value ?? "")?.name;
    return nodes.length > 0 || !producer ? nodes : [producer];
  };
  const ties = new Ties();
  for (const placement of placements) ties.tie(nodesOf(placement));
  const groups = ties.groups(flow.graph);
  const groupOf = new Map(groups.flatMap(({ id, nodes }) => nodes.map((name): [string, string] => [name, id])));
  return {
    placements: placements.map((placement) => {
      const [first] = nodesOf(placement);
      const { nodes: _, ...own } = placement;
      return { ...own, groups: first ? [groupOf.get(first)!] : [] };
    }),
    groups,
  };
}
