/** Operators whose output is as large as the data say, so that these must be known when the model is prepared. @module */
import { allocate, type KnownType, normalizeAxis, sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";
import { eachPosition, linesOf } from "./_nd.ts";
import { knownTensor, numberOf, type Op, type OpFactory } from "./op.ts";

/** An operator that needs the elements of some of its inputs to say how large its outputs are. */
export function fromKnown(compute: (inputs: readonly (KnownType | null)[]) => Tensor[]): Op {
  return { infer: compute, reference: compute };
}

/** NonZero: the positions of elements other than zero, one column each. */
export const nonZero: OpFactory = (): Op =>
  fromKnown(([input]) => {
    const { shape, data } = knownTensor(input, "X");
    const found: number[][] = [];
    eachPosition(shape, (position, i) => data[i] !== 0 && found.push([...position]));
    const rank = Math.max(shape.length, shape.length === 0 ? 0 : 1);
    return [tensor("i64", [rank, found.length], shape.flatMap((_, axis) => found.map((position) => position[axis]!)))];
  });

/** Compress: the slices along an axis, or the elements, for which the condition is true. */
export const compress: OpFactory = (attributes): Op => {
  const given = attributes.get("axis");
  return fromKnown(([input, condition]) => {
    const x = knownTensor(input, "input");
    const wanted = knownTensor(condition, "condition").data;
    const shape = typeof given === "number" ? x.shape : [x.data.length];
    const axis = typeof given === "number" ? normalizeAxis(given, shape.length) : 0;
    const picks = Array.from({ length: shape[axis]! }, (_, i) => i).filter((i) => wanted[i]);
    return [slices(x, shape, axis, picks)];
  });
};

function slices({ dtype, data }: Tensor, shape: readonly number[], axis: number, picks: readonly number[]): Tensor {
  const { outer, length, inner } = linesOf(shape, axis);
  const out = allocate(dtype, outer * picks.length * inner);
  for (let o = 0; o < outer; o++) {
    picks.forEach((pick, i) => {
      const from = (o * length + pick) * inner;
      out.set(data.subarray(from, from + inner), (o * picks.length + i) * inner);
    });
  }
  return { dtype, shape: shape.with(axis, picks.length), data: out };
}

/** Unique: the different slices along an axis or elements, where each first is, which each is, and how often each is. */
export const unique: OpFactory = (attributes): Op => {
  const given = attributes.get("axis");
  const sorted = numberOf(attributes, "sorted", 1) !== 0;
  return fromKnown(([input]) => {
    const x = knownTensor(input, "X");
    const shape = typeof given === "number" ? x.shape : [x.data.length];
    const axis = typeof given === "number" ? normalizeAxis(given, shape.length) : 0;
    const { outer, length, inner } = linesOf(shape, axis);
    const sliceOf = (i: number): number[] =>
      Array.from(
        { length: outer * inner },
        (_, k) => x.data[(Math.floor(k / inner) * length + i) * inner + k % inner]!,
      );
    const all = Array.from({ length }, (_, i) => sliceOf(i));
    const first = new Map<string, number>();
    all.forEach((slice, i) => {
      const key = slice.join();
      if (!first.has(key)) first.set(key, i);
    });
    const order = [...first.values()];
    if (sorted) order.sort((a, b) => compare(all[a]!, all[b]!));
    const places = new Map(order.map((i, place) => [all[i]!.join(), place]));
    const inverse = all.map((slice) => places.get(slice.join())!);
    const counts = order.map((_, place) => inverse.filter((own) => own === place).length);
    const list = (values: readonly number[]): Tensor => tensor("i64", [values.length], values);
    return [slices(x, shape, axis, order), list(order), list(inverse), list(counts)];
  });
};

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}

/** NonMaxSuppression: boxes of the best scores that overlap no better one, as rows of batch, class and box. */
export const nonMaxSuppression: OpFactory = (attributes): Op => {
  const centered = numberOf(attributes, "center_point_box", 0) !== 0;
  return fromKnown(([boxInput, scoreInput, most, overlap, least]) => {
    const [boxes, scores] = [knownTensor(boxInput, "boxes"), knownTensor(scoreInput, "scores")];
    const limit = most ? knownTensor(most, "max_output_boxes_per_class").data[0]! : 0;
    const threshold = overlap ? knownTensor(overlap, "iou_threshold").data[0]! : 0;
    const minimum = least ? knownTensor(least, "score_threshold").data[0] ?? -Infinity : -Infinity;
    const [batches, classes, count] = scores.shape as [number, number, number];
    const cornersOf = (batch: number, box: number): Corners =>
      corners([...boxes.data.subarray((batch * count + box) * 4, (batch * count + box + 1) * 4)], centered);
    const rows: number[][] = [];
    for (let batch = 0; batch < batches; batch++) {
      for (let own = 0; own < classes; own++) {
        const score = (box: number): number => scores.data[(batch * classes + own) * count + box]!;
        const order = Array.from({ length: count }, (_, box) => box).filter((box) => score(box) > minimum)
          .sort((a, b) => score(b) - score(a) || a - b);
        const kept: number[] = [];
        for (const box of order) {
          if (kept.length >= limit) break;
          const mine = cornersOf(batch, box);
          if (kept.every((other) => overlapOf(cornersOf(batch, other), mine) <= threshold)) kept.push(box);
        }
        rows.push(...kept.map((box) => [batch, own, box]));
      }
    }
    return [tensor("i64", [rows.length, 3], rows.flat())];
  });
};

type Corners = readonly [top: number, left: number, bottom: number, right: number];

function corners(box: readonly number[], centered: boolean): Corners {
  const [a, b, c, d] = box as [number, number, number, number];
  if (centered) return [b - d / 2, a - c / 2, b + d / 2, a + c / 2];
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
}

/** The area that two boxes share, as a part of the area that they cover. */
function overlapOf(a: Corners, b: Corners): number {
  const height = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const width = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = (box: Corners): number => (box[2] - box[0]) * (box[3] - box[1]);
  const shared = height * width;
  return shared === 0 ? 0 : shared / (area(a) + area(b) - shared);
}

/** Size: the number of elements. It reads none, so the type that `infer` gives carries the element of the output. */
export const size: OpFactory = (): Op => fromKnown(([x]) => [tensor("i64", [], [sizeOf(x!.shape)])]);
