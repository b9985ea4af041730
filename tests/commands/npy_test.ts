import assert from "node:assert/strict";
import { readNpy, writeNpy } from "../../src/commands/npy.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { sharedData } from "../data.ts";

/** A file as NumPy writes it. */
function npy(descr: string, shape: string, data: ArrayBufferView, { version = 1, fortran = "False" } = {}): Uint8Array {
  const dict = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${shape}), }`;
  const start = version === 1 ? 10 : 12;
  const header = dict.padEnd(Math.ceil((start + dict.length + 1) / 64) * 64 - start - 1) + "\n";
  const size = version === 1 ? [header.length, 0] : [header.length, 0, 0, 0];
  return Uint8Array.of(
    ...[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0],
    ...size,
    ...new TextEncoder().encode(header),
    ...new Uint8Array(data.buffer),
  );
}

const READ: [string, string, ArrayBufferView, Tensor][] = [
  ["<f4", "2, 1", Float32Array.of(1.5, -2), tensor("f32", [2, 1], [1.5, -2])],
  ["<f8", "2,", Float64Array.of(0.1, -2), tensor("f32", [2], [0.1, -2])],
  ["|i1", "2,", Int8Array.of(-128, 1), tensor("i8", [2], [-128, 1])],
  ["|u1", "2,", Uint8Array.of(255, 1), tensor("u8", [2], [255, 1])],
  ["<i4", "", Int32Array.of(-7), tensor("i32", [], [-7])],
  ["<i8", "2,", BigInt64Array.of(-7n, 2n ** 40n), tensor("i64", [2], [-7, 2 ** 40])],
  ["|b1", "1, 2", Uint8Array.of(1, 0), tensor("bool", [1, 2], [1, 0])],
  ["<f4", "0, 3", new Float32Array(), tensor("f32", [0, 3], [])],
];

for (const [descr, shape, data, expected] of READ) {
  Deno.test(`readNpy() reads ${descr} of shape (${shape}) in versions 1 to 3`, () => {
    for (const version of [1, 2, 3]) {
      const bytes = npy(descr, shape, data, { version });
      assert.deepEqual(readNpy(bytes, "x.npy"), expected);
      assert.deepEqual(readNpy(Uint8Array.of(0, ...bytes).subarray(1), "x.npy"), expected);
    }
  });
}

const valid = npy("<f4", "2,", Float32Array.of(1, 2));

const BAD: [string, Uint8Array, RegExp][] = [
  ["an empty file", new Uint8Array(), /^SyntaxError: Cannot read "x\.npy": it is no \.npy file, or it is cut short/],
  ["a text", new TextEncoder().encode("no array in here"), /^SyntaxError: .*it is no \.npy file/],
  ["a cut header", valid.subarray(0, 50), /^SyntaxError: .*cut short/],
  ["cut data", valid.subarray(0, -4), /^SyntaxError: .*shape \[2\] needs 2 elements, it holds 1/],
  ["a cut element", valid.subarray(0, -1), /^SyntaxError: .*cut short/],
  ["Fortran order", npy("<f4", "2,", new Float32Array(2), { fortran: "True" }), /^TypeError: .*"x\.npy".*C order/],
  ["big-endian elements", npy(">f4", "2,", new Float32Array(2)), /^TypeError: Cannot read "x\.npy": .*>f4/],
  ["half precision", npy("<f2", "2,", new Uint16Array(2)), /^TypeError: Cannot read "x\.npy": .*they are f2/],
  ["text elements", npy("<U1", "2,", new Uint32Array(2)), /^TypeError: Cannot read "x\.npy": .*they are U1/],
];

for (const [title, bytes, message] of BAD) {
  Deno.test(`readNpy() refuses ${title} with the name of the file`, () => {
    assert.throws(() => readNpy(bytes, "x.npy"), message);
  });
}

for (const [, , , expected] of READ) {
  Deno.test(`writeNpy() writes ${expected.dtype} of shape [${expected.shape}] that readNpy() reads alike`, () => {
    assert.deepEqual(readNpy(writeNpy(expected), "x.npy"), expected);
  });
}

const lines = sharedData("ocr/lines_u8.npy");

Deno.test({
  name: `readNpy() reads a file that NumPy wrote${lines ? "" : " (ignored: no ../shared/data/ocr)"}`,
  ignore: lines === null,
  fn: () => {
    const { dtype, shape, data } = readNpy(Deno.readFileSync(lines!), "lines_u8.npy");
    assert.equal(dtype, "u8");
    assert.equal(data.length, shape.reduce((a, b) => a * b));
  },
});
