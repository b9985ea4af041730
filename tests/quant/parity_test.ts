/** Quantizers go where NNCF 3.4 puts them, in the files that it wrote with its defaults. */
import assert from "node:assert/strict";
import { extractQuantizers } from "../../src/graph/extract.ts";
import { type PlacementSettings, placeQuantizers } from "../../src/quant/placement.ts";
import { networkKindOf } from "../../src/quant/network_kind.ts";
import { readModel } from "../../src/runtime/read_model.ts";
import { simplify } from "../../src/runtime/simplify.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { sharedData } from "../data.ts";
import { SETTINGS } from "./placed.ts";

interface Wanted {
  /** NNCF's groups, and the operations in them. */
  readonly groups: readonly [number, number];
  /** Settings other than the defaults, and why. */
  readonly settings?: Partial<PlacementSettings>;
}

const FILES: Readonly<Record<string, Wanted>> = {
  "kws_dscnn": { groups: [11, 11] },
  "resnet20": { groups: [21, 30] },
  "mobilenet_v1_0.25": { groups: [29, 29] },
  "kwt1": { groups: [98, 98] },
  // Below opset 13 NNCF takes one scale for each tensor; quantize() raises the opset and needs not.
  "fastestdet": { groups: [50, 73], settings: { activations: { perChannel: false }, weights: { perChannel: false } } },
};

/** A quantizer as both tools have it: its axis, and whether its zero point is 0. */
interface Seen {
  readonly axis: number | null;
  readonly symmetric: boolean;
}

for (const [name, { groups, settings }] of Object.entries(FILES)) {
  const file = sharedData(`qdq/${name}.nncf.onnx`);
  Deno.test({
    name: `placeQuantizers() quantizes in ${name} the inputs that NNCF quantizes${file ? "" : " (no ../shared/data)"}`,
    ignore: !file,
    fn: () => {
      const { model } = extractQuantizers(readModel(Deno.readFileSync(file!)));
      const wanted = new Map<string, Seen>();
      for (const { kind, parameters: { axis, zeroPoint }, sites } of model.quantizers) {
        for (const { value, readers } of sites) {
          for (const { node, input } of readers) {
            const at = `${kind} ${node} ${input} ${kind === "weight" ? "" : value}`;
            wanted.set(at, { axis, symmetric: zeroPoint.every((zero) => zero === 0) });
          }
        }
      }
      for (const graph of [model.graph, simplify(model.graph)]) {
        const types = Object.fromEntries(graph.inputs.map(({ name, dtype, shape }) => {
          const sizes = shape!.map((size) => typeof size === "number" ? size : 1);
          return [name, { dtype, shape: sizes }];
        }));
        const typed = specialize(graph, types).types;
        const { transformer } = networkKindOf(graph, typed);
        const placed = placeQuantizers(graph, typed, { ...SETTINGS, transformer, ...settings });
        const found = new Map<string, Seen>();
        for (const { kind, axis, mode, sites, sources } of placed.placements) {
          for (const { value, readers } of sites.filter((site) => sources.includes(site.value))) {
            for (const { node, input } of readers) {
              found.set(`${kind} ${node} ${input} ${kind === "weight" ? "" : value}`, {
                axis,
                symmetric: mode === "symmetric",
              });
            }
          }
        }
        assert.deepEqual([...found.keys()].sort(), [...wanted.keys()].sort());
        for (const [at, { axis, symmetric }] of found) {
          assert.equal(axis, wanted.get(at)!.axis, at);
          if (symmetric) assert(wanted.get(at)!.symmetric, at);
        }
        const asymmetric = [...found].filter(([at, own]) => !own.symmetric && wanted.get(at)!.symmetric);
        assert(asymmetric.length * 4 < found.size, `${asymmetric.length} of ${found.size} could be symmetric`);
        const operations = placed.groups.reduce((sum, { nodes }) => sum + nodes.length, 0);
        assert.deepEqual([placed.groups.length, operations], groups);
      }
    },
  });
}
