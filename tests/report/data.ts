/** Reports to show. */
import type { ReportData, ReportGroup } from "../../src/report/data.ts";

/** Numbers that look drawn, the same for the same place. */
const wave = (i: number, step: number): number => 0.5 + 0.5 * Math.sin(i * step);

/** A report with every part, over `count` groups. Every eleventh group is reverted. */
export function fullReport(count = 12, nameOf: (i: number) => string = (i) => `block${i}/conv`): ReportData {
  const groups = Array.from({ length: count }, (_, i): ReportGroup => ({
    id: nameOf(i),
    nodes: [nameOf(i), `${nameOf(i)}/add`],
    operators: ["Conv", "Add"],
    reverted: i % 11 === 3,
    ...(i % 11 === 3 && { reason: "in FP32 the metric goes from 0.8000 to 0.8900" }),
    sensitivity: 10 ** (-4 * wave(i, 1.7)),
    sqnrDb: i === 0 ? null : 10 + 40 * wave(i, 1.7),
    macsShare: 1 / count,
  }));
  const reverted = groups.filter((group) => group.reverted).length;
  return {
    model: "network.onnx",
    sizes: { before: 4_000_000, after: 1_100_000 },
    metrics: [{
      name: "top1",
      baseline: 0.9,
      int8: 0.7,
      result: 0.8925,
      drop: 0.0075,
      maxDrop: 0.01,
      dropType: "absolute",
      reached: true,
      items: 800,
      interval: { standardError: 0.0041, low: -0.0005, high: 0.0155, itemsNeeded: 2100 },
      exported: 0.8925,
    }],
    groups,
    sensitivity: { measure: "kl", items: 32 },
    evaluations: [
      { reverted: null, items: 800, full: true, metric: 0.9, drop: null, seconds: 2, accepted: false },
      { reverted: 0, items: 800, full: true, metric: 0.7, drop: 0.2, seconds: 2, accepted: false },
      { reverted: 1, items: 150, full: false, metric: 0.8, drop: 0.05, seconds: 1, accepted: false },
      { reverted, items: 800, full: true, metric: 0.8925, drop: 0.0075, seconds: 2, accepted: true },
    ],
    pareto: [
      { reverted: 0, drop: 0.2, fp32Share: 0, front: true, accepted: false, bytes: 1e6, ms: 3 },
      { reverted: 1, drop: 0.25, fp32Share: 0.1, front: false, accepted: false, bytes: 1.1e6, ms: 3.2 },
      { reverted, drop: 0.0075, fp32Share: 0.2, front: true, accepted: true, bytes: 1.2e6, ms: 3.5 },
    ],
    recipes: [
      { name: "min-max", sqnrDb: 11.2, drop: 0.2, chosen: false },
      { name: "equalization", sqnrDb: 27.5, chosen: true },
    ],
    ranges: groups.flatMap(({ id, reverted }) => [
      {
        ...{ value: `${id}.weight`, kind: "weight", dtype: "i8", channels: 16, scale: [0.001, 0.2], zeroPoint: [0, 0] },
        ...{ representable: [-25.6, 25.4], seen: [-20, 25.4], clipped: 0, used: !reverted },
      } as const,
      {
        ...{ value: `${id}.out`, kind: "activation", dtype: "u8", channels: 1, scale: [0.05, 0.05], zeroPoint: [3, 3] },
        ...{ representable: [-0.15, 12.6], seen: [-0.2, 17], clipped: 0.0123, used: !reverted },
      } as const,
    ]),
    times: {
      inputs: { x: [1, 3, 32, 32] },
      clock: "timestamps of the device",
      rounds: 5,
      endToEnd: { fp32Ms: 12, int8Ms: 4, resultMs: 5 },
      layers: groups.map(({ id, reverted }, i) => ({
        ...{ node: id, operator: "Conv", reverted },
        ...{ fp32Ms: 1 + wave(i, 0.9), int8Ms: i === 1 ? null : 0.4 + wave(i, 1.3), resultMs: 0.6 },
      })),
    },
    cost: { evaluations: 4, itemInferences: 2550, seconds: 75 },
    advice: ["More validation items would tell more."],
    warnings: ['The scale of weights "w" was raised'],
    run: {
      command: "acqua quantize network.onnx --max-drop 0.01",
      date: "2031-02-03T04:05:06.000Z",
      backend: "webgpu",
      device: "Some GPU",
      versions: { acqua: "0.1.0", Deno: "2.9.6" },
      options: { maxDrop: 0.01, ignoredScope: { names: ["head"] } },
      files: [{ role: "FP32 model", path: "network.onnx", bytes: 4_000_000, sha256: "ab".repeat(32) }],
    },
  };
}
