import assert from "node:assert/strict";
import { digestOf } from "../../src/search/digest.ts";

Deno.test("digestOf() gives the same numbers one name, wherever they lie in memory", () => {
  const bytes = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8);
  assert.equal(digestOf(bytes.slice(1)), digestOf(bytes.subarray(1)));
  assert.equal(digestOf({ a: [bytes.subarray(3, 7)] }), digestOf({ a: [Uint8Array.of(3, 4, 5, 6)] }));
});

Deno.test("digestOf() gives other data other names", () => {
  const values = [
    ...[
      null,
      undefined,
      0,
      "0",
      1,
      [],
      [1],
      [[1]],
      {},
      { a: 1 },
      { a: 2 },
      { b: 1 },
      new Map([["a", 1]]),
      new Set([1]),
    ],
    ...[Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 4), Int8Array.of(1, 2, 3), Float32Array.of(1), new ArrayBuffer(4)],
    ...[new ArrayBuffer(8), Uint8Array.of(9).buffer],
  ];
  assert.equal(new Set(values.map(digestOf)).size, values.length);
});
