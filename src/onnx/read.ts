/** ONNX files to graphs. @module */
import type { onnx as Onnx } from "onnx-proto";
import {
  type AttributeValue,
  type Graph,
  type ModelInfo,
  type Node,
  sortNodes,
  type ValueInfo,
} from "../graph/graph.ts";
import { isReal, type Tensor, tensor } from "../tensor/tensor.ts";
import { captureValues } from "./bodies.ts";
import { computeInSingle } from "./single.ts";
import { readAttribute, unsupportedAttribute } from "./attributes.ts";
import { halfPrecisionWarnings } from "./half_precision.ts";
import { dtypeOf, elementTypeName, inSingle, readTensor, schema, unsupportedTensor } from "./tensor.ts";

/** The oldest and the newest version of the default operator set that is read. */
export const OPSETS: readonly [oldest: number, newest: number] = [7, 27];

/** A file that is valid but needs something that is not supported. */
export class UnsupportedModelError extends Error {
  /** The name of the class. */
  override readonly name = "UnsupportedModelError";
  /** Everything that is not supported, each with the node or value that needs it. */
  readonly problems: readonly string[];

  /** An error that lists all problems of a file. */
  constructor(file: string, problems: readonly string[]) {
    super(
      `Cannot open "${file}": it needs what is not supported\n${problems.map((problem) => `- ${problem}`).join("\n")}`,
    );
    this.problems = problems;
  }
}

/** How a file is read. */
export interface ReadOptions {
  /** The name of the file, for messages. "model" by default. */
  readonly file?: string;
  /** Whether an operator can be run. All can by default. */
  readonly supports?: (op: string) => boolean;
}

/**
 * The graph in an ONNX file. The results of its Constant nodes are constants of the graph.
 *
 * @throws {SyntaxError} Where the bytes are not a valid model.
 * @throws {UnsupportedModelError} Where the model needs operators, types or attributes that are not supported.
 */
