import assert from "node:assert/strict";
import { applyPlan } from "../../src/graph/apply_plan.ts";
import { exportGraph, QUANTIZATION_METADATA } from "../../src/graph/export.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { QuantizedGraph, Quantizer } from "../../src/graph/quantizers.ts";
import { EXPORT_TARGETS, type ExportTarget, forTarget } from "../../src/graph/targets.ts";
import { VERSION } from "../../src/graph/version.ts";
import type { QuantizationParameters } from "../../src/tensor/quantization.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { assertSame, f32, graphOf, interpret, node } from "../graphs.ts";

function parameters(dtype: "i8" | "u8", scale: number[], zero: number[], axis: number | null = null) {
  return { dtype, axis, scale: Float32Array.from(scale), zeroPoint: Int32Array.from(zero) };
}

/** `y = Relu(Conv(x))` with x, w and what Conv gives quantized. */
const graph: Graph = {
  ...graphOf({
    inputs: { x: [1, 1, 1, 4] },
    nodes: [node("Conv", ["x", "w", "b"], "c"), node("Sigmoid", ["c"], "s"), node("Add", ["c", "s"], "y")],
    constants: { w: tensor("f32", [1, 1, 1, 1], [0.5]), b: f32([0.1]) },
    outputs: ["y"],
  }),
  metadata: new Map([["author", "me"]]),
};

function model(
  x: QuantizationParameters,
  c: QuantizationParameters,
  w = parameters("i8", [0.01], [0]),
): QuantizedGraph {
  const own = (
    id: string,
    kind: Quantizer["kind"],
    p: QuantizationParameters,
    readers: [string, number][],
  ): Quantizer => ({
    id,
    kind,
    parameters: p,
    sites: [{ value: id, readers: readers.map(([node, input]) => ({ node, input })) }],
    groups: ["c"],
  });
  return {
    graph,
    quantizers: [
      own("x", "activation", x, [["c", 0]]),
      own("c", "activation", c, [["s", 0], ["y", 0]]),
      own("w", "weight", w, [["c", 1]]),
    ],
    groups: [{ id: "c", nodes: ["c", "s", "y"] }],
    warnings: [],
  };
}

const input = { x: tensor("f32", [1, 1, 1, 4], [-3, -0.5, 0.5, 3]) };
const asymmetric = parameters("u8", [0.02], [100]);
const symmetric = parameters("i8", [0.02], [0]);
const positive = parameters("u8", [0.01], [0]);

function parametersFor(own: QuantizedGraph, target: ExportTarget): Record<string, QuantizationParameters> {
  return Object.fromEntries(forTarget(own, target).quantizers.map(({ id, parameters }) => [id, parameters]));
}

Deno.test("forTarget() counts the same numbers from elsewhere for onnxruntime and OpenVINO", () => {
  const own = model(symmetric, asymmetric);
  assert.deepEqual(parametersFor(own, "onnxruntime"), {
    x: parameters("u8", [0.02], [128]),
    c: asymmetric,
    w: parameters("i8", [0.01], [0]),
  });
  assert.equal(forTarget(own, "openvino"), own);
  const back = model(parameters("u8", [0.02], [128]), asymmetric);
  assert.deepEqual(parametersFor(back, "openvino"), parametersFor(own, "openvino"));
  assert.equal(forTarget(back, "onnxruntime"), back);
  const expected = interpret(applyPlan(own, new Set()), input);
  for (const target of ["onnxruntime", "openvino"] as const) {
    assertSame(interpret(applyPlan(forTarget(own, target), new Set()), input), expected);
  }
});

Deno.test("forTarget() makes all ranges symmetric and signed for TensorRT, and no narrower", () => {
  const own = parametersFor(
    model(parameters("u8", [0.02], [128]), asymmetric, parameters("i8", [0.01], [7])),
    "tensorrt",
  );
  assert.deepEqual(own.x, symmetric);
  assert.deepEqual(own.c, parameters("i8", [Math.fround(155 * Math.fround(0.02) / 127)], [0]));
  assert.deepEqual(own.w, parameters("i8", [0.5 / 127], [0]));
  const along = parametersFor(model(parameters("i8", [0.1, 0.3], [0, 0], 1), symmetric), "tensorrt");
  assert.equal(along.x!.axis, null);
  assert(Math.abs(along.x!.scale[0]! - 0.3 * 128 / 127) < 1e-6);
});

