import assert from "node:assert/strict";
import { expand } from "../../src/gpu/expand.ts";

const lines = (...text: string[]): string => text.join("\n");

Deno.test("expand() sets the constants that are given and keeps the others", () => {
  const { code } = expand(lines("const M: u32 = 1;", "const N: u32 = 2; // columns", "let a = M;"), { M: 8 });
  assert.equal(code, lines("const M: u32 = 8;", "const N: u32 = 2; // columns", "let a = M;"));
});

Deno.test("expand() writes out marked loops, and only those", () => {
  const source = lines(
    "const N: u32 = 2;",
    "  for (var i = 0u; i < N; i++) { // @unroll",
    "    a[i] += offsets[i] * min;",
    "  }",
    "  for (var k = 0u; k < N; k++) {",
    "    b[k] = 1;",
    "  }",
  );
  const { code, lines: numbers } = expand(source, {});
  assert.equal(
    code,
    lines(
      "const N: u32 = 2;",
      "  {",
      "    a[0u] += offsets[0u] * min;",
      "  }",
      "  {",
      "    a[1u] += offsets[1u] * min;",
      "  }",
      "  for (var k = 0u; k < N; k++) {",
      "    b[k] = 1;",
      "  }",
    ),
  );
  assert.deepEqual(numbers, [1, 2, 3, 4, 2, 3, 4, 5, 6, 7]);
});

Deno.test("expand() writes out nested loops by constants and numbers", () => {
  const source = lines(
    "const N: u32 = 1;",
    "for (var i = 0u; i < N; i++) { // @unroll",
    "  for (var j = 0u; j < 2u; j++) { // @unroll",
    "    f(i, j);",
    "  }",
    "}",
  );
  const calls = (n: number): string[] => expand(source, { N: n }).code.match(/f\(.*\)/g) ?? [];
  assert.deepEqual(calls(2), ["f(0u, 0u)", "f(0u, 1u)", "f(1u, 0u)", "f(1u, 1u)"]);
  assert.deepEqual(calls(0), []);
});

Deno.test("expand() throws for a constant that the shader has not, naming all", () => {
  assert.throws(() => expand("const M: u32 = 1;", { M: 1, K: 2, N: 3 }), {
    name: "RangeError",
    message: "The shader has no constant K, N",
  });
});

Deno.test("expand() takes the branches that its constants choose, and leaves out the others", () => {
  const source = lines(
    "const MODE: u32 = 0;",
    "fn main() {",
    "  if (MODE == 1u) { // @choose",
    "    for (var i = 0u; i < 2u; i++) { // @unroll",
    "      f(i);",
    "    }",
    "  }",
    "  if (MODE == 0u) { // @choose",
    "    g();",
    "  }",
    "}",
  );
  const body = (mode: number): string[] =>
    expand(source, { MODE: mode }).code.split("\n").map((line) => line.trim()).filter((line) => /^[fg]\(/.test(line));
  assert.deepEqual(body(0), ["g();"]);
  assert.deepEqual(body(1), ["f(0u);", "f(1u);"]);
  assert.deepEqual(body(2), []);
  assert.equal(expand(source, {}).lines.at(-1), 11);
});

Deno.test("expand() throws for a loop without a known limit, a choice without a constant, a block without an end", () => {
  const cases: [source: string, message: RegExp][] = [
    [
      lines("fn main() {", "  for (var i = 0u; i < size; i++) { // @unroll", "  }", "}"),
      /^Cannot unroll the loop at line 2: "for /,
    ],
    [lines("fn main() {", "  if (MODE == 1u) { // @choose", "  }", "}"), /^Cannot choose at line 2: .* constant MODE$/],
    [
      lines("fn main() {", "  for (var i = 0u; i < 4u; i++) { // @unroll", "}"),
      /^The block at line 2 is not closed: "for /,
    ],
  ];
  for (const [source, message] of cases) assert.throws(() => expand(source, {}), { name: "RangeError", message });
});
