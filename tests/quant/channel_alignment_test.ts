import assert from "node:assert/strict";
import type { AttributeValue, Graph } from "../../src/graph/graph.ts";
import { alignChannels, channelRangesNeeded } from "../../src/quant/channel_alignment.ts";
import { readModel } from "../../src/runtime/read_model.ts";
import { simplify } from "../../src/runtime/simplify.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { sharedData } from "../data.ts";
import { assertSame, f32, graphOf, type GraphParts, interpret, node, run } from "../graphs.ts";
import { random } from "../ops/harness.ts";

function chain(attributes: Record<string, AttributeValue> = {}, rest: Partial<GraphParts> = {}): Graph {
  return graphOf({
    inputs: { x: [1, 3, 6, 6] },
    nodes: [
      node("Conv", ["x", "w1", "b1"], "c", { pads: [1, 1, 1, 1] }),
      node("Conv", ["c", "w2"], "d", attributes),
      node("Conv", ["d", "w3", "b3"], "y"),
    ],
    outputs: ["y"],
    ...rest,
    constants: {
      w1: random([4, 3, 3, 3], 1),
      b1: random([4], 2),
      w2: random([5, 4, 2, 2], 3),
      w3: random([2, 5, 1, 1], 4),
      b3: random([2], 5),
      ...rest.constants,
    },
  });
}

const RANGES = new Map([
  ["c", { low: [-1, -4, 0, 5], high: [3, 100, 0, 5.5] }],
  ["d", { low: [-1, -2, -3, -4, -5], high: [9, 8, 7, 6, 5] }],
]);

for (const attributes of [{}, { strides: [2, 1] }, { dilations: [2, 2] }, { auto_pad: "VALID" }]) {
  Deno.test(`alignChannels() gives the same function before a convolution with ${JSON.stringify(attributes)}`, () => {
    const graph = chain(attributes);
    assert.deepEqual(channelRangesNeeded(graph), ["c", "d"]);
    const aligned = alignChannels(graph, RANGES);
    const x = { x: random([1, 3, 6, 6], 9, -3, 3) };
    // Means up to 48 are added and taken off again: 1e-4 is about ten roundings of such numbers in f32.
    assertSame(interpret(aligned, x), interpret(graph, x), { atol: 1e-4, rtol: 1e-4 });
    assert.notDeepEqual(interpret(aligned, x), interpret(graph, x));
  });
}

Deno.test("alignChannels() centres the ranges and divides them by their width in terms of the median one", () => {
  const graph = chain();
  const outputs = [{ name: "c", dtype: "f32" as const, shape: null }];
  const x = { x: random([1, 3, 6, 6], 9, -3, 3) };
  const [before, after] = [graph, alignChannels(graph, new Map([...RANGES].slice(0, 1)))].map((own) =>
    interpret({ ...own, outputs }, x).c!.data
  );
  // Widths 4, 104, 0 and 0.5 with the median 4 of those that are not 0.
  const [middle, scale] = [[1, 48, 0, 5.25], [1, 26, 1, 0.125]];
  before!.forEach((v: number, i: number) => {
    const c = Math.floor(i / 36);
    const wanted = (v - middle[c]!) / scale[c]!;
    assert(Math.abs(after![i]! - wanted) < 1e-4, `${after![i]} for ${wanted} in channel ${c}`);
  });
});

Deno.test("alignChannels() keeps scales between 0.01 and 100", () => {
  const graph = chain({}, { nodes: chain().nodes.slice(0, 2), outputs: ["d"] });
  const ranges = new Map([["c", { low: [-1, -1, -1, -1], high: [1, 1, 1e9, -0.99999] }]]);
  const w1 = alignChannels(graph, ranges).constants.get("w1")!.data;
  const own = graph.constants.get("w1")!.data;
  [1, 1, 100, 0.01].forEach((scale, c) => assert(Math.abs(own[c * 27]! / w1[c * 27]! - scale) < 1e-4 * scale));
});

const LEFT_ALONE: Record<string, Graph> = {
  "a padded convolution": chain({ pads: [0, 0, 1, 0] }, {
    nodes: chain({ pads: [0, 0, 1, 0] }).nodes.slice(0, 2),
    outputs: ["d"],
  }),
  "a convolution in groups": chain({}, {
    nodes: chain({ group: 2 }).nodes.slice(0, 2),
    outputs: ["d"],
    constants: { w2: random([4, 2, 1, 1], 3) },
  }),
  "layers with a Relu between them": chain({}, {
    nodes: [chain().nodes[0]!, node("Relu", ["c"], "r"), node("Conv", ["r", "w2"], "y")],
  }),
  "a value that another node reads": chain({}, {
    nodes: [...chain().nodes.slice(0, 2), node("ReduceMean", ["c"], "m"), node("Add", ["m", "d"], "y")],
  }),
};

for (const [title, graph] of Object.entries(LEFT_ALONE)) {
  Deno.test(`alignChannels() leaves alone ${title}`, () => {
    assert.deepEqual(channelRangesNeeded(graph), []);
    assert.equal(alignChannels(graph, RANGES), graph);
  });
}

Deno.test("alignChannels() leaves a pair alone whose ranges are not known", () => {
  const graph = chain();
  assert.equal(alignChannels(graph, new Map([["c", { low: [1], high: [2] }]])), graph);
  const flat = new Map([["c", { low: f32([0, 0, 0, 0]).data, high: tensor("f32", [4], [0, 0, 0, 0]).data }]]);
  const x = { x: random([1, 3, 6, 6], 9) };
  assertSame(interpret(alignChannels(graph, flat), x), interpret(graph, x));
});

const file = sharedData("cifar/mobilenetv2like_alibaba_ic.onnx");
Deno.test({
  name: `alignChannels() gives the same function for a MobileNetV2${file ? "" : " (skipped: no ../shared/data)"}`,
  ignore: !file,
  fn: async () => {
    const graph = simplify(readModel(Deno.readFileSync(file!)));
    const needed = channelRangesNeeded(graph);
    assert(needed.length > 0);
    const channels = new Map(graph.nodes.map(({ op, inputs, outputs }) => [
      outputs[0]!,
      op === "Conv" ? graph.constants.get(inputs[1]!)!.shape[0]! : 0,
    ]));
    const ranges = new Map(needed.map((name, i) => {
      const size = [channels.get(name)!];
      return [name, { low: random(size, i, -2, -0.1).data, high: random(size, i + 99, 0.1, 2).data }] as const;
    }));
    const aligned = alignChannels(graph, ranges);
    const { name, shape } = graph.inputs[0]!;
    const x = { [name]: random([1, ...shape!.slice(1)] as number[], 7, -2, 2) };
    // Up to 26 layers of sums of hundreds of products: 1e-4 of the greatest result.
    const expected = await run(graph, x);
    const largest = Math.max(...Object.values(expected).flatMap(({ data }) => Array.from(data, Math.abs)));
    assertSame(await run(aligned, x), expected, { atol: 1e-4 * largest });
  },
});
