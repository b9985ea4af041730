/** What a search tells, as lines of messages. @module */
import type { SearchEvent, Stage } from "../search/progress.ts";
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
const STEPS: ReadonlySet<SearchEvent["type"]> = new Set(["revert", "probe"]);

/** A listener that tells of a search: on a screen in one line that changes, else in a line for each step. */
export function progressOf(terminal: Terminal): { listen(event: SearchEvent): void; end(): void } {
  const { rewrite } = terminal;
  return {
    listen(event): void {
      if (rewrite) {
        if (event.type !== "evaluation" && event.type !== "sensitivity") rewrite(textOf(event));
      } else if (event.type === "stage" ? event.done === 0 && !REPEATED.has(event.stage) : STEPS.has(event.type)) {
        terminal.error(textOf(event));
      } else if (event.type === "evaluation" && event.evaluation.full) {
        terminal.error(textOf(event));
      }
    },
    end: () => rewrite?.(""),
  };
}

function textOf(event: SearchEvent): string {
  switch (event.type) {
    case "stage": {
      const { stage, done, total } = event;
      if (total === null) return done > 0 ? `${STAGES[stage]} ${done}` : STAGES[stage];
      return total > 1 ? `${STAGES[stage]} ${done}/${total}` : STAGES[stage];
    }
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
