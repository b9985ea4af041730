import assert from "node:assert/strict";
import { costsOf, operationsOf, sumsByGroup } from "../../src/search/costs.ts";
import { frontOf, type FrontPoint } from "../../src/search/front.ts";
import { digestOf } from "../../src/search/digest.ts";
import { decodeArray, decodeNumbers, encodeArray, encodeNumbers } from "../../src/search/encoding.ts";
import { groupsOf } from "./synthetic.ts";

const point = (plan: string, drop: number, operationsShare: number, ms: number | null = null): FrontPoint => ({
  ...{ plan: new Set(plan), metric: 1 - drop, drop, interval: null, operationsShare },
  ...{ macsShare: null, bytes: null, ms },
});

Deno.test("frontOf() keeps the points that no other beats in everything", () => {
  const points = [point("", 0.3, 0), point("a", 0.2, 0.25), point("b", 0.25, 0.25), point("ab", 0.1, 0.5)];
  assert.deepEqual(frontOf(points).map(({ drop }) => drop), [0.3, 0.2, 0.1]);
  assert.deepEqual(frontOf([point("a", 0.2, 0.25, 3), point("b", 0.25, 0.25, 2)]).length, 2);
  assert.deepEqual(frontOf([]), []);
});

Deno.test("costsOf() sums what groups cost, and gives it as a share of all", () => {
  const groups = groupsOf("abc");
  const costs = costsOf(groups, new Map([["a", 1], ["b", 3]]), "macs");
  assert.equal(costs.sumOf(new Set("bc")), 3);
  assert.equal(costs.shareOf(new Set("bc")), 0.75);
  assert.deepEqual([costs.weightOf("b"), costs.weightOf("c")], [3, 0.004]);
  assert.equal(costsOf(groups, operationsOf(groups), "operations").weightOf("b"), 1);
  assert.equal(costsOf(groups, new Map(), "ms").shareOf(new Set("a")), 0);
  assert.deepEqual([...sumsByGroup([{ id: "g", nodes: ["x", "y", "z"] }], new Map([["x", 1], ["z", 2]]))], [["g", 3]]);
});

Deno.test("digestOf() tells data apart, and finds equal data alike", () => {
  const data = () => ({ a: [1, "x", null], b: new Map([["w", Float32Array.of(1, 2, 3)]]) });
  assert.match(digestOf(data()), /^[0-9a-f]{16}$/);
  assert.equal(digestOf(data()), digestOf(data()));
  const others = [
    { ...data(), a: [1, "x"] },
    { ...data(), b: new Map([["w", Float32Array.of(1, 2, 3.0000002)]]) },
    { ...data(), b: new Map([["v", Float32Array.of(1, 2, 3)]]) },
    { a: [[1, "x"], null] },
    { a: [[1], "x", null] },
    { a: [1, "x", []] },
    Uint8Array.of(1, 2, 3),
    Uint8Array.of(1, 2, 3, 0),
    new Uint8Array(8).subarray(1, 4),
    null,
    "null",
  ];
  assert.equal(new Set([digestOf(data()), ...others.map(digestOf)]).size, others.length + 1);
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  assert.match(digestOf(cycle), /^[0-9a-f]{16}$/);
});

Deno.test("numbers come back from JSON as they were", () => {
  for (const numbers of [[0, 1, 1, 0], [0.1, -0, 1e-300], [Infinity, -Infinity, 2], []]) {
    assert.deepEqual(decodeNumbers(JSON.parse(JSON.stringify(encodeNumbers(numbers)))), numbers.map((x) => x + 0));
  }
  const array = Float32Array.from({ length: 70_000 }, (_, i) => Math.sin(i));
  assert.deepEqual(new Float32Array(decodeArray(encodeArray(array.subarray(3)))), array.slice(3));
});
