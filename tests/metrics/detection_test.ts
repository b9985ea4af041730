import assert from "node:assert/strict";
import {
  type Box,
  type Detection,
  type DetectionResult,
  intersectionOverUnion,
  type LabelledBox,
  meanAveragePrecision,
  suppress,
} from "../../src/metrics/detection.ts";

/** Six images with five boxes each and three noisy detections of each box, from Lehmer's generator. */
function images(): DetectionResult[] {
  let state = 7;
  const random = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
  return Array.from({ length: 6 }, () => {
    const truth: LabelledBox[] = [];
    const detections: Detection[] = [];
    for (let object = 0; object < 5; object++) {
      const label = Math.floor(random() * 3);
      const [x, y] = [random() * 60, random() * 60];
      const [width, height] = [10 + random() * 30, 10 + random() * 30];
      truth.push({ label, box: [x, y, x + width, y + height] });
      for (let i = 0; i < 3; i++) {
        const [dx, dy] = [(random() - 0.5) * 12, (random() - 0.5) * 12];
        const own = random() < 0.8 ? label : Math.floor(random() * 3);
        const box: Box = [x + dx, y + dy, x + dx + width, y + dy + height];
        detections.push({ label: own, box, score: random() });
      }
    }
    return { truth, detections };
  });
}

Deno.test("meanAveragePrecision() agrees with pycocotools 2.0 on the same boxes", () => {
  assert.ok(Math.abs(meanAveragePrecision(images()) - 0.2080343838342584) < 1e-12);
  assert.ok(Math.abs(meanAveragePrecision(images(), [0.5]) - 0.5211149869565712) < 1e-12);
});

Deno.test("meanAveragePrecision() is 1 where all is found, 0 where nothing is, NaN without objects", () => {
  const truth = [{ label: 1, box: [0, 0, 2, 2] as const }, { label: 2, box: [1, 1, 3, 3] as const }];
  assert.equal(meanAveragePrecision([{ truth, detections: truth.map((own) => ({ ...own, score: 1 })) }]), 1);
  assert.equal(meanAveragePrecision([{ truth, detections: [] }]), 0);
  assert.ok(Number.isNaN(meanAveragePrecision([{ truth: [], detections: [] }])));
});

Deno.test("intersectionOverUnion() of boxes that overlap, touch and lie apart", () => {
  assert.equal(intersectionOverUnion([0, 0, 2, 2], [1, 1, 3, 3]), 1 / 7);
  assert.equal(intersectionOverUnion([0, 0, 2, 2], [2, 0, 4, 2]), 0);
  assert.equal(intersectionOverUnion([0, 0, 1, 1], [5, 5, 6, 6]), 0);
});

Deno.test("suppress() keeps the surest of overlapping boxes of a class", () => {
  const box: Box = [0, 0, 2, 2];
  const near: Box = [0, 0, 2, 1.8];
  const found = [{ label: 0, box: near, score: 0.4 }, { label: 0, box, score: 0.9 }, { label: 1, box, score: 0.5 }];
  assert.deepEqual(suppress(found, 0.5), [found[1], found[2]]);
  assert.equal(suppress(found, 0.95).length, 3);
});
