/** Shape. @module */
import { i64, type Tensor, type TensorType } from "../tensor/tensor.ts";
import { numberOf, type Op, type OpFactory, required } from "./op.ts";

/** Shape. It reads no elements, so the type that `infer` gives carries those of the output. */
export const shape: OpFactory = (attributes): Op => {
  const of = ({ shape }: TensorType): Tensor => {
    const end = attributes.get("end");
    return i64(shape.slice(numberOf(attributes, "start", 0), typeof end === "number" ? end : undefined));
  };
  return { infer: ([x]) => [of(required(x, "data"))], reference: ([x]) => [of(required(x, "data"))] };
};
