/** A program that searches with a journal, slowly enough to be killed; it prints each measurement and then the result. */
import { journalFile } from "../../src/commands/journal_file.ts";
import { guided } from "../../src/search/guided.ts";
import { openRecords } from "../../src/search/journal.ts";
import { searchPlan } from "../../src/search/search.ts";
import { classifierOf } from "./classifier.ts";

const [path, delay] = Deno.args as [string, string];
const classifier = classifierOf({
  noise: [0.005, 1.2, 0.01, 0.7, 0.005, 0.5, 0.01, 0.3, 0.3, 0.01, 0.02, 0.2],
  items: 400,
  unlabelled: 16,
});
const slowly = async <T>(what: string, measure: () => Promise<T>): Promise<T> => {
  console.log(`measure ${what}`);
  await new Promise((resolve) => setTimeout(resolve, Number(delay)));
  return await measure();
};
const records = await openRecords(path === "" ? null : journalFile(path), {
  ...{ model: "m", calibration: "c", validation: "v", options: {} },
});
const result = await searchPlan({
  evaluator: {
    items: classifier.items,
    unlabelled: 16,
    kept: () => classifier.kept!(),
    shareOf: (plan) => classifier.shareOf!(plan),
    evaluate: (plan, items) =>
      slowly(`${plan && [...plan].sort()} ${items}`, async () => await classifier.evaluate(plan, items)),
    forecast: (plan, count, kept) =>
      slowly(`forecast ${[...plan].sort()} ${count}`, () => classifier.forecast!(plan, count, kept)),
  },
  ...{ records, prepare: () => classifier.groups, strategy: guided(), maxDrop: 0.01, dropType: "absolute" },
  finish: ({ plan, metric, itemInferences }) => ({ plan: [...plan], metric, itemInferences }),
});
console.log(`result ${JSON.stringify(result)}`);
