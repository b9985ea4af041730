import assert from "node:assert/strict";
import type { onnx as Onnx } from "onnx-proto";
import { VERSION } from "../../src/graph/version.ts";
import { readOnnx, type ReadOptions, UnsupportedModelError } from "../../src/onnx/read.ts";
import { writeOnnx } from "../../src/onnx/write.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { sharedData, sharedModels } from "../data.ts";
import { AttributeType, DataType, model, node, schema, value } from "./models.ts";

Deno.test("readOnnx() reads inputs, outputs, nodes, constants and metadata", () => {
  const bytes = model({
    node: [node("Gemm", ["x", "w", ""], "y", [
      { name: "alpha", type: AttributeType.FLOAT, f: 0.5 },
      { name: "transB", type: AttributeType.INT, i: 1 },
      { name: "mode", type: AttributeType.STRING, s: new TextEncoder().encode("größe") },
      { name: "ints", type: AttributeType.INTS, ints: [-1, 2] },
      { name: "strings", type: AttributeType.STRINGS, strings: [new TextEncoder().encode("a")] },
      { name: "t", type: AttributeType.TENSOR, t: { dataType: DataType.INT32, dims: [], int32Data: [7] } },
    ])],
    initializer: [{ name: "w", dataType: DataType.FLOAT, dims: [1, 2], floatData: [1, 2] }],
    input: [value("x", ["N", 2]), value("w", [1, 2])],
    output: [value("y", ["N", null]), value("w", null)],
  }, { metadataProps: [{ key: "author", value: "me" }] });
  const graph = readOnnx(bytes);
  assert.deepEqual({
    ...graph,
    nodes: graph.nodes.map((n) => ({ ...n, attributes: Object.fromEntries(n.attributes) })),
  }, {
    name: "g",
    opset: 13,
    inputs: [{ name: "x", dtype: "f32", shape: ["N", 2] }],
    outputs: [{ name: "y", dtype: "f32", shape: ["N", "y_dim1"] }, { name: "w", dtype: "f32", shape: null }],
    nodes: [{
      name: "Gemm_0",
      op: "Gemm",
      inputs: ["x", "w", ""],
      outputs: ["y"],
      attributes: {
        alpha: 0.5,
        transB: 1,
        mode: "größe",
        ints: [-1, 2],
        strings: ["a"],
        t: tensor("i32", [], [7]),
      },
    }],
    constants: new Map([["w", tensor("f32", [1, 2], [1, 2])]]),
    metadata: new Map([["author", "me"]]),
  });
});

const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer.slice(0));

const STORED: [string, Onnx.ITensorProto, ReturnType<typeof tensor>][] = [
  ["raw FLOAT", { dataType: 1, dims: [2], rawData: bytesOf(Float32Array.of(1.5, -2)) }, tensor("f32", [2], [1.5, -2])],
  ["FLOAT", { dataType: 1, dims: [2, 1], floatData: [1.5, -2] }, tensor("f32", [2, 1], [1.5, -2])],
  ["raw UINT8", { dataType: 2, dims: [2], rawData: Uint8Array.of(1, 255) }, tensor("u8", [2], [1, 255])],
  ["UINT8", { dataType: 2, dims: [1], int32Data: [255] }, tensor("u8", [1], [255])],
  ["raw INT8", { dataType: 3, dims: [2], rawData: Uint8Array.of(1, 255) }, tensor("i8", [2], [1, -1])],
  ["INT8", { dataType: 3, dims: [1], int32Data: [-128] }, tensor("i8", [1], [-128])],
  ["raw INT32", { dataType: 6, dims: [1], rawData: bytesOf(Int32Array.of(-5)) }, tensor("i32", [1], [-5])],
  ["INT32", { dataType: 6, dims: [1], int32Data: [-5] }, tensor("i32", [1], [-5])],
  [
    "raw INT64",
    { dataType: 7, dims: [2], rawData: bytesOf(BigInt64Array.of(-3n, 2n ** 40n)) },
    tensor("i64", [2], [-3, 2 ** 40]),
  ],
  ["INT64", { dataType: 7, dims: [2], int64Data: [-3, 2 ** 40] }, tensor("i64", [2], [-3, 2 ** 40])],
  ["raw BOOL", { dataType: 9, dims: [2], rawData: Uint8Array.of(0, 1) }, tensor("bool", [2], [0, 1])],
  ["BOOL", { dataType: 9, dims: [2], int32Data: [0, 1] }, tensor("bool", [2], [0, 1])],
  ["raw FLOAT16", { dataType: 10, dims: [2], rawData: Uint8Array.of(0, 0x3e, 0, 0xc0) }, tensor("f32", [2], [1.5, -2])],
  ["FLOAT16", { dataType: 10, dims: [2], int32Data: [0x3e00, 0xc000] }, tensor("f32", [2], [1.5, -2])],
  ["raw DOUBLE", { dataType: 11, dims: [1], rawData: bytesOf(Float64Array.of(0.25)) }, tensor("f32", [1], [0.25])],
  ["DOUBLE", { dataType: 11, dims: [1], doubleData: [0.25] }, tensor("f32", [1], [0.25])],
  ["empty INT64", { dataType: 7, dims: [0] }, tensor("i64", [0], [])],
];

