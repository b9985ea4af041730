import assert from "node:assert/strict";
import fc from "fast-check";
import { binOf, BINS } from "../../src/ops/histogram.ts";
import { distributionOf, distributionOfCounts, magnitudes, quantile } from "../../src/quant/distribution.ts";
import { levelsOf, type QuantizerForm } from "../../src/quant/parameters.ts";
import { errorOf, leastErrorRange, normRange, type Range } from "../../src/quant/range_search.ts";
import { random } from "../ops/harness.ts";

const SYMMETRIC: QuantizerForm = { kind: "activation", mode: "symmetric", narrowRange: false };
const ASYMMETRIC: QuantizerForm = { ...SYMMETRIC, mode: "asymmetric" };

/** Numbers like those of a normal distribution around `mean`, some of them far off. */
function bell(count: number, mean: number, outlier: number): Float32Array {
  const [u, v] = [random([count], 3, 1e-6, 1).data, random([count], 4, 0, 2 * Math.PI).data];
  const numbers = Float32Array.from(u, (own, i) => mean + Math.sqrt(-2 * Math.log(own)) * Math.cos(v[i]!));
  numbers[0] = outlier;
  return numbers;
}

function counted(numbers: Float32Array) {
  const counts = new Int32Array(BINS);
  for (const x of numbers) counts[binOf(x)]!++;
  return distributionOfCounts(counts, { min: Math.min(...numbers), max: Math.max(...numbers) });
}

/** The error by its definition. */
function measured(numbers: Float32Array, { min, max }: Range, form: QuantizerForm): number {
  const { low, high, count } = levelsOf({ min: Float32Array.of(min), max: Float32Array.of(max) }, form);
  const step = (high[0]! - low[0]!) / (count - 1);
  const squares = numbers.map((x) => {
    const inside = Math.min(Math.max(x, low[0]!), high[0]!);
    return (low[0]! + Math.round((inside - low[0]!) / step) * step - x) ** 2;
  });
  return squares.reduce((a, b) => a + b, 0) / numbers.length;
}

Deno.test("errorOf() is the mean squared error, exactly on known numbers and closely on bins", () => {
  const numbers = bell(20_000, 0.5, 30);
  for (const form of [SYMMETRIC, ASYMMETRIC]) {
    for (const range of [{ min: -4, max: 30 }, { min: -2, max: 3 }, { min: -5, max: 6 }, { min: -1, max: 60 }]) {
      const exact = measured(numbers, range, form);
      const ofNumbers = errorOf(distributionOf(numbers), range, form);
      const ofBins = errorOf(counted(numbers), range, form);
      assert(Math.abs(ofNumbers - exact) <= 1e-4 * exact, `${ofNumbers} is not ${exact}`);
      assert(Math.abs(ofBins - exact) <= 0.05 * exact, `${ofBins} is not nearly ${exact}`);
    }
  }
});

Deno.test("leastErrorRange() has less error than any range of a grid", () => {
  const numbers = bell(4000, 0.7, 25);
  for (const distribution of [distributionOf(numbers), counted(numbers)]) {
    for (const form of [SYMMETRIC, ASYMMETRIC]) {
      const least = errorOf(distribution, leastErrorRange(distribution, form), form);
      for (let low = 0.05; low <= 1; low += 0.05) {
        for (let high = 0.01; high <= 1; high += 0.01) {
          const range = form.mode === "symmetric"
            ? { min: distribution.min, max: distribution.max * high }
            : { min: distribution.min * low, max: distribution.max * high };
          assert(least <= 1.02 * errorOf(distribution, range, form), `${JSON.stringify(range)} is better`);
        }
      }
    }
  }
});

Deno.test("leastErrorRange() cuts off a number that is far from very many", () => {
  const few = distributionOf(bell(20_000, 0, 12));
  const counts = few.counts.map((count, i) => few.high[i] === few.max ? count : 1000 * count);
  const many = { ...few, counts, total: counts.reduce((a, b) => a + b, 0) };
  for (const form of [SYMMETRIC, ASYMMETRIC]) {
    const range = leastErrorRange(many, form);
    assert(range.max < 6, JSON.stringify(range));
    assert(errorOf(many, range, form) < errorOf(many, { min: many.min, max: many.max }, form) / 2);
  }
});

