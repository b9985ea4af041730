import assert from "node:assert/strict";
import fc from "fast-check";
import {
  arrange,
  blockOf,
  bytesOf,
  elementSize,
  fromPlain,
  type Layout,
  physicalOf,
  roundUp,
  withoutPadding,
} from "../../src/gpu/layout.ts";
import { allocate, type DType, sizeOf, stridesOf, type Tensor, tensor } from "../../src/tensor/tensor.ts";

const dtypes: DType[] = ["f32", "i8", "u8", "i32", "i64", "bool"];
const layouts: Layout[] = ["plain", "rows", "cols", "nhwc"];

/** Tensors of each type and shape, whose elements all differ where the type has room for it. */
const tensors = fc.record({
  dtype: fc.constantFrom(...dtypes),
  shape: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 4 }),
}).map(({ dtype, shape }): Tensor => {
  const data = allocate(dtype, sizeOf(shape));
  return { dtype, shape, data: data.map((_: number, i: number) => dtype === "bool" ? i % 2 : i + 1) };
});

Deno.test("elementSize() and blockOf() make blocks of 16 bytes", () => {
  for (const dtype of dtypes) assert.equal(elementSize(dtype) * blockOf(dtype), 16);
  assert.deepEqual(dtypes.map(elementSize), [4, 1, 1, 4, 4, 4]);
  assert.deepEqual([0, 1, 4, 5].map((value) => roundUp(value, 4)), [0, 4, 4, 8]);
});

Deno.test("physicalOf() orders and pads the axes", () => {
  const type = { dtype: "f32", shape: [2, 3, 5, 6] } as const;
  assert.deepEqual(physicalOf(type, "plain"), {
    order: [0, 1, 2, 3],
    sizes: [2, 3, 5, 6],
    strides: [90, 30, 6, 1],
    length: 180,
  });
  assert.deepEqual(physicalOf(type, "rows").sizes, [2, 3, 5, 8]);
  assert.deepEqual(physicalOf(type, "cols"), {
    order: [0, 1, 3, 2],
    sizes: [2, 3, 6, 8],
    strides: [144, 48, 1, 8],
    length: 288,
  });
  assert.deepEqual(physicalOf(type, "nhwc"), {
    order: [0, 2, 3, 1],
    sizes: [2, 5, 6, 4],
    strides: [120, 1, 24, 4],
    length: 240,
  });
  assert.deepEqual(physicalOf({ ...type, dtype: "i8" }, "nhwc").sizes, [2, 5, 6, 16]);
});

Deno.test("physicalOf() of scalars, vectors and matrices is row-major in nhwc, and of vectors in cols", () => {
  for (const shape of [[], [5], [5, 6]]) {
    const type = { dtype: "f32", shape } as const;
    assert.deepEqual(physicalOf(type, "nhwc"), physicalOf(type, "rows"));
    if (shape.length < 2) assert.deepEqual(physicalOf(type, "cols"), physicalOf(type, "rows"));
  }
});

Deno.test("arrange() puts each element at its strides, zero elsewhere, in whole blocks", () => {
  fc.assert(fc.property(tensors, fc.constantFrom(...layouts), (t, layout) => {
    const { strides } = physicalOf(t, layout);
    const data = arrange(t, layout);
    assert.equal(data.byteLength, bytesOf(t, layout));
    assert.equal(data.byteLength % 16, 0);
    const wanted = data.slice().fill(0);
    const logical = stridesOf(t.shape);
    t.data.forEach((value: number, i: number) => {
      const at = strides.reduce((sum, step, axis) => sum + step * (Math.floor(i / logical[axis]!) % t.shape[axis]!), 0);
      wanted[at] = t.dtype === "u8" ? value - 128 : value;
    });
    assert.deepEqual(data, wanted);
  }));
});

Deno.test("fromPlain() undoes arrange()", () => {
  fc.assert(fc.property(tensors, (t) => {
    const bytes = arrange(t, "plain").slice().buffer as ArrayBuffer;
    assert.deepEqual(tensor(t.dtype, t.shape, fromPlain(t, bytes)), t);
  }));
});

Deno.test("withoutPadding() makes plain what is in rows", () => {
  fc.assert(fc.property(tensors, (t) => {
    const bytes = new Uint8Array(arrange(t, "rows").slice().buffer as ArrayBuffer);
    assert.deepEqual(tensor(t.dtype, t.shape, fromPlain(t, withoutPadding(t, bytes))), t);
  }));
});
