import { writeTensor } from "../../src/onnx/tensor.ts";
import assert from "node:assert/strict";
import type { AttributeValue, Graph } from "../../src/graph/graph.ts";
import { readOnnx } from "../../src/onnx/read.ts";
import { writeOnnx } from "../../src/onnx/write.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { sharedData, sharedModels } from "../data.ts";
import { AttributeType, schema } from "./models.ts";

const GRAPH: Graph = {
  name: "g",
  opset: 13,
  inputs: [{ name: "x", dtype: "f32", shape: ["N", 3] }, { name: "i", dtype: "i64", shape: [] }],
  outputs: [{ name: "y", dtype: "bool", shape: null }],
  nodes: [{
    name: "n",
    op: "Odd",
    inputs: ["x", "", "i8"],
    outputs: ["", "y"],
    attributes: new Map<string, AttributeValue>([
      ["alpha", 1],
      ["axis", -1],
      ["unknown_ratio", 0.5],
      ["value_floats", [1, 2]],
      ["perm", [0, 1]],
      ["axes", []],
      ["mode", "größe"],
      ["activations", ["Tanh", ""]],
      ["value", tensor("f32", [2], [1, 2])],
    ]),
  }],
  constants: new Map([
    ["f32", tensor("f32", [2, 1], [0.1, -Infinity])],
    ["i8", tensor("i8", [2], [-128, 127])],
    ["u8", tensor("u8", [2], [0, 255])],
    ["i32", tensor("i32", [1], [-(2 ** 31)])],
    ["i64", tensor("i64", [4], [-1, 2 ** 53, -(2 ** 63), 2 ** 63])],
    ["bool", tensor("bool", [2], [1, 0])],
    ["none", tensor("i64", [0], [])],
    ["scalar", tensor("f32", [], [3])],
    ["part", { dtype: "f32", shape: [2], data: Float32Array.of(0, 1, 2, 3).subarray(1, 3) }],
  ]),
  metadata: new Map([["key", "value"]]),
};

Deno.test("writeOnnx() writes what readOnnx() reads back alike", () => {
  assert.deepEqual(readOnnx(writeOnnx(GRAPH)), GRAPH);
});

Deno.test("writeOnnx() writes numbers as floats or integers by the attribute's name", () => {
  const { graph } = schema.ModelProto.decode(writeOnnx(GRAPH));
  const types = graph?.node?.[0]?.attribute?.map(({ name, type }) => [name, AttributeType[type ?? 0]]);
  assert.deepEqual(Object.fromEntries(types ?? []), {
    alpha: "FLOAT",
    axis: "INT",
    unknown_ratio: "FLOAT",
    value_floats: "FLOATS",
    perm: "INTS",
    axes: "INTS",
    mode: "STRING",
    activations: "STRINGS",
    value: "TENSOR",
  });
});

Deno.test("writeOnnx() writes constants as raw data and i64 up to the greatest value", () => {
  const { graph } = schema.ModelProto.decode(writeOnnx(GRAPH));
  const stored = graph?.initializer?.find(({ name }) => name === "i64")?.rawData ?? new Uint8Array();
  assert.equal(new BigInt64Array(Uint8Array.from(stored).buffer)[3], 2n ** 63n - 1n);
  assert.deepEqual(graph?.input?.map(({ name }) => name), ["x", "i"]);
});

for (const [opset, ir] of [[7, 4], [9, 4], [10, 5], [11, 6], [13, 7], [15, 8], [20, 9], [22, 10], [23, 11]] as const) {
  Deno.test(`writeOnnx() gives operator set ${opset} the IR version ${ir}`, () => {
    const { irVersion, opsetImport, producerName } = schema.ModelProto.decode(writeOnnx({ ...GRAPH, opset }));
    assert.equal(Number(irVersion), ir);
    assert.equal(Number(opsetImport[0]?.version), opset);
    assert.equal(producerName, "acqua");
  });
}

Deno.test({
  name: `writeOnnx() writes every real model alike${sharedData("") ? "" : " (ignored: no ../shared/data)"}`,
  ignore: sharedData("") === null,
  fn: () => {
    for (const [path, url] of sharedModels()) {
      const graph = readOnnx(Deno.readFileSync(url), { file: path });
      assert.deepEqual(readOnnx(writeOnnx(graph)), graph, path);
    }
  },
});

Deno.test("writeTensor() holds the ends of 64-bit numbers, which doubles round up", () => {
  const bits = (dtype: "i64" | "u64", value: number): bigint => {
    const { rawData } = writeTensor(tensor(dtype, [1], [value]));
    return new BigUint64Array(Uint8Array.from(rawData!).buffer)[0]!;
  };
  assert.equal(bits("u64", 2 ** 64), 2n ** 64n - 1n);
  assert.equal(bits("u64", 5), 5n);
  assert.equal(bits("i64", 2 ** 63), 2n ** 63n - 1n);
});