for (const [title, proto, expected] of STORED) {
  Deno.test(`readOnnx() reads ${title} tensors`, () => {
    // The names put the raw data at every alignment.
    for (const name of ["a", "ab", "abc", "abcd"]) {
      assert.deepEqual(readOnnx(model({ initializer: [{ name, ...proto }] })).constants.get(name), expected);
    }
  });
}

Deno.test("readOnnx() makes Constant nodes constants", () => {
  const t = { dataType: DataType.INT8, dims: [1], int32Data: [3] };
  const { nodes, constants } = readOnnx(
    model({
      node: [
        node("Relu", ["x"], "y"),
        node("Constant", [], "t", [{ name: "value", type: AttributeType.TENSOR, t }]),
        node("Constant", [], "f", [{ name: "value_float", type: AttributeType.FLOAT, f: 2 }]),
        node("Constant", [], "fs", [{ name: "value_floats", type: AttributeType.FLOATS, floats: [2, 0.5] }]),
        node("Constant", [], "i", [{ name: "value_int", type: AttributeType.INT, i: 4 }]),
        node("Constant", [], "is", [{ name: "value_ints", type: AttributeType.INTS, ints: [] }]),
      ],
    }),
    { supports: (op) => op !== "Constant" },
  );
  assert.deepEqual(nodes.map(({ op }) => op), ["Relu"]);
  assert.deepEqual(Object.fromEntries(constants), {
    t: tensor("i8", [1], [3]),
    f: tensor("f32", [], [2]),
    fs: tensor("f32", [2], [2, 0.5]),
    i: tensor("i64", [], [4]),
    is: tensor("i64", [0], []),
  });
});

Deno.test("readOnnx() sorts nodes and names each alike only once", () => {
  const { nodes } = readOnnx(model({
    node: [
      { ...node("Relu", ["b"], "y"), name: "n" },
      { ...node("Abs", ["a"], "b"), name: "n" },
      node("Neg", ["x"], "a"),
      { ...node("Neg", ["x"], "c"), name: "Abs_1" },
    ],
  }));
  assert.deepEqual(nodes.map(({ name }) => name), ["Neg_2", "Abs_1_1", "n", "Abs_1"]);
});

Deno.test("readOnnx() gives unknown sizes unique names", () => {
  const { inputs } = readOnnx(model({ input: [value("x", ["x_dim1", null, -1, 0])] }));
  assert.deepEqual(inputs[0]?.shape, ["x_dim1", "x_dim1_1", "x_dim2", 0]);
});

