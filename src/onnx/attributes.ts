/** ONNX node attributes to attribute values and back. @module */
import type { onnx as Onnx } from "onnx-proto";
import type { AttributeValue, Graph } from "../graph/graph.ts";
import { inSingle, readTensor, schema, unsupportedTensor, writeTensor } from "./tensor.ts";

const { AttributeType } = schema.AttributeProto;

/** Why an attribute cannot be read, or `null` where it can. */
export function unsupportedAttribute(proto: Onnx.IAttributeProto): string | null {
  const type = typeOf(proto);
  switch (type) {
    case AttributeType.FLOAT:
    case AttributeType.INT:
    case AttributeType.STRING:
    case AttributeType.FLOATS:
    case AttributeType.INTS:
    case AttributeType.STRINGS:
      return proto.refAttrName ? `it refers to "${proto.refAttrName}" of a function` : null;
    case AttributeType.TENSOR:
      return proto.t ? unsupportedTensor(proto.t) : "it holds no tensor";
    default:
      return `it is of type ${AttributeType[type] ?? type}`;
  }
}

/**
 * The value of an attribute.
 *
 * @throws {SyntaxError} Where it holds a tensor that is not valid.
 */
export function readAttribute(proto: Onnx.IAttributeProto): AttributeValue {
  switch (typeOf(proto)) {
    case AttributeType.FLOAT:
      return proto.f ?? 0;
    case AttributeType.INT:
      return Number(proto.i ?? 0);
    case AttributeType.STRING:
      return text(proto.s ?? new Uint8Array());
    case AttributeType.FLOATS:
      return proto.floats ?? [];
    case AttributeType.INTS:
      return (proto.ints ?? []).map(Number);
    case AttributeType.STRINGS:
      return (proto.strings ?? []).map(text);
    default:
      return inSingle(readTensor(proto.t ?? {}));
  }
}

/** The type of an attribute, which files before IR version 2 do not name. */
function typeOf(proto: Onnx.IAttributeProto): number {
  if (proto.type) return proto.type;
  if (proto.floats?.length) return AttributeType.FLOATS;
  if (proto.ints?.length) return AttributeType.INTS;
  if (proto.strings?.length) return AttributeType.STRINGS;
  if (proto.t) return AttributeType.TENSOR;
  if (Object.hasOwn(proto, "f")) return AttributeType.FLOAT;
  if (Object.hasOwn(proto, "i")) return AttributeType.INT;
  return Object.hasOwn(proto, "s") ? AttributeType.STRING : AttributeType.UNDEFINED;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

// The attributes of the default domain that are of type FLOAT or FLOATS; whole numbers of all others are INT or INTS.
const FLOAT_ATTRIBUTES: ReadonlySet<string> = new Set([
  "activation_alpha",
  "activation_beta",
  "alpha",
  "beta",
  "bias",
  "clip",
  "cubic_coeff_a",
  "epsilon",
  "extrapolation_value",
  "gamma",
  "height_scale",
  "high",
  "lambd",
  "low",
  "max",
  "mean",
  "min",
  "momentum",
  "ratio",
  "scale",
  "scales",
  "softcap",
  "spatial_scale",
  "value",
  "value_float",
  "value_floats",
  "width_scale",
]);

/** An attribute in its ONNX form. Whether a number is a float goes by the name of the attribute. */
export function writeAttribute(name: string, value: Exclude<AttributeValue, Graph>): Onnx.IAttributeProto {
  if (typeof value === "number") {
    return isFloat(name, [value])
      ? { name, type: AttributeType.FLOAT, f: value }
      : { name, type: AttributeType.INT, i: value };
  }
  if (typeof value === "string") return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (!isList(value)) return { name, type: AttributeType.TENSOR, t: writeTensor(value) };
  if (isStrings(value)) {
    return { name, type: AttributeType.STRINGS, strings: value.map((item) => new TextEncoder().encode(item)) };
  }
  return isFloat(name, value)
    ? { name, type: AttributeType.FLOATS, floats: [...value] }
    : { name, type: AttributeType.INTS, ints: [...value] };
}

function isList(value: Exclude<AttributeValue, Graph>): value is readonly number[] | readonly string[] {
  return Array.isArray(value);
}

function isStrings(value: readonly number[] | readonly string[]): value is readonly string[] {
  return typeof value[0] === "string";
}

function isFloat(name: string, values: readonly number[]): boolean {
  return FLOAT_ATTRIBUTES.has(name) || !values.every(Number.isInteger);
}
