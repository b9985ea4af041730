/** ScatterElements, ScatterND and TensorScatter. @module */
import type { Attributes } from "../graph/graph.ts";
import { normalizeAxis, sizeOf, stridesOf, type Tensor } from "../tensor/tensor.ts";
import { frontIndex } from "./gather_elements.ts";
import { eachPosition, indexOf } from "./_nd.ts";
import { numberOf, type Op, type OpFactory, required, stringOf } from "./op.ts";

type Joining = (old: number, update: number) => number;

const JOININGS: Readonly<Record<string, Joining>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  max: (old, update) => Math.max(old, update),
  min: (old, update) => Math.min(old, update),
};

function joiningOf(name: string, attributes: Attributes): Joining {
  const reduction = stringOf(attributes, "reduction", "none");
  const joining = Object.hasOwn(JOININGS, reduction) ? JOININGS[reduction] : undefined;
  if (joining) return joining;
  const known = Object.keys(JOININGS).join(", ");
  throw new TypeError(`${name} "reduction" must be one of ${known}: current value is "${reduction}"`);
}

function updating(name: string, update: (out: Tensor, indices: Tensor, updates: Tensor) => void): Op {
  return {
    infer: ([x, , updates]) => {
      const { dtype, shape } = required(x, "data");
      const given = required(updates, "updates");
      if (given.dtype !== dtype) {
        throw new TypeError(`${name} takes "updates" of the type ${dtype} of its data: current type is ${given.dtype}`);
      }
      return [{ dtype, shape }];
    },
    reference: ([x, indices, updates]) => {
      const { dtype, shape, data } = required(x, "data");
      const out = { dtype, shape, data: data.slice() };
      update(out, required(indices, "indices"), required(updates, "updates"));
      return [out];
    },
  };
}

/** ScatterElements: the data with elements replaced at other positions along an axis. */
export const scatterElements: OpFactory = (attributes): Op => {
  const join = joiningOf("ScatterElements", attributes);
  return updating("ScatterElements", ({ shape, data }, indices, updates) => {
    const axis = normalizeAxis(numberOf(attributes, "axis", 0), shape.length);
    const strides = stridesOf(shape);
    eachPosition(indices.shape, (position, i) => {
      const index = frontIndex("ScatterElements", indices.data[i]!, shape[axis]!);
      const at = indexOf(position.with(axis, index), strides);
      data[at] = join(data[at]!, updates.data[i]!);
    });
  });
};

/** ScatterND: the data with slices replaced at positions that are the last axis of the indices. */
export const scatterNd: OpFactory = (attributes): Op => {
  const join = joiningOf("ScatterND", attributes);
  return updating("ScatterND", ({ shape, data }, indices, updates) => {
    const depth = indices.shape.at(-1)!;
    const strides = stridesOf(shape);
    const run = sizeOf(shape.slice(depth));
    for (let tuple = 0; tuple < indices.data.length / depth; tuple++) {
      let at = 0;
      for (let d = 0; d < depth; d++) {
        at += frontIndex("ScatterND", indices.data[tuple * depth + d]!, shape[d]!) * strides[d]!;
      }
      for (let i = 0; i < run; i++) data[at + i] = join(data[at + i]!, updates.data[tuple * run + i]!);
    }
  });
};

/** TensorScatter: a cache with new entries written along an axis, for each batch from an index of its own. */
export const tensorScatter: OpFactory = (attributes): Op => {
  const mode = stringOf(attributes, "mode", "linear");
  if (mode !== "linear" && mode !== "circular") {
    throw new TypeError(`TensorScatter "mode" must be linear or circular: current value is "${mode}"`);
  }
  return {
    infer: ([cache]) => {
      const { dtype, shape } = required(cache, "past_cache");
      return [{ dtype, shape }];
    },
    reference: ([cache, update, starts]) => {
      const { dtype, shape, data } = required(cache, "past_cache");
      const updates = required(update, "update");
      const axis = normalizeAxis(numberOf(attributes, "axis", -2), shape.length);
      const strides = stridesOf(shape);
      const out = data.slice();
      eachPosition(updates.shape, (position, i) => {
        const place = (starts ? starts.data[position[0]!]! : 0) + position[axis]!;
        const index = mode === "circular" ? place % shape[axis]! : frontIndex("TensorScatter", place, shape[axis]!);
        out[indexOf(position.with(axis, index), strides)] = updates.data[i]!;
      });
      return [{ dtype, shape, data: out }];
    },
  };
};
