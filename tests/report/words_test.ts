import assert from "node:assert/strict";
import type { ReportMetric } from "../../src/report/data.ts";
import { reportJson } from "../../src/report/data.ts";
import { countText, digitsText, durationText, msText, percentText } from "../../src/report/numbers.ts";
import { adviceOf, verdictOf } from "../../src/report/words.ts";
import { fullReport } from "./data.ts";

const DATA = fullReport();
const METRIC = DATA.metrics[0]!;

function headline(metric: Partial<ReportMetric>): string {
  return verdictOf({ ...DATA, metrics: [{ ...METRIC, ...metric }] }).headline;
}

Deno.test("verdictOf() says whether the limit is kept, and by how much", () => {
  assert.match(
    headline({}),
    /^Limit kept: top1 fell by 0\.0075, within the permitted 0\.0100, with 1 of 12 groups kept/,
  );
  assert.match(headline({ drop: -0.002 }), /top1 rose by 0\.0020/);
  assert.match(
    headline({ drop: 0.03, reached: false }),
    /^Limit missed: top1 fell by 0\.0300, more than the permitted/,
  );
  assert.equal(verdictOf({ ...DATA, metrics: [] }).good, null);
});

Deno.test("verdictOf() names the metric that misses its limit", () => {
  const metrics = [METRIC, { ...METRIC, name: "top5", drop: 0.05, reached: false }];
  const { good, headline } = verdictOf({ ...DATA, metrics });
  assert.equal(good, false);
  assert.match(headline, /top5 fell by 0\.0500/);
});

Deno.test("verdictOf() says what the interval leaves open", () => {
  const trust = (metric: Partial<ReportMetric>): string =>
    verdictOf({ ...DATA, metrics: [{ ...METRIC, ...metric }] }).details.join();
  const interval = (low: number, high: number) => ({ standardError: 0.001, low, high });
  assert.match(trust({ interval: interval(0.005, 0.009) }), /all of it within the limit/);
  assert.match(trust({ interval: interval(0.005, 0.012) }), /may be greater than 0\.0100/);
  assert.match(trust({ reached: false, interval: interval(0.005, 0.02) }), /more items could decide otherwise/);
  assert.doesNotMatch(trust({ reached: false, interval: interval(0.02, 0.03) }), /otherwise/);
});

Deno.test("verdictOf() tells of items that the search has not seen, and of a search that was stopped", () => {
  const holdout = { items: 1200, baseline: 0.9, result: 0.88, drop: 0.02 };
  const details = (metric: Partial<ReportMetric>): readonly string[] =>
    verdictOf({ ...DATA, metrics: [{ ...METRIC, ...metric }] }).details;
  assert.match(details({ holdout })[1]!, /On 1,200 items .* is 0\.0200, more than the permitted 0\.0100\.$/);
  assert.match(
    details({ holdout: { ...holdout, drop: 0.004, interval: { standardError: 0.002, low: 0.0001, high: 0.008 } } })[1]!,
    /is 0\.0040 \(95 % interval 0\.0001 to 0\.0080\), within/,
  );
  assert.match(details({ estimated: true })[0]!, /stopped before all items were run/);
});

Deno.test("adviceOf() names the costliest group, the recipe that helped and too few items", () => {
  const advice = adviceOf(DATA);
  const worst = DATA.groups.toSorted((a, b) => b.sensitivity! - a.sensitivity!)[0]!;
  assert.ok(advice[0]!.startsWith(`"${worst.id}" costs most`), advice[0]);
  assert.match(
    advice[1]!,
    /"equalization" takes 16\.3 dB of quantization noise from the outputs, compared with "min-max"/,
  );
  assert.match(advice[2]!, /800 validation items are too few .* about 2,100 are needed/);
  assert.equal(advice.length, 3);
});

Deno.test("adviceOf() asks for another recipe where most of the network is in FP32", () => {
  const groups = DATA.groups.map((group, i) => ({ ...group, reverted: i < 8 }));
  assert.ok(adviceOf({ ...DATA, groups }).some((text) => text.startsWith("67 % of the operations are in FP32")));
});

Deno.test("reportJson() gives back what it was given", () => {
  const { format, ...data } = JSON.parse(reportJson(DATA));
  assert.equal(format, "acqua report 1");
  assert.deepEqual(data, DATA);
});

Deno.test("numbers have sensible digits and units", () => {
  assert.deepEqual([0, 1234.5, 12.345, 0.0123456, 1.5e-7, 3e7, Infinity].map((x) => digitsText(x)), [
    ...["0", "1235", "12.3", "0.0123", "1.50e-7", "3.00e+7", "∞"],
  ]);
  assert.deepEqual([0, 0.00001, 0.005, 0.0567, 0.5, 1].map(percentText), [
    ...["0 %", "< 0.01 %", "0.50 %", "5.7 %", "50 %", "100 %"],
  ]);
  assert.deepEqual([0.01234, 1.234, 12.34, 123.4].map(msText), ["0.012 ms", "1.23 ms", "12.3 ms", "123 ms"]);
  assert.deepEqual([1.23, 45.6, 600, 7300].map(durationText), ["1.2 s", "46 s", "10 min", "2 h 2 min"]);
  assert.deepEqual([countText(1, "group"), countText(12345, "item")], ["1 group", "12,345 items"]);
});
