/** Metrics of object detectors. @module */

/** A box by two corners, in any unit: `[left, top, right, bottom]`. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** An object that is there. */
export interface LabelledBox {
  /** Where it is. */
  readonly box: Box;
  /** The index of its class. */
  readonly label: number;
}

/** An object that a model found. */
export interface Detection extends LabelledBox {
  /** How sure the model is; only the order counts. */
  readonly score: number;
}

/** What was found in an image and what is there. */
export interface DetectionResult {
  /** What the model found. */
  readonly detections: readonly Detection[];
  /** What is there. */
  readonly truth: readonly LabelledBox[];
}

/** The ten overlaps of COCO's average precision. */
export const COCO_OVERLAPS: readonly number[] = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100);

/** COCO counts no more than this many detections of an image and class. */
const MOST_DETECTIONS = 100;

/** COCO takes the precision at 101 recalls from 0 to 1, multiples of 0.01 as floats round them. */
const RECALLS = Array.from({ length: 101 }, (_, i) => i * 0.01);

/** The overlap of two boxes: intersection over union, from 0 to 1. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (!(width > 0 && height > 0)) return 0;
  const area = (box: Box): number => (box[2] - box[0]) * (box[3] - box[1]);
  return width * height / (area(a) + area(b) - width * height);
}

/** Drops each detection that overlaps a surer one of its class by more than `overlap` (greedy non-maximum suppression). */
export function suppress(detections: readonly Detection[], overlap: number): Detection[] {
  const kept: Detection[] = [];
  for (const own of detections.toSorted((a, b) => b.score - a.score)) {
    const covered = kept.some(({ label, box }) => label === own.label && intersectionOverUnion(box, own.box) > overlap);
    if (!covered) kept.push(own);
  }
  return kept;
}

/**
 * Mean average precision as COCO defines it: the mean over classes that occur and over the overlaps asked for of the
 * precision at 101 recalls, with at most 100 detections of an image and class.
 *
 * @param overlaps Overlaps from which on a detection counts as right. Default: 0.5 to 0.95 in steps of 0.05; `[0.5]` gives mAP50.
 * @returns From 0 to 1; NaN where no image has an object.
 */
export function meanAveragePrecision(
  images: readonly DetectionResult[],
  overlaps: readonly number[] = COCO_OVERLAPS,
): number {
  const classes = new Set(images.flatMap(({ truth }) => truth.map(({ label }) => label)));
  let sum = 0;
  for (const label of classes) for (const overlap of overlaps) sum += averagePrecision(images, label, overlap);
  return sum / (classes.size * overlaps.length);
}

function averagePrecision(images: readonly DetectionResult[], label: number, overlap: number): number {
  let objects = 0;
  const found: { readonly score: number; readonly right: boolean }[] = [];
  for (const { detections, truth } of images) {
    const boxes = truth.filter((own) => own.label === label).map(({ box }) => box);
    objects += boxes.length;
    const taken = new Set<number>();
    const sure = detections.filter((own) => own.label === label).sort((a, b) => b.score - a.score);
    for (const { box, score } of sure.slice(0, MOST_DETECTIONS)) {
      let [best, at] = [overlap, -1];
      boxes.forEach((other, i) => {
        const own = taken.has(i) ? -1 : intersectionOverUnion(box, other);
        if (own >= best) [best, at] = [own, i];
      });
      if (at >= 0) taken.add(at);
      found.push({ score, right: at >= 0 });
    }
  }
  found.sort((a, b) => b.score - a.score);
  const precision: number[] = [];
  const recall: number[] = [];
  let hits = 0;
  found.forEach(({ right }, i) => {
    if (right) hits++;
    precision.push(hits / (i + 1));
    recall.push(hits / objects);
  });
  for (let i = precision.length - 2; i >= 0; i--) precision[i] = Math.max(precision[i]!, precision[i + 1]!);
  let [sum, at] = [0, 0];
  for (const least of RECALLS) {
    while (at < recall.length && recall[at]! < least) at++;
    sum += precision[at] ?? 0;
  }
  return sum / RECALLS.length;
}
