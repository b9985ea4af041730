import assert from "node:assert/strict";
import { progressOf } from "../../src/commands/progress.ts";
import type { SearchEvent } from "../../src/search/progress.ts";

const stage = (name: "calibration" | "ranking" | "reverting", done: number, total: number | null): SearchEvent => ({
  ...{ type: "stage", stage: name, done, total },
});

const evaluation = (plan: readonly string[] | null, drop: number | null): SearchEvent => ({
  type: "evaluation",
  evaluation: { plan, items: 10, full: drop !== null, metric: 0.8, drop, seconds: 1.25 },
});

const REVERT: SearchEvent = {
  ...{ type: "revert", group: "conv1", accepted: true, before: 0.7, after: 0.8, drop: 0.1 },
};

Deno.test("progressOf() keeps one line on a screen: stage, probes, drop and the time left", () => {
  const lines: string[] = [];
  let now = 0;
  const terminal = { out: assert.fail, error: assert.fail, rewrite: (text: string) => lines.push(text) };
  const { listen, end } = progressOf(terminal, () => now);
  const steps: [number, SearchEvent, string][] = [
    [0, stage("calibration", 0, null), "calibrating"],
    [1000, stage("calibration", 1, 300), "calibrating 1/300"],
    [4000, stage("calibration", 4, 300), "calibrating 4/300 · 5 min left"],
    [5000, evaluation(null, 0), "calibrating 4/300 · 6 min left"],
    [6000, evaluation([], 0.2125), "calibrating 4/300 · 1 probe · drop 0.2125 · 7 min left"],
    [7000, stage("ranking", 0, 29), "ranking groups 0/29 · 1 probe · drop 0.2125"],
    [8000, stage("ranking", 1, 29), "ranking groups 1/29 · 1 probe · drop 0.2125"],
    [9000, evaluation(["conv1"], null), "ranking groups 1/29 · 2 probes · drop 0.2125"],
    [11000, stage("ranking", 2, 29), "ranking groups 2/29 · 2 probes · drop 0.2125 · 54 s left"],
    [12000, stage("reverting", 1, null), "reverting groups 1 · 2 probes · drop 0.2125"],
    [13000, evaluation(["conv1", "conv2"], 0.01), "reverting groups 1 · 3 probes · drop 0.0100"],
  ];
  for (const [time, event, line] of steps) {
    now = time;
    listen(event);
    assert.equal(lines.at(-1), line);
  }
  end();
  assert.equal(lines.at(-1), "");
});

Deno.test("progressOf() counts blocks of one plan in a row as one probe", () => {
  let line = "";
  const { listen } = progressOf({ out: assert.fail, error: assert.fail, rewrite: (text) => line = text });
  listen(stage("reverting", 0, null));
  for (const plan of [["a"], ["a"], ["a", "b"], ["a", "b"]]) listen(evaluation(plan, null));
  assert.equal(line, "reverting groups · 2 probes");
});

Deno.test("progressOf() writes a line for each step where there is no screen", () => {
  const lines: string[] = [];
  const { listen, end } = progressOf({ out: assert.fail, error: (text) => lines.push(text), rewrite: null });
  for (
    const event of [
      stage("calibration", 0, null),
      stage("calibration", 5, 300),
      evaluation([], 0.2),
      stage("ranking", 0, 2),
      evaluation(["conv1"], null),
      stage("ranking", 1, 2),
      REVERT,
    ]
  ) listen(event);
  end();
  assert.deepEqual(lines, [
    "calibrating",
    "  INT8: 0.8000 (1.3 s)",
    "ranking groups 0/2",
    "  kept in FP32: conv1 (0.7000 -> 0.8000)",
  ]);
});
