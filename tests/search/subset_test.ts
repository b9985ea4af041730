import assert from "node:assert/strict";
import { spreadItems, worstItems } from "../../src/search/subset.ts";

const CASES: readonly [errors: number[], size: number, expected: number[]][] = [
  [[-.1, .02, .2, .1, .05], 4, [1, 2, 3, 4]],
  [[1, 2, 1, 2, 3, 1], 4, [1, 3, 4, 5]],
  [[.1, .1, .1, .1], 3, [1, 2, 3]],
  [[1, 2, 3], 0, []],
  [[5, 5, 3, 3, 2, 2, 1, 1], 6, [0, 1, 2, 3, 4, 5]],
  [[-10, -.1, -5, -5, -.1, -.001], 4, [1, 3, 4, 5]],
  [[0, -1, -2, -3, -4, -5], 10000, [0, 1, 2, 3, 4, 5]],
];

for (const [errors, size, expected] of CASES) {
  Deno.test(`worstItems() takes [${expected}] of losses [${errors}], size ${size}`, () => {
    assert.deepEqual(worstItems(errors, errors.map(() => 0), size), expected);
  });
}

Deno.test("worstItems() counts a loss from before to after", () => {
  assert.deepEqual(worstItems([1, 1, 0, 0], [1, 0, 1, 0], 1), [1]);
});

Deno.test("spreadItems() spreads evenly, from the first item on", () => {
  assert.deepEqual(spreadItems(10, 5), [0, 2, 4, 6, 8]);
  assert.deepEqual(spreadItems(7, 3), [0, 2, 4]);
  assert.deepEqual(spreadItems(3, 300), [0, 1, 2]);
});
