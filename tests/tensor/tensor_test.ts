import assert from "node:assert/strict";
import fc from "fast-check";
import {
  allocate,
  broadcastShapes,
  type DType,
  i64,
  normalizeAxis,
  sizeOf,
  stridesOf,
  tensor,
} from "../../src/tensor/tensor.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 });

Deno.test("sizeOf() multiplies the dimensions, and a scalar has one element", () => {
  assert.equal(sizeOf([]), 1);
  assert.equal(sizeOf([2, 3, 4]), 24);
  assert.equal(sizeOf([2, 0, 4]), 0);
});

Deno.test("allocate() holds each type in the array that is wide enough", () => {
  const arrays = {
    f32: Float32Array,
    i8: Int8Array,
    u8: Uint8Array,
    bool: Uint8Array,
    i32: Int32Array,
    i64: Float64Array,
  };
  for (const [dtype, array] of Object.entries(arrays)) {
    assert.deepEqual(allocate(dtype as DType, 3), new array(3));
  }
});

Deno.test("tensor() copies lists and keeps typed arrays", () => {
  const data = Float32Array.of(1, 2);
  assert.equal(tensor("f32", [2], data).data, data);
  assert.deepEqual(tensor("i8", [2, 1], [1, -1]), { dtype: "i8", shape: [2, 1], data: Int8Array.of(1, -1) });
});

Deno.test("tensor() throws where the elements do not fit the shape", () => {
  assert.throws(() => tensor("f32", [2, 3], [1, 2]), {
    name: "RangeError",
    message: "Cannot make a tensor of shape [2,3]: it holds 6 elements, got 2",
  });
});

Deno.test("i64() makes scalars and vectors", () => {
  assert.deepEqual(i64(-1), tensor("i64", [], [-1]));
  assert.deepEqual(i64([2, 3]), tensor("i64", [2], [2, 3]));
  assert.deepEqual(i64([]), tensor("i64", [0], []));
});

Deno.test("stridesOf() counts row-major indices", () => {
  fc.assert(fc.property(shapes.filter((shape) => sizeOf(shape) > 0), fc.nat(), (shape, seed) => {
    const index = seed % sizeOf(shape);
    const coordinates = stridesOf(shape).map((stride, axis) => Math.floor(index / stride) % shape[axis]!);
    assert.equal(stridesOf(shape).reduce((sum, stride, axis) => sum + stride * coordinates[axis]!, 0), index);
  }));
});

Deno.test("broadcastShapes() follows numpy", () => {
  assert.deepEqual(broadcastShapes(), []);
  assert.deepEqual(broadcastShapes([2, 3], [3]), [2, 3]);
  assert.deepEqual(broadcastShapes([4, 1, 2], [3, 1], []), [4, 3, 2]);
  assert.deepEqual(broadcastShapes([0], [1]), [0]);
});

Deno.test("broadcastShapes() does not depend on the order, and what was broadcast broadcasts on", () => {
  fc.assert(
    fc.property(shapes, fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), fc.nat(5), (shape, ones, cut) => {
      const other = shape.map((dim, axis) => ones[axis] ? 1 : dim).slice(Math.min(cut, shape.length));
      const result = broadcastShapes(shape, other);
      assert.deepEqual(broadcastShapes(other, shape), result);
      assert.deepEqual(result, shape);
      assert.deepEqual(broadcastShapes(result, other), result);
    }),
  );
});

Deno.test("broadcastShapes() throws where sizes differ, and 0 is a size", () => {
  assert.throws(() => broadcastShapes([2, 3], [2]), {
    name: "RangeError",
    message: "Cannot broadcast shapes [2,3] and [2] together",
  });
  for (const shapes of [[[0], [3]], [[3], [0]]]) assert.throws(() => broadcastShapes(...shapes), RangeError);
});

Deno.test("normalizeAxis() counts from either end", () => {
  assert.equal(normalizeAxis(1, 3), 1);
  assert.equal(normalizeAxis(-1, 3), 2);
  assert.equal(normalizeAxis(0, 0), 0);
});

Deno.test("normalizeAxis() throws outside of the tensor", () => {
  for (const axis of [3, -4, 0.5, NaN]) {
    assert.throws(() => normalizeAxis(axis, 3), {
      name: "RangeError",
      message: `Axis must lie in [-3, 3): current value is ${axis}`,
    });
  }
});
