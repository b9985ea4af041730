import assert from "node:assert/strict";
import { meanIntersectionOverUnion } from "../../src/metrics/segmentation.ts";

Deno.test("meanIntersectionOverUnion() counts all images together and leaves out the ignored class", () => {
  const images = [
    { predicted: [0, 0, 1, 1], truth: [0, 1, 1, 255] },
    { predicted: [2, 1], truth: [2, 2] },
  ];
  // Class 0: 1 of 2; class 1: 1 of 3; class 2: 1 of 2.
  assert.ok(Math.abs(meanIntersectionOverUnion(images, 255) - (1 / 2 + 1 / 3 + 1 / 2) / 3) < 1e-15);
  // With class 255: class 1 has one pixel more, class 255 none of one.
  assert.ok(Math.abs(meanIntersectionOverUnion(images) - (1 / 2 + 1 / 4 + 1 / 2 + 0) / 4) < 1e-15);
  assert.throws(
    () => meanIntersectionOverUnion([{ predicted: [1], truth: [1, 2] }]),
    /Image 0 has 1 predictions for 2/,
  );
});
