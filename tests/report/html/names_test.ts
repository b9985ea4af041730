import assert from "node:assert/strict";
import { shortNames } from "../../../src/report/html/names.ts";

Deno.test("shortNames() leaves names alone that fit", () => {
  assert.deepEqual(shortNames(["model/a", "model/b"], 10), ["model/a", "model/b"]);
});

Deno.test("shortNames() takes away what all names begin with and end in, up to a separator", () => {
  const names = [9, 10, 110].map((i) => `model/encoder/layers.${i}/attention/self/query/MatMul`);
  assert.deepEqual(shortNames(names, 20), ["…9…", "…10…", "…110…"]);
  assert.deepEqual(shortNames(["model/head/conv1", "model/head/conv12"], 12), ["…conv1", "…conv12"]);
});

Deno.test("shortNames() cuts names in the middle where they are still too long", () => {
  const long = "x".repeat(30);
  const [name] = shortNames([`${long}/first/kernel`], 16);
  assert.equal(name, "xxxxx…rst/kernel");
  assert.ok(
    shortNames([`a${long}1`, `b${long}2`], 12).every((own, i) => own.length === 12 && own.endsWith(String(i + 1))),
  );
});

Deno.test("shortNames() copes with names that are alike, empty or hold anything", () => {
  const same = "very/long/name/of/a/node";
  for (const names of [[same, same], ["", same], [same, `${same}/more`], ["\u{1f600}".repeat(9), same]]) {
    assert.ok(shortNames(names, 12).every((name) => name.length <= 12), names.join());
  }
});
