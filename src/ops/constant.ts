/** Operators that make tensors from attributes and shapes. They are computed when a model is prepared. @module */
import type { Attributes } from "../graph/graph.ts";
import { allocate, i64, sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";
import { knownNumbers, type Op, type OpFactory, required } from "./op.ts";

/** Constant. */
export const constant: OpFactory = (attributes): Op => {
  const value = valueOf(attributes);
  return { infer: () => [value], reference: () => [value] };
};

function valueOf(attributes: Attributes): Tensor {
  for (const [name, value] of attributes) {
    if (name === "value" && typeof value === "object" && "data" in value) return value;
    if (name === "value_float" && typeof value === "number") return tensor("f32", [], [value]);
    if (name === "value_int" && typeof value === "number") return i64(value);
    if (name === "value_floats" && Array.isArray(value)) return tensor("f32", [value.length], value as number[]);
    if (name === "value_ints" && Array.isArray(value)) return i64(value as number[]);
  }
  throw new TypeError(
    `Constant needs value, value_float(s) or value_int(s): current attributes are ${[...attributes.keys()].join(", ")}`,
  );
}

/** ConstantOfShape. */
export const constantOfShape: OpFactory = (attributes): Op => {
  const value = attributes.get("value");
  const { dtype, data } = typeof value === "object" && "data" in value ? value : tensor("f32", [1], [0]);
  return known(([shape]) => {
    const dims = knownNumbers(shape, "shape");
    return { dtype, shape: dims, data: allocate(dtype, sizeOf(dims)).fill(data[0] ?? 0) };
  });
};

/** Range. */
export const range: OpFactory = (): Op =>
  known(([first, end, step]) => {
    const { dtype } = required(first, "start");
    const [start, limit, delta] = [[first, "start"], [end, "limit"], [step, "delta"]].map(([input, name]) =>
      knownNumbers(input as typeof first, name as string)[0] ?? 0
    ) as [number, number, number];
    if (delta === 0) throw new RangeError('Range "delta" must not be 0');
    const length = Math.max(0, Math.ceil((limit - start) / delta));
    return tensor(dtype, [length], Array.from({ length }, (_, i) => start + i * delta));
  });

/** An operator whose output follows from inputs that must be known. Its type carries the elements. */
function known(make: (inputs: Parameters<Op["infer"]>[0]) => Tensor): Op {
  return { infer: (inputs) => [make(inputs)], reference: (inputs) => [make(inputs)] };
}