Deno.test("forTarget() keeps negative values at 0 where unsigned integers did, and adds nothing where there are none", () => {
  const own = model(asymmetric, positive);
  const found = forTarget(own, "tensorrt");
  assert.deepEqual(found.quantizers.map(({ sites }) => sites[0]!.rectified), [undefined, true, undefined]);
  const step = found.quantizers[1]!.parameters.scale[0]!;
  const file = applyPlan(found, new Set());
  assertSame(interpret(file, input), interpret(applyPlan(own, new Set()), input), { atol: 2 * step });
  assert.equal(file.nodes.filter(({ op }) => op === "Relu").length, 1);
  const rectified = {
    ...own,
    graph: {
      ...graph,
      nodes: graph.nodes.map((n) => n.op === "Conv" ? node("Conv", ["x", "w", "b"], "d") : n).toSpliced(
        1,
        0,
        node("Relu", ["d"], "c"),
      ),
    },
  };
  assert.deepEqual(forTarget(rectified, "tensorrt").quantizers[1]!.sites[0]!.rectified, undefined);
  assert.deepEqual(
    forTarget(model(positive, asymmetric), "tensorrt").quantizers[0]!.sites[0]!.rectified,
    undefined,
    "an input of the graph",
  );
});

Deno.test("exportGraph() writes TensorRT's files without unsigned integers, zero points and int32", () => {
  const file = exportGraph(model(asymmetric, positive), new Set(), { target: "tensorrt" });
  for (const { op, inputs } of file.nodes) {
    if (op !== "QuantizeLinear" && op !== "DequantizeLinear") continue;
    assert.equal(inputs.length, 3, "its parser wants the zero point given");
    const zero = file.constants.get(inputs[2]!)!;
    assert.equal(zero.dtype, "i8");
    assert(zero.data.every((z: number) => z === 0));
  }
  assert(![...file.constants.values()].some(({ dtype }) => dtype === "i32" || dtype === "u8"));
});

Deno.test("exportGraph() tells in the metadata how the file was made, beside what was there", () => {
  for (const target of EXPORT_TARGETS) {
    const file = exportGraph(model(symmetric, positive), new Set(), {
      target,
      parameters: { subsetSize: 7, preset: "mixed" },
    });
    assert.equal(file.metadata.get("author"), "me");
    assert.deepEqual(JSON.parse(file.metadata.get(QUANTIZATION_METADATA)!), {
      version: VERSION,
      target,
      groupsInFloat: [],
      subsetSize: 7,
      preset: "mixed",
    });
  }
  const float = exportGraph(model(symmetric, positive), new Set(["c"]));
  assert.deepEqual(JSON.parse(float.metadata.get(QUANTIZATION_METADATA)!).groupsInFloat, ["c"]);
});

Deno.test("exportGraph() refuses unknown targets and operator sets without quantization", () => {
  const own = model(symmetric, positive);
  assert.throws(() => exportGraph(own, new Set(), { target: "tflite" as ExportTarget }), {
    name: "RangeError",
    message: '"target" must be one of "onnxruntime", "openvino", "tensorrt": current value is "tflite"',
  });
  assert.throws(() => exportGraph({ ...own, graph: { ...graph, opset: 9 } }, new Set()), {
    message: 'Cannot write the quantizer of "x": the graph\'s operator set must be at least 10: current value is 9',
  });
  const along = { ...model(symmetric, positive, parameters("i8", [0.01], [0], 0)), graph: { ...graph, opset: 12 } };
  assert.throws(
    () => exportGraph(along, new Set()),
    /"w": .* at least 13 for scales along an axis: current value is 12/,
  );
  assert.equal(exportGraph(along, new Set(["c"])).opset, 12);
});

Deno.test("VERSION is that of the package", () => {
  const { version } = JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)));
  assert.equal(VERSION, version);
});
