/** A last measurement on items that the search has not seen. @module */
import { planName } from "./plans.ts";
import type { Plan } from "../graph/quantizers.ts";
import { decodeNumbers, encodeNumber, encodeNumbers } from "./encoding.ts";
import type { Records } from "./journal.ts";
import { type DropType, limitOf } from "./limit.ts";
import { EvaluationFailure, type Evaluator, type Score } from "./measure.ts";
import type { Holdout } from "./outcome.ts";
import { isMeanOf, toScore } from "./score.ts";
import { intervalOf } from "./statistics.ts";

/** Measures the FP32 model and a plan on held-out items. */
export async function measureHoldout(
  evaluator: Evaluator,
  plan: Plan,
  records: Records,
  { maxDrop, dropType }: { readonly maxDrop: number; readonly dropType: DropType },
): Promise<Holdout> {
  const before = await measure(evaluator, null, records);
  const after = await measure(evaluator, plan, records);
  const additive = isMeanOf(before) && isMeanOf(after);
  return {
    items: evaluator.items,
    baselineMetric: before.metric,
    metric: after.metric,
    drop: limitOf(before, { maxDrop, dropType, additive: () => additive }).dropOf(after),
    interval: additive ? intervalOf(before.perItem!, after.perItem!) : null,
  };
}

async function measure(evaluator: Evaluator, plan: Plan | null, records: Records): Promise<Score> {
  const key = `holdout ${planName(plan)}`;
  const found = records.find(key);
  if (found) {
    return { metric: Number(found["metric"]), perItem: found["perItem"] ? decodeNumbers(found["perItem"]) : null };
  }
  const what = `${plan === null ? "the FP32 model" : "the model found"} (${evaluator.items} held-out items)`;
  let result: unknown;
  try {
    result = await evaluator.evaluate(plan, null);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new EvaluationFailure("thrown", `Cannot evaluate ${what}: ${text}`, cause);
  }
  const score = toScore(result, evaluator.items, what);
  const { metric, perItem } = score;
  await records.add(key, { metric: encodeNumber(metric), perItem: perItem && encodeNumbers(perItem) });
  return score;
}