Deno.test("readOnnx() lists everything that is not supported in one error", () => {
  const sub = { name: "then", node: [{ ...node("Loop", ["x"], "i"), name: "inner" }], output: [] };
  const external = { key: "location", value: "../w.bin" };
  const bytes = model({
    node: [
      { ...node("If", ["x"], "y", [{ name: "then_branch", type: AttributeType.GRAPH, g: sub }]), name: "branch" },
      { ...node("FusedConv", ["x"], "z"), domain: "com.microsoft" },
      node("Loop", ["x"], "l"),
      node("Constant", [], "s", [{ name: "value_string", type: AttributeType.STRING, s: Uint8Array.of(65) }]),
    ],
    initializer: [
      { name: "f8", dataType: 17, dims: [1], rawData: Uint8Array.of(1) },
      { name: "w", dataType: 1, dims: [1], dataLocation: 1, externalData: [external] },
    ],
    sparseInitializer: [{ values: { name: "sparse", dataType: 1, dims: [1], floatData: [1] }, dims: [4] }],
    input: [value("x", [1], DataType.STRING), { name: "q", type: { sequenceType: {} } }],
  }, { opsetImport: [{ domain: "", version: 6 }], functions: [{ name: "F" }] });
  assert.throws(
    () => readOnnx(bytes, { file: "m.onnx", supports: (op) => op !== "Loop" }),
    (error) => {
      assert.ok(error instanceof UnsupportedModelError);
      assert.match(error.message, /^Cannot open "m\.onnx": .*\n- operator set/);
      assert.deepEqual(error.problems, [
        "operator set: its version must be 7 to 27: current value is 6",
        'function "F" of the model',
        'constant "sparse": it is sparse',
        'constant "f8": its elements are FLOAT8E4M3FN',
        'constant "w": its elements are in another file, "../w.bin"',
        'node "inner" (Loop): the operator',
        'node "FusedConv_1" (FusedConv): its domain "com.microsoft"',
        'node "Loop_2" (Loop): the operator',
        'node "Constant_3" (Constant): its attribute "value_string": it holds strings',
        'input "x": its elements are STRING',
        'input "q": it is no tensor',
      ]);
      return true;
    },
  );
});

const short: Onnx.ITensorProto = { name: "w", dataType: 1, dims: [3], rawData: Uint8Array.of(0, 0, 0, 0) };

const BAD: [string, Uint8Array, RegExp][] = [
  ["an empty file", new Uint8Array(), /it is empty/],
  ["a truncated file", model().subarray(0, 40), /no ONNX model, or it is truncated/],
  ["a text", new TextEncoder().encode("<html>no model here</html>"), /no ONNX model/],
  ["zeros", new Uint8Array(64), /no ONNX model/],
  ["a model without graph", schema.ModelProto.encode({ irVersion: 7 }).finish(), /no graph/],
  ["a graph without outputs", model({ output: [] }), /no outputs/],
  [
    "a cycle",
    model({ node: [node("Add", ["x", "b"], "a"), node("Relu", ["a"], "b"), node("Relu", ["b"], "y")] }),
    /"Relu_1" \(Relu\): the graph has a cycle|"Add_0" \(Add\): the graph has a cycle/,
  ],
  ["a missing value", model({ node: [node("Relu", ["lost"], "y")] }), /nothing computes its input "lost"/],
  ["a missing output", model({ output: [value("z")] }), /nothing computes the output "z"/],
  [
    "a value computed twice",
    model({ node: [node("Relu", ["x"], "y"), node("Abs", ["x"], "y")] }),
    /"y" is computed or given twice/,
  ],
  [
    "a constant given twice",
    model({ initializer: [short, short].map((t) => ({ ...t, dims: [1] })) }),
    /"w" is given twice/,
  ],
  ["a tensor that is too short", model({ initializer: [short] }), /"w" of shape \[3\] needs 3 elements, has 1/],
  ["a negative size", model({ initializer: [{ ...short, dims: [-1] }] }), /"w" has no valid shape: \[-1\]/],
  [
    "a Constant without value",
    model({ node: [node("Constant", [], "y")] }),
    /"Constant_0" \(Constant\) holds no value/,
  ],
];

