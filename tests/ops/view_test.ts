import assert from "node:assert/strict";
import fc from "fast-check";
import { arrange, type Layout, physicalOf } from "../../src/gpu/layout.ts";
import { liesIn, movedView, reshapedView, type View, viewOf } from "../../src/ops/view.ts";
import { slice } from "../../src/ops/slice.ts";
import { gather } from "../../src/ops/gather.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { expand, transpose } from "../../src/ops/transpose.ts";
import { i64, type KnownType, sizeOf, type Tensor, tensor, type TensorType } from "../../src/tensor/tensor.ts";
import { random } from "./harness.ts";

const LAYOUTS: readonly Layout[] = ["plain", "rows", "cols", "nhwc"];

/** The elements of a view, in row-major order. */
function read({ shape, strides, first }: View, memory: ArrayLike<number>): number[] {
  return Array.from({ length: sizeOf(shape) }, (_, i) => {
    let [rest, at] = [i, first];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += rest % shape[axis]! * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    return memory[at]!;
  });
}

/** A change of a tensor: what it gives, and the same as a view. */
interface Change {
  readonly name: string;
  readonly result: Tensor;
  readonly view: (from: View) => View | null;
}

function reshaped(x: Tensor, shape: readonly number[]): Change {
  const [result] = reshape(new Map(), 13).reference([x, i64(shape)]);
  return { name: `reshape [${shape}]`, result: result!, view: (from) => reshapedView(from, shape) };
}

function transposed(x: Tensor, perm: readonly number[]): Change {
  const op = transpose(new Map([["perm", perm]]), 13);
  const [moved] = op.moves!([x])!;
  return { name: `transpose [${perm}]`, result: op.reference([x])[0]!, view: (from) => movedView(from, moved!) };
}

function sliced(x: Tensor, axis: number, start: number, step: number): Change {
  const inputs = [x, i64([start]), i64([step > 0 ? 1000 : -1000]), i64([axis]), i64([step])];
  const op = slice(new Map(), 13);
  const [moved] = op.moves!(inputs)!;
  const name = `slice ${axis} from ${start} by ${step}`;
  return { name, result: op.reference(inputs)[0]!, view: (from) => movedView(from, moved!) };
}

/** One row or all, from the last to the first. */
function gathered(x: Tensor, axis: number, row: number, all: boolean): Change {
  const indices = all ? i64(Array.from({ length: x.shape[axis]! }, (_, i) => -1 - i)) : i64(row);
  const op = gather(new Map([["axis", axis]]), 13);
  const [moved] = op.moves!([x, indices])!;
  const name = `gather ${axis} at ${indices.data}`;
  return { name, result: op.reference([x, indices])[0]!, view: (from) => movedView(from, moved!) };
}

const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
const changes = fc.array(fc.record({ kind: fc.nat(3), a: fc.nat(), b: fc.nat() }), { minLength: 1, maxLength: 5 });

function changeOf(x: Tensor, { kind, a, b }: { kind: number; a: number; b: number }): Change {
  const rank = x.shape.length;
  if (rank === 0) return reshaped(x, [1]);
  if (kind === 0) {
    const perm = x.shape.map((_, axis) => axis);
    const [moved] = perm.splice(a % rank, 1);
    perm.splice(b % rank, 0, moved!);
    return transposed(x, perm);
  }
  if (kind === 1) return sliced(x, a % rank, b % x.shape[a % rank]!, b % 3 === 0 ? -1 : 1 + b % 2);
  const axis = a % rank;
  if (kind === 3) return gathered(x, axis, b % x.shape[axis]!, b % 2 === 0);
  const size = x.shape[axis]!;
  const divisors = Array.from({ length: size }, (_, i) => i + 1).filter((d) => size % d === 0);
  const divisor = divisors[b % divisors.length]!;
  if (b % 2 === 0 || rank === 1) {
    return reshaped(x, [...x.shape.slice(0, axis), divisor, size / divisor, ...x.shape.slice(axis + 1)]);
  }
  const front = Math.min(axis, rank - 2);
  return reshaped(x, [...x.shape.slice(0, front), x.shape[front]! * x.shape[front + 1]!, ...x.shape.slice(front + 2)]);
}

