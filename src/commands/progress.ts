/** What a search tells, as lines of messages. @module */
import { durationText, metricText } from "../report/numbers.ts";
import type { SearchEvent, Stage, StageEvent } from "../search/progress.ts";
import type { Terminal } from "./command.ts";

const STAGES: Readonly<Record<Stage, string>> = {
  baseline: "metric of the FP32 model",
  calibration: "calibrating",
  int8: "metric of the INT8 model",
  ranking: "ranking groups",
  reverting: "reverting groups",
  pruning: "putting groups back",
  verifying: "running all items",
  holdout: "held-out items",
};

/** Stages that come again and again: a line for each would say little. */
const REPEATED: ReadonlySet<Stage> = new Set(["reverting", "pruning", "verifying"]);

/** Events that are worth a line. */
const TOLD: ReadonlySet<SearchEvent["type"]> = new Set(["revert", "probe"]);

/** A listener that tells of a search. */
export interface Progress {
  /** Takes what the search tells. */
  listen(event: SearchEvent): void;
  /** Clears the line on a screen. */
  end(): void;
}

/** Steps and seconds of a stage before its end is guessed. */
const [STEPS, SECONDS] = [2, 2];

/**
 * Tells of a search: on a screen in one line that changes, with the stage, the plans tried, the drop and the time that the
 * stage still takes; else in a line for each step.
 *
 * @param now A clock, in milliseconds.
 */
export function progressOf(terminal: Terminal, now: () => number = () => performance.now()): Progress {
  const { rewrite } = terminal;
  let stage: StageEvent | null = null;
  let [start, first, tried] = [0, 0, 0];
  let drop: number | null = null;
  let last: string | null = null;
  const note = (event: SearchEvent): void => {
    if (event.type === "stage") {
      if (event.stage !== stage?.stage) [start, first] = [now(), event.done];
      stage = event;
    } else if (event.type === "evaluation") {
      const { plan, drop: own } = event.evaluation;
      const key = JSON.stringify(plan);
      if (plan !== null && key !== last) tried++;
      last = key;
      if (plan !== null && own !== null) drop = own;
    }
  };
  const line = (): string => {
    if (!stage) return "";
    const seconds = (now() - start) / 1000;
    const steps = stage.done - first;
    const rest = stage.total === null ? 0 : stage.total - stage.done;
    const guess = steps >= STEPS && seconds >= SECONDS && rest > 0;
    return [
      stageText(stage),
      ...(tried > 0 ? [`${tried} ${tried === 1 ? "probe" : "probes"}`] : []),
      ...(drop === null ? [] : [`drop ${metricText(drop)}`]),
      ...(guess ? [`${durationText(seconds / steps * rest)} left`] : []),
    ].join(" · ");
  };
  return {
    listen(event): void {
      note(event);
      if (rewrite) {
        rewrite(line());
      } else if (event.type === "stage" ? event.done === 0 && !REPEATED.has(event.stage) : TOLD.has(event.type)) {
        terminal.error(textOf(event));
      } else if (event.type === "evaluation" && event.evaluation.full) {
        terminal.error(textOf(event));
      }
    },
    end: () => rewrite?.(""),
  };
}

function stageText({ stage, done, total }: StageEvent): string {
  if (total === null) return done > 0 ? `${STAGES[stage]} ${done}` : STAGES[stage];
  return total > 1 ? `${STAGES[stage]} ${done}/${total}` : STAGES[stage];
}

function textOf(event: SearchEvent): string {
  switch (event.type) {
    case "stage":
      return stageText(event);
    case "evaluation": {
      const { metric, seconds, plan } = event.evaluation;
      const model = plan === null ? "FP32" : plan.length === 0 ? "INT8" : `INT8, ${plan.length} reverted`;
      return `  ${model}: ${metric.toFixed(4)} (${seconds.toFixed(1)} s)`;
    }
    case "revert": {
      const step = `${event.before.toFixed(4)} -> ${event.after.toFixed(4)}`;
      return `  ${event.accepted ? "kept in FP32" : "taken back"}: ${event.group} (${step})`;
    }
    case "sensitivity":
      return `  ${event.group}: ${event.divergence.toPrecision(3)}`;
    case "probe": {
      const verdict = { pass: "kept", likely: "likely kept", fail: "not kept" }[event.verdict];
      return `  ${event.plan.length} in FP32: drop ${event.drop.toFixed(4)}, limit ${verdict}`;
    }
  }
  return event satisfies never;
}