for (const [title, bytes, message] of BAD) {
  Deno.test(`readOnnx() refuses ${title} with the name of the file`, () => {
    assert.throws(() => readOnnx(bytes, { file: "bad.onnx" }), (error) => {
      assert.ok(error instanceof SyntaxError);
      assert.match(error.message, /^Cannot read "bad\.onnx": /);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("readOnnx() ends with a named error for every truncation and random damage", () => {
  const bytes = model({ initializer: [{ name: "w", dataType: 1, dims: [2], floatData: [1, 2] }] });
  const attempt = (damaged: Uint8Array, options: ReadOptions = {}): void => {
    try {
      readOnnx(damaged, options);
    } catch (error) {
      assert.ok(error instanceof SyntaxError || error instanceof UnsupportedModelError);
    }
  };
  for (let end = 0; end < bytes.length; end++) attempt(bytes.subarray(0, end));
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [1, 8, 0x80, 0xff]) attempt(bytes.with(at, bytes[at]! ^ flip));
  }
});

Deno.test({
  name: `readOnnx() reads every real model${sharedData("") ? "" : " (ignored: no ../shared/data)"}`,
  ignore: sharedData("") === null,
  fn: () => {
    for (const [path, url] of sharedModels()) {
      const graph = readOnnx(Deno.readFileSync(url), { file: path });
      assert.ok(graph.nodes.length > 10, path);
      assert.equal(graph.inputs.length, 1, path);
      assert.ok(graph.nodes.every(({ op }) => op !== "Constant"), path);
    }
  },
});

Deno.test("readOnnx() reads half precision as FP32 and says what it costs", () => {
  const half = { dataType: DataType.FLOAT16, dims: [2], rawData: bytesOf(Float16Array.of(0.1, -2)) };
  const cast = (input: string, output: string, to: number) =>
    node("Cast", [input], output, [{ name: "to", type: AttributeType.INT, i: to }]);
  const graph = readOnnx(model({
    node: [
      cast("x", "h", DataType.FLOAT16),
      cast("w", "f", DataType.FLOAT),
      node("Constant", [], "k", [{ name: "value", type: AttributeType.TENSOR, t: half }]),
      node("Mul", ["h", "f"], "m"),
      node("Add", ["m", "k"], "y"),
    ],
    initializer: [{ ...half, name: "w" }],
  }));
  assert.deepEqual(graph.constants.get("w"), tensor("f32", [2], [Math.f16round(0.1), -2]));
  assert.equal(graph.nodes[0]!.attributes.get("to"), DataType.FLOAT);
  assert.equal(graph.warnings?.length, 2);
  assert.match(graph.warnings[0]!, /^2 constants, "w" first, are stored in half precision .* half of their 8 bytes/);
  assert.match(graph.warnings[1]!, /^1 nodes, "h" first, cast to half precision/);
  assert.equal(readOnnx(model()).warnings, undefined);
});

Deno.test("readOnnx() says of integer operators that the model is quantized already", () => {
  const bytes = model({ node: [node("QLinearConv", ["x"], "y")] });
  assert.throws(
    () => readOnnx(bytes, { supports: (op) => op === "Relu" }),
    /node "QLinearConv_0" \(QLinearConv\): the operator, which shows that the model is quantized already: give the FP32/,
  );
});

Deno.test("readOnnx() keeps what a file says of its model, and writeOnnx() writes it", () => {
  const about = { domain: "org.example", modelVersion: 7, docString: "a test" };
  const graph = readOnnx(model({}, { ...about, producerName: "other" }));
  assert.deepEqual(graph.info, { domain: "org.example", version: 7, description: "a test" });
  const written = schema.ModelProto.decode(writeOnnx(graph));
  assert.deepEqual(
    { domain: written.domain, modelVersion: Number(written.modelVersion), docString: written.docString },
    about,
  );
  assert.deepEqual([written.producerName, written.producerVersion], ["acqua", VERSION]);
  assert.equal(readOnnx(model()).info, undefined);
});

Deno.test("readOnnx() and writeOnnx() keep the element types of what a Loop's body is given and returns", () => {
  const ends = (...types: [string, number][]) =>
    types.map(([name, elemType]) => ({ name, type: { tensorType: { elemType } } }));
  const body = {
    name: "body",
    input: ends(["i", DataType.INT64], ["c", DataType.BOOL], ["s", DataType.FLOAT16]),
    output: ends(["c2", DataType.BOOL], ["s2", DataType.FLOAT]),
    node: [node("Identity", ["c"], "c2"), node("Relu", ["s"], "s2")],
  };
  const loop = node("Loop", ["", "", "x"], "y", [{ name: "body", type: AttributeType.GRAPH, g: body }]);
  const written = schema.ModelProto.decode(writeOnnx(readOnnx(model({ node: [loop] }))));
  const own = written.graph!.node!.find(({ opType }) => opType === "Loop")!.attribute!.find(({ g }) => g)!.g!;
  const typesOf = (list: typeof own.input) => list!.map(({ type }) => type!.tensorType!.elemType);
  assert.deepEqual(typesOf(own.input), [DataType.INT64, DataType.BOOL, DataType.FLOAT]);
  assert.deepEqual(typesOf(own.output), [DataType.BOOL, DataType.FLOAT]);
});
