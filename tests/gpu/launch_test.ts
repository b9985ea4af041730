import assert from "node:assert/strict";
import fc from "fast-check";
import { foldGrid, uniform } from "../../src/gpu/launch.ts";

Deno.test("uniform() writes little-endian scalars and pads to whole blocks", () => {
  const bytes = uniform(["u32", 1, 0xffffffff], ["i32", -2], ["f32", 0.5], ["u32", 7]);
  assert.equal(bytes.byteLength, 32);
  const view = new DataView(bytes);
  assert.deepEqual([0, 4].map((at) => view.getUint32(at, true)), [1, 0xffffffff]);
  assert.equal(view.getInt32(8, true), -2);
  assert.equal(view.getFloat32(12, true), 0.5);
  assert.deepEqual([16, 20, 24, 28].map((at) => view.getUint32(at, true)), [7, 0, 0, 0]);
  assert.equal(uniform().byteLength, 0);
});

Deno.test("foldGrid() has room for every workgroup within the limits and wastes less than a row", () => {
  fc.assert(fc.property(fc.nat(2 ** 31), (count) => {
    const [x, y, z] = foldGrid(count);
    assert.equal(z, 1);
    assert(x >= 1 && x <= 65535 && y >= 1 && y <= 65535);
    assert(x * y >= count && (x * y - count < y || count === 0), `${count}: ${x} x ${y}`);
  }));
});

Deno.test("foldGrid() does not fold what fits in a row", () => {
  assert.deepEqual(foldGrid(0), [1, 1, 1]);
  assert.deepEqual(foldGrid(65535), [65535, 1, 1]);
  assert.deepEqual(foldGrid(65536), [32768, 2, 1]);
});
