import assert from "node:assert/strict";
import { bindingsOf, fitsTexture, inTextures } from "../../src/gpu/bindings.ts";
import { SHADERS } from "../../src/gpu/shaders.ts";

const KERNEL = `// x[i] in a comment stays
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> table: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> z: array<u32>;
fn f(i: u32) {
  y[i + 1u] = bitcast<vec4u>(
    x[table[i]] + x[2]);
  z[i] = 0u;
}`;

Deno.test("bindingsOf() lists the storage arrays of a kernel", () => {
  assert.deepEqual(bindingsOf(KERNEL), [
    { binding: 0, name: "x", element: "vec4f", written: false },
    { binding: 1, name: "table", element: "i32", written: false },
    { binding: 2, name: "y", element: "vec4u", written: true },
    { binding: 3, name: "z", element: "u32", written: true },
  ]);
  assert.deepEqual(bindingsOf(KERNEL).map(fitsTexture), [true, true, true, false]);
});

Deno.test("inTextures() turns loads and stores into calls, and keeps lines", () => {
  const lines = inTextures(KERNEL, new Map([[0, "2d"], [1, "1d"], [2, "2d"]])).split("\n");
  assert.equal(lines[0], "// x[i] in a comment stays");
  assert.equal(lines[1], "@group(0) @binding(0) var x: texture_storage_2d<rgba32uint, read>;");
  assert.equal(lines[2], "@group(0) @binding(1) var table: texture_storage_1d<rgba32uint, read>;");
  assert.equal(lines[3], "@group(0) @binding(2) var y: texture_storage_2d<rgba32uint, write>;");
  assert.equal(lines[4], KERNEL.split("\n")[4]);
  assert.equal(lines[6], "  y_store(u32(i + 1u), bitcast<vec4u>(");
  assert.equal(lines[7], "    x_load(u32(table_load(u32(i)))) + x_load(u32(2))));");
  assert.equal(lines[8], "  z[i] = 0u;");
  assert.equal(inTextures(KERNEL, new Map()), KERNEL);
});

Deno.test("inTextures() throws where a kernel writes single elements of a texture, or reads what it writes", () => {
  assert.throws(() => inTextures(KERNEL, new Map([[3, "2d"]])), /writes single elements of "z"/);
  assert.throws(
    () => inTextures(KERNEL.replace("= 0u", "= y[0].x"), new Map([[2, "2d"]])),
    /reads back what it writes to "y"/,
  );
});

Deno.test("every kernel can be read from textures, and written where it writes whole blocks", () => {
  for (const [name, source] of Object.entries(SHADERS)) {
    const own = bindingsOf(source);
    assert(own.some(({ written }) => written) || source.includes("array<atomic<"), name);
    for (const form of ["1d", "2d"] as const) {
      const moved = inTextures(source, new Map(own.filter(fitsTexture).map(({ binding }) => [binding, form])));
      assert.equal(bindingsOf(moved).filter(fitsTexture).length, 0, name);
    }
  }
});