Deno.test("views hold what operators give, and lie in a layout only where its elements lie there", () => {
  fc.assert(
    fc.property(shapes, fc.constantFrom(...LAYOUTS), changes, (shape, layout, drawn) => {
      let x = random(shape);
      let view = viewOf(x, layout);
      const memory = arrange(x, layout);
      const { length } = physicalOf(x, layout);
      for (const one of drawn) {
        const { name, result, view: change } = changeOf(x, one);
        const next = change(view);
        if (!next) return;
        assert.deepEqual(read(next, memory), [...result.data], name);
        [x, view] = [result, next];
        for (const to of LAYOUTS) {
          const alike = length === physicalOf(x, to).length &&
            arrange(x, to).subarray(0, length).every((v, i) => v === memory[i]);
          assert(alike || !liesIn(view, x, to, length), `${name} in ${to}`);
        }
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("a reshape of padded rows is a view where the rows stay whole", () => {
  const rows = viewOf({ dtype: "f32", shape: [6, 7] }, "rows");
  assert.deepEqual(reshapedView(rows, [1, 2, 3, 7]), {
    shape: [1, 2, 3, 7],
    strides: [0, 24, 8, 1],
    first: 0,
    padded: { axis: 3, size: 8 },
  });
  assert.equal(reshapedView(rows, [42]), null);
  assert.equal(reshapedView(rows, [3, 14]), null);
  assert.deepEqual(reshapedView(viewOf({ dtype: "f32", shape: [0, 7] }, "plain"), [7, 0])?.shape, [7, 0]);
});

Deno.test("a transposed matrix in rows lies in cols", () => {
  const type = { dtype: "f32", shape: [3, 7] } as const;
  const [moved] = transpose(new Map(), 13).moves!([type])!;
  const view = movedView(viewOf(type, "rows"), moved!)!;
  assert(liesIn(view, { ...type, shape: [7, 3] }, "cols", 24));
  assert(!liesIn(view, { ...type, shape: [7, 3] }, "rows", 24));
});

Deno.test("rows that were cut do not lie in rows, as what was cut off is no padding", () => {
  const x = random([3, 7]);
  const inputs = [x, i64([0]), i64([6]), i64([1])];
  const [moved] = slice(new Map(), 13).moves!(inputs)!;
  const view = movedView(viewOf(x, "rows"), moved!)!;
  assert.deepEqual(view, { shape: [3, 6], strides: [8, 1], first: 0, padded: null });
  assert(!liesIn(view, { dtype: "f32", shape: [3, 6] }, "rows", 24));
});

Deno.test("rows of one element keep their padding in another shape", () => {
  const view = reshapedView(viewOf({ dtype: "f32", shape: [6, 1] }, "rows"), [2, 3, 1])!;
  assert(liesIn(view, { dtype: "f32", shape: [2, 3, 1] }, "rows", 24));
});

Deno.test("an expanded tensor is a view that reads again", () => {
  const x = random([1, 3]);
  const [moved] = expand(new Map(), 13).moves!([x, i64([2, 2, 3])])!;
  const view = movedView(viewOf(x, "plain"), moved!)!;
  assert.deepEqual(read(view, x.data), [...x.data, ...x.data, ...x.data, ...x.data]);
  assert.deepEqual(view.strides, [0, 0, 1]);
});

Deno.test("gather() moves where its indices are known and lie at even distances", () => {
  const x = random([2, 5, 3]);
  const moves = (indices: KnownType) => gather(new Map([["axis", 1]]), 13).moves!([x, indices]);
  assert.deepEqual(moves(i64([0, 2, 4]))![0]!.shape, [2, 3, 3]);
  assert.deepEqual(moves(i64(-1))![0]!.picked, { axis: 1, position: 4 });
  for (const indices of [i64([0, 1, 4]), i64([2, 2]), i64([5]), tensor("i64", [1, 2], [0, 1])]) {
    assert.equal(moves(indices), null);
  }
  assert.equal(moves({ dtype: "i64", shape: [2] }), null);
});

/** Whether a tensor in one layout is the same bytes in another. */
function sameLayout(type: TensorType, a: Layout, b: Layout): boolean {
  return liesIn(viewOf(type, a), type, b, physicalOf(type, a).length);
}

Deno.test("liesIn() holds exactly where the elements lie in the same places", () => {
  fc.assert(fc.property(shapes, fc.constantFrom(...LAYOUTS), fc.constantFrom(...LAYOUTS), (shape, a, b) => {
    const t = random(shape);
    const marked = { ...t, dtype: "f32" as const, data: Float32Array.from(t.data, (_, i) => i + 1) };
    const [p, q] = [arrange(marked, a), arrange(marked, b)];
    const alike = physicalOf(marked, a).length === physicalOf(marked, b).length &&
      p.every((value, i) => value === q[i]);
    assert.equal(sameLayout(marked, a, b), alike);
  }));
});

Deno.test("liesIn() lets a vector of channels pass between plain and nhwc", () => {
  assert(sameLayout({ dtype: "f32", shape: [2, 8, 1, 1] }, "plain", "nhwc"));
  assert(!sameLayout({ dtype: "f32", shape: [2, 6, 1, 1] }, "plain", "nhwc"));
  assert(!sameLayout({ dtype: "i8", shape: [1, 8, 1, 1] }, "plain", "nhwc"));
});
