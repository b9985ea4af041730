import assert from "node:assert/strict";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import { exportGraph } from "../../src/graph/export.ts";
import { extractQuantizers } from "../../src/graph/extract.ts";
import { readOnnx } from "../../src/onnx/read.ts";
import { writeOnnx } from "../../src/onnx/write.ts";
import { compressWeights } from "../../src/quant/compress_weights.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node, run } from "../graphs.ts";
import { random } from "../ops/harness.ts";

/** A table, a product, a convolution and a classifier; the weights hold nearly all numbers. */
const graph = graphOf({
  inputs: { ids: { dtype: "i64", shape: ["N", 4] } },
  nodes: [
    node("Gather", ["table", "ids"], "g"),
    node("MatMul", ["g", "w1"], "m"),
    node("Relu", ["m"], "r"),
    node("Unsqueeze", ["r", "one"], "u"),
    node("Conv", ["u", "w2", "b2"], "c", { pads: [1, 1, 1, 1] }),
    node("GlobalAveragePool", ["c"], "p"),
    node("Flatten", ["p"], "f"),
    node("Gemm", ["f", "w3"], "y", { transB: 1 }),
  ],
  constants: {
    one: tensor("i64", [1], [1]),
    table: random([40, 32], 1),
    w1: random([32, 64], 2),
    w2: random([32, 1, 3, 3], 3),
    b2: random([32], 4),
    w3: random([24, 32], 5),
  },
  outputs: ["y"],
});
const ids = { ids: tensor("i64", [2, 4], [1, 7, 39, 0, 3, 3, 8, 20]) };

Deno.test("compressWeights() quantizes weights and tables along their channels, and nothing else", () => {
  const model = compressWeights(graph);
  assert.deepEqual(
    model.quantizers.map(({ id, kind, parameters: { dtype, axis, scale } }) => [id, kind, dtype, axis, scale.length]),
    [
      ["table", "weight", "i8", 0, 40],
      ["w1", "weight", "i8", 1, 64],
      ["w2", "weight", "i8", 0, 32],
      ["w3", "weight", "i8", 0, 24],
    ],
  );
  assert.deepEqual(model.warnings, []);
  const file = applyPlan(model, new Set());
  assert(file.nodes.every(({ op }) => op !== "QuantizeLinear"));
  assert.equal(file.nodes.filter(({ op }) => op === "DequantizeLinear").length, 4);
});

Deno.test("compressWeights() gives outputs near the float ones, from a file of about a quarter, on every runtime path", async () => {
  const model = compressWeights(graph);
  const bytes = writeOnnx(exportGraph(model, new Set()));
  const size = writeOnnx(graph).length;
  assert(bytes.length < 0.45 * size, `${bytes.length} of ${size} bytes: these weights are small`);
  const file = readOnnx(bytes);
  const floats = [...file.constants.values()].filter(({ dtype, data }) => dtype === "f32" && data.length > 64);
  assert.deepEqual(floats, []);
  const [expected, written] = [interpret(graph, ids), interpret(file, ids)];
  assertSame(await run(file, ids), written, { atol: 1e-5, rtol: 1e-5 });
  assertSame(written, expected, { atol: 0.05, rtol: 0.05 });
  assert.notDeepEqual(written.y!.data, expected.y!.data);
});

Deno.test("extractQuantizers() reads compressed weights back, and applyPlan() keeps them in 8 bits", () => {
  const model = compressWeights(graph);
  const file = applyPlan(model, new Set());
  const { model: found, plan } = extractQuantizers(file);
  assert.deepEqual(
    found.quantizers.map(({ parameters }) => parameters),
    model.quantizers.map(({ parameters }) => parameters),
  );
  assert.deepEqual(found.groups, [
    { id: "g", nodes: ["g"] },
    { id: "m", nodes: ["m"] },
    { id: "c", nodes: ["c"] },
    { id: "y", nodes: ["y"] },
  ]);
  const again = applyPlan(found, plan);
  assert.deepEqual(
    [...again.constants.values()].filter(({ dtype }) => dtype === "i8").map(({ data }) => data.length).sort(),
    [...file.constants.values()].filter(({ dtype }) => dtype === "i8").map(({ data }) => data.length).sort(),
  );
  assertSame(interpret(again, ids), interpret(file, ids));
});

Deno.test("compressWeights() takes one scale for a tensor where it is asked to, and needs no newer operator set for it", () => {
  const old = graphOf({
    inputs: { x: ["N", 32] },
    nodes: [node("MatMul", ["x", "w"], "m"), node("Softmax", ["m"], "y")],
    constants: { w: random([32, 64], 2) },
    outputs: ["y"],
    opset: 11,
  });
  const one = compressWeights(old, { perChannel: false });
  assert.deepEqual([one.graph.opset, one.quantizers[0]!.parameters.axis], [11, null]);
  const each = compressWeights(old);
  assert.deepEqual([each.graph.opset, each.quantizers[0]!.parameters.axis], [13, 1]);
  assert.deepEqual(each.graph.nodes.map(({ op }) => op), ["MatMul", "Softmax"]);
});

Deno.test("compressWeights() leaves small constants, biases and constants of other operators in float, and says where nothing is left", () => {
  const none = graphOf({
    inputs: { x: [16, 16] },
    nodes: [node("MatMul", ["x", "small"], "m"), node("Add", ["m", "large"], "y")],
    constants: { small: random([16, 4], 1), large: random([64, 16, 4], 2) },
    outputs: ["y"],
  });
  const model = compressWeights(none);
  assert.deepEqual(model.quantizers, []);
  assert.match(model.warnings[0]!, /^Nothing in this model can be compressed/);
});

Deno.test("compressWeights() gives every reader of a shared weight the same integers, and keeps no float copy", () => {
  const tied = graphOf({
    inputs: { ids: { dtype: "i64", shape: [4] } },
    nodes: [
      node("Gather", ["table", "ids"], "g"),
      node("Gemm", ["g", "table"], "l", { transB: 1 }),
      node("Mul", ["l", "two"], "y"),
    ],
    constants: { table: random([40, 32], 1), two: f32(2) },
    outputs: ["y"],
  });
  const file = applyPlan(compressWeights(tied), new Set());
  assert.deepEqual([...file.constants.keys()].filter((name) => name.startsWith("table")).sort(), [
    "table_quantized",
    "table_scale",
    "table_zero_point",
  ]);
});

Deno.test("compressWeights() refuses a model that is quantized in part, with the first node of each kind", () => {
  const mixed = graphOf({
    inputs: { x: [1, 16] },
    nodes: [
      node("DequantizeLinear", ["q", "s"], "w1"),
      node("MatMul", ["x", "w1"], "a"),
      node("MatMul", ["a", "w2"], "y"),
    ],
    constants: { q: tensor("i8", [16, 16], new Int8Array(256)), s: f32(0.1), w2: random([16, 16], 1) },
    outputs: ["y"],
  });
  assert.throws(() => compressWeights(mixed), {
    name: "RangeError",
    message:
      /quantized in part\. 1 of its 2 Conv, MatMul and Gemm nodes .*, node "a" \(MatMul\) first; node "y" \(MatMul\) is the first in float\. Give the FP32 model/,
  });
});