Deno.test("leastErrorRange() keeps to what there is: one sign, one number, nothing but zero", () => {
  assert.equal(leastErrorRange(distributionOf([1, 2, 3]), ASYMMETRIC).min, 0);
  assert.equal(leastErrorRange(distributionOf([-1, -2, -3]), ASYMMETRIC).max, 0);
  assert.deepEqual(leastErrorRange(distributionOf([0, 0]), ASYMMETRIC), { min: 0, max: 0 });
  assert.deepEqual(leastErrorRange(distributionOf([0, 0]), SYMMETRIC), { min: 0, max: 0 });
});

/** From `HistogramAggregator` of NNCF 3.2 over the same numbers. */
const NORM_RANGES: readonly [name: string, Float32Array, Range][] = [
  ["a bell", bell(20_000, 0, 3), { min: -3.67946076, max: 3.74544095 }],
  ["an outlier", bell(20_000, 0.5, 30), { min: -3.17946076, max: 29.98379909 }],
  ["negative numbers", bell(20_000, -2, -40), { min: -40, max: 1.80564385 }],
  ["behind a Relu", bell(20_000, 0, 12).map((x) => Math.max(0, x)), { min: 0, max: 11.99414063 }],
  ["evenly spread", random([5000], 9).data as Float32Array, { min: -0.99941510, max: 0.99873693 }],
];
for (const [name, numbers, { min, max }] of NORM_RANGES) {
  Deno.test(`normRange() finds the range that NNCF finds: ${name}`, () => {
    const range = normRange(distributionOf(numbers));
    const off = [range.min - min, range.max - max].map(Math.abs);
    assert(off.every((own) => own <= 1e-5), `${JSON.stringify(range)}, not ${JSON.stringify({ min, max })}`);
    const binned = normRange(counted(numbers));
    const slack = 0.032 * Math.max(-min, max);
    assert(Math.abs(binned.min - min) <= slack && Math.abs(binned.max - max) <= slack, JSON.stringify(binned));
  });
}

Deno.test("normRange() of a single number is that number", () => {
  assert.deepEqual(normRange(distributionOf([2, 2])), { min: 2, max: 2 });
});

Deno.test("quantile() is exact at the ends, within a bin between them, and never falls", () => {
  fc.assert(fc.property(
    fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 1, maxLength: 200 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    (given, probability) => {
      const numbers = Float32Array.from(given);
      const [exact, binned] = [distributionOf(numbers), counted(numbers)];
      assert.equal(quantile(binned, 0), Math.min(...numbers));
      assert.equal(quantile(binned, 1), Math.max(...numbers));
      const ascending = Array.from(numbers).sort((a, b) => a - b);
      const place = probability * (ascending.length - 1);
      const [below, above] = [ascending[Math.floor(place)]!, ascending[Math.ceil(place)]!];
      for (const own of [quantile(exact, probability), quantile(binned, probability)]) {
        const slack = 0.033 * Math.max(Math.abs(below), Math.abs(above)) + 1e-6;
        assert(below - slack <= own && own <= above + slack, `${own} is not in [${below}, ${above}]`);
      }
      assert(quantile(binned, probability) <= quantile(binned, Math.min(1, probability + 0.1)) + 1e-9);
    },
  ));
});

Deno.test("magnitudes() forgets signs", () => {
  const own = magnitudes(distributionOf([-3, -1, 0, 2]));
  assert.deepEqual([own.min, own.max, own.total, ...own.low], [0, 3, 4, 0, 1, 2, 3]);
  assert.deepEqual([magnitudes(distributionOf([-3, -2])).min, magnitudes(distributionOf([-3, -2])).max], [2, 3]);
});