export function readOnnx(bytes: Uint8Array, options: ReadOptions = {}): Graph {
  const { file = "model", supports = () => true } = options;
  try {
    const problems: string[] = [];
    const graph = readModel(decode(bytes), supports, problems);
    if (problems.length > 0) throw new UnsupportedModelError(file, problems);
    checkValues(graph);
    const single = computeInSingle(graph);
    return { ...single, nodes: sortNodes(single.nodes, [...graph.inputs.map(nameOf), ...graph.constants.keys()]) };
  } catch (error) {
    if (error instanceof UnsupportedModelError) throw error;
    throw new SyntaxError(`Cannot read "${file}": ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

function decode(bytes: Uint8Array): Onnx.IModelProto {
  if (bytes.length === 0) throw new SyntaxError("it is empty");
  try {
    return schema.ModelProto.decode(bytes);
  } catch (error) {
    throw new SyntaxError("it is no ONNX model, or it is truncated", { cause: error });
  }
}

/** The graph in the order of the file, not yet checked. What is not supported is left out and named in `problems`. */
function readModel(model: Onnx.IModelProto, supports: (op: string) => boolean, problems: string[]): Graph {
  const { graph } = model;
  if (!graph) throw new SyntaxError("it is no ONNX model: it holds no graph");
  if (!graph.output?.length) throw new SyntaxError("its graph has no outputs");
  const opset = readOpset(model, problems);
  for (const { name } of model.functions ?? []) problems.push(`function "${name}" of the model`);
  const constants = readInitializers(graph, problems);
  const nodes = readComputed(graph.node ?? [], constants, supports, problems);
  const [warnings, info] = [halfPrecisionWarnings(graph), readInfo(model)];
  return {
    name: graph.name ?? "",
    opset,
    ...readEnds(graph, problems),
    nodes,
    constants,
    metadata: new Map((model.metadataProps ?? []).map(({ key, value }) => [key ?? "", value ?? ""])),
    ...(Object.keys(info).length > 0 && { info }),
    ...(warnings.length > 0 && { warnings }),
  };
}

function readInfo({ domain, modelVersion, docString }: Onnx.IModelProto): ModelInfo {
  const version = Number(modelVersion ?? 0);
  return { ...(domain && { domain }), ...(version && { version }), ...(docString && { description: docString }) };
}

/** Nodes, but for those that hold a constant, which is added to the constants. */
function readComputed(
  protos: readonly Onnx.INodeProto[],
  constants: Map<string, Tensor>,
  supports: (op: string) => boolean,
  problems: string[],
): Node[] {
  return readNodes(protos, supports, problems).filter((node) => {
    const value = node.op === "Constant" ? constantOf(node, problems) : null;
    if (value) addConstant(constants, node.outputs[0] ?? "", value);
    return node.op !== "Constant";
  });
}

function readOpset(model: Onnx.IModelProto, problems: string[]): number {
  const version = Number(model.opsetImport?.find(({ domain }) => isDefault(domain))?.version ?? 1);
  const [oldest, newest] = OPSETS;
  if (version < oldest || version > newest) {
    problems.push(`operator set: its version must be ${oldest} to ${newest}: current value is ${version}`);
  }
  return version;
}

function isDefault(domain: string | null | undefined): boolean {
  return !domain || domain === "ai.onnx";
}

function readInitializers(graph: Onnx.IGraphProto, problems: string[]): Map<string, Tensor> {
  const constants = new Map<string, Tensor>();
  for (const { values } of graph.sparseInitializer ?? []) problems.push(`constant "${values?.name}": it is sparse`);
  for (const proto of graph.initializer ?? []) {
    const problem = unsupportedTensor(proto);
    if (problem) problems.push(`constant "${proto.name}": ${problem}`);
    else addConstant(constants, proto.name ?? "", inSingle(readTensor(proto)));
  }
  return constants;
}

function addConstant(constants: Map<string, Tensor>, name: string, value: Tensor): void {
  if (!name) throw new SyntaxError("a constant has no name");
  if (constants.has(name)) throw new SyntaxError(`the value "${name}" is given twice`);
  constants.set(name, value);
}

function readNodes(
  protos: readonly Onnx.INodeProto[],
  supports: (op: string) => boolean,
  problems: string[],
): Node[] {
  const reserved = new Set(protos.map((proto) => proto.name ?? ""));
  const taken = new Set([""]);
  return protos.flatMap((proto, index) => {
    let name = proto.name ?? "";
    if (taken.has(name)) name = unique(`${proto.opType}_${index}`, reserved);
    taken.add(name);
    return readNode(proto, name, supports, problems) ?? [];
  });
}

/** Operators of quantized files that are not in QDQ form. */
const INTEGER_OPERATORS: ReadonlySet<string> = new Set([
  ...["QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear"],
]);

const INTEGER_FORM = "the operator, which shows that the model is quantized already: give the FP32 model that it was " +
  "made from, or the same model in QDQ form";

function readNode(
  proto: Onnx.INodeProto,
  name: string,
  supports: (op: string) => boolean,
  problems: string[],
): Node | null {
  const op = proto.opType ?? "";
  const own: string[] = [];
  if (!isDefault(proto.domain)) own.push(`its domain "${proto.domain}"`);
  else if (op !== "Constant" && !supports(op)) own.push(INTEGER_OPERATORS.has(op) ? INTEGER_FORM : "the operator");
  const attributes = new Map<string, AttributeValue>();
  for (const attribute of proto.attribute ?? []) {
    const problem = attribute.g ? null : unsupportedAttribute(attribute);
    if (attribute.g) attributes.set(attribute.name ?? "", readBody(attribute.g, supports, problems));
    else if (problem) own.push(`its attribute "${attribute.name}": ${problem}`);
    else attributes.set(attribute.name ?? "", readAttribute(attribute));
  }
  problems.push(...own.map((problem) => `node "${name}" (${op}): ${problem}`));
  if (own.length > 0) return null;
  return captureValues({ name, op, inputs: proto.input ?? [], outputs: proto.output ?? [], attributes });
}

/** The graph in an attribute. What it reads of the graph around it is not among its inputs yet. */
function readBody(proto: Onnx.IGraphProto, supports: (op: string) => boolean, problems: string[]): Graph {
  const constants = readInitializers(proto, problems);
  const end = (info: Onnx.IValueInfoProto): ValueInfo => {
    const dtype = dtypeOf(info.type?.tensorType?.elemType ?? 0) ?? "f32";
    return { name: nameOf(info), dtype: isReal(dtype) ? "f32" : dtype, shape: null };
  };
  return {
    name: proto.name ?? "",
    opset: 0,
    inputs: (proto.input ?? []).filter((input) => !constants.has(nameOf(input))).map(end),
    outputs: (proto.output ?? []).map(end),
    nodes: readComputed(proto.node ?? [], constants, supports, problems),
    constants,
    metadata: new Map(),
  };
}

/** What a Constant node holds. */
function constantOf({ name, attributes }: Node, problems: string[]): Tensor | null {
  const [[attribute, value] = ["", ""]] = attributes;
  if (attribute.startsWith("value_string")) {
    problems.push(`node "${name}" (Constant): its attribute "${attribute}": it holds strings`);
    return null;
  }
  if (typeof value === "object" && "dtype" in value) return value;
  const values = [value].flat().filter((item) => typeof item === "number");
  const shape = typeof value === "number" ? [] : Array.isArray(value) ? [value.length] : null;
  if (!shape) throw new SyntaxError(`node "${name}" (Constant) holds no value`);
  return tensor(attribute.startsWith("value_float") ? "f32" : "i64", shape, values);
}

function readEnds(
  graph: Onnx.IGraphProto,
  problems: string[],
): { inputs: readonly ValueInfo[]; outputs: readonly ValueInfo[] } {
  // Before IR version 4 initializers are listed as inputs as well.
  const initializers = new Set([
    ...(graph.initializer ?? []).map(nameOf),
    ...(graph.sparseInitializer ?? []).map(({ values }) => values?.name ?? ""),
  ]);
  const inputs = (graph.input ?? []).filter((input) => !initializers.has(nameOf(input)));
  const outputs = graph.output ?? [];
  const dims = new Set([...inputs, ...outputs].flatMap(dimsOf).map(({ dimParam }) => dimParam ?? ""));
  return {
    inputs: inputs.flatMap((input) => readValueInfo(input, "input", dims, problems) ?? []),
    outputs: outputs.flatMap((output) => readValueInfo(output, "output", dims, problems) ?? []),
  };
}

function dimsOf({ type }: Onnx.IValueInfoProto): readonly Onnx.TensorShapeProto.IDimension[] {
  return type?.tensorType?.shape?.dim ?? [];
}

function readValueInfo(
  proto: Onnx.IValueInfoProto,
  what: "input" | "output",
  dims: Set<string>,
  problems: string[],
): ValueInfo | null {
  const name = nameOf(proto);
  const code = proto.type?.tensorType?.elemType ?? 0;
  const dtype = dtypeOf(code);
  if (dtype === null) {
    problems.push(`${what} "${name}": ${code ? `its elements are ${elementTypeName(code)}` : "it is no tensor"}`);
    return null;
  }
  const shape = dimsOf(proto).map(({ dimValue, dimParam }, axis) => {
    const dim = Number(dimValue ?? -1);
    return dimParam || (dim >= 0 ? dim : unique(`${name}_dim${axis}`, dims));
  });
  return { name, dtype, shape: proto.type?.tensorType?.shape ? shape : null };
}

function nameOf({ name }: { readonly name?: string | null }): string {
  return name ?? "";
}

/** The name, with a number where it is taken; adds it to those taken. */
function unique(name: string, taken: Set<string>): string {
  let free = name;
  for (let i = 1; taken.has(free); i++) free = `${name}_${i}`;
  taken.add(free);
  return free;
}

function checkValues({ inputs, outputs, nodes, constants }: Graph): void {
  const values = new Set(constants.keys());
  for (const name of [...inputs.map(nameOf), ...nodes.flatMap((node) => node.outputs)]) {
    if (!name) continue;
    if (values.has(name)) throw new SyntaxError(`the value "${name}" is computed or given twice`);
    values.add(name);
  }
  for (const { name } of outputs) {
    if (!values.has(name)) throw new SyntaxError(`nothing computes the output "${name}"`);
  }
}
