/** Scales and zero points come out as in the files that NNCF wrote, from the same models and calibration items. */
import assert from "node:assert/strict";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { estimateConstantRanges, estimateRanges, rangeRequests } from "../../src/quant/estimate.ts";
import { parametersOf, type QuantizerForm } from "../../src/quant/parameters.ts";
import { RANGE_ESTIMATORS } from "../../src/quant/range_estimator.ts";
import { collectStatistics, type Sampled } from "../../src/quant/statistics.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { readModel } from "../../src/runtime/read_model.ts";
import { SUBJECTS } from "../acceptance/datasets.ts";
import { sharedData } from "../data.ts";
import { noGpu } from "../ops/harness.ts";

/** Files of NNCF, the subject that they were made from, and the model where it is not the subject's. */
const FILES: readonly { readonly file: string; readonly subject: string; readonly model: string }[] = [
  { file: "qdq/kws_dscnn.nncf.onnx", subject: "kws_dscnn_hardened_r4", model: "kws/kws_dscnn.onnx" },
  { file: "qdq/resnet20.nncf.onnx", subject: "resnet20_cifar10", model: "cifar/resnet20_cifar10.onnx" },
  {
    ...{ file: "qdq/mobilenet_v1_0.25.nncf.onnx", subject: "mobilenet_v1_025" },
    model: "imagenet/mobilenet_v1_0.25_224.onnx",
  },
];

const ACTIVATION: QuantizerForm = { kind: "activation", mode: "symmetric", narrowRange: false };
const WEIGHT: QuantizerForm = { kind: "weight", mode: "symmetric", narrowRange: true };

/** Scales may differ by this share: sums are rounded in other orders. */
const TOLERANCE = 1e-4;

/** Numbers of a QuantizeLinear or DequantizeLinear, with the axis that they run along. */
function numbersOf(graph: Graph, { inputs, attributes }: Node) {
  const [scale, zero] = [graph.constants.get(inputs[1]!)!, graph.constants.get(inputs[2]!)!];
  const axis = scale.data.length > 1 ? Number(attributes.get("axis") ?? 1) : null;
  return { scale: scale.data, zeroPoint: zero.data, axis };
}

function assertLike(
  value: string,
  own: { readonly scale: ArrayLike<number>; readonly zeroPoint: ArrayLike<number> },
  theirs: { readonly scale: ArrayLike<number>; readonly zeroPoint: ArrayLike<number> },
): void {
  assert.deepEqual(Array.from(own.zeroPoint), Array.from(theirs.zeroPoint), `zero points of "${value}"`);
  Array.from(theirs.scale, (scale, c) => {
    const near = Math.abs(own.scale[c]! - scale) <= TOLERANCE * scale;
    assert(near, `Scale ${c} of "${value}" is ${own.scale[c]}, and NNCF's is ${scale}`);
  });
}

for (const { file, subject, model } of FILES) {
  const address = sharedData(file);
  Deno.test({
    name: `estimateRanges() and parametersOf() give what NNCF wrote to ${file}`,
    ignore: !address || noGpu !== null,
    fn: async () => {
      const [quantized, graph] = [address!, sharedData(model)!].map((url) => readModel(Deno.readFileSync(url)));
      const { calibration } = await SUBJECTS[subject]!();
      const [{ name, shape }] = graph!.inputs as [Graph["inputs"][number]];
      const items = calibration.map(({ inputs }) => {
        const item = inputs[name]!;
        return { [name]: item.shape.length < shape!.length ? { ...item, shape: [1, ...item.shape] } : item };
      });

      const theirs = quantized!.nodes.filter(({ op }) => op === "QuantizeLinear");
      assert(theirs.length > 0);
      const wanted = theirs.map((node) => {
        const own = numbersOf(quantized!, node);
        const at: Sampled = { value: node.inputs[0]!, axis: own.axis };
        const estimator = RANGE_ESTIMATORS[own.axis === null ? "mean_minmax" : "minmax"];
        return { at, estimator, theirs: own };
      });
      await using backend = await openBackend();
      const requests = wanted.flatMap(({ at, estimator }) => rangeRequests(estimator, ACTIVATION, at));
      const statistics = await collectStatistics(graph!, requests, items, backend);
      for (const { at, estimator, theirs } of wanted) {
        const ranges = estimateRanges(estimator, ACTIVATION, at, statistics);
        assertLike(at.value, parametersOf(ranges, ACTIVATION, at.axis), theirs);
      }

      const first = graph!.nodes.find(({ op }) => op === "Conv")!.inputs[1]!;
      let weights = 0;
      for (const node of quantized!.nodes) {
        const integers = node.op === "DequantizeLinear" ? quantized!.constants.get(node.inputs[0]!) : undefined;
        if (!integers) continue;
        weights++;
        const theirs = numbersOf(quantized!, node);
        const value = node.inputs[0]!.replace(/^q_output_(.*)_\d+$/, "$1");
        const form = { ...WEIGHT, halfRange: value === first };
        const ranges = estimateConstantRanges(
          RANGE_ESTIMATORS.minmax,
          form,
          graph!.constants.get(value)!,
          theirs.axis,
        );
        assertLike(value, parametersOf(ranges, form, theirs.axis), theirs);
      }
      assert(weights > 0);
    },
  });
}
