import assert from "node:assert/strict";
import { join } from "node:path";
import { journalFile } from "../../src/commands/journal_file.ts";
import { guided } from "../../src/search/guided.ts";
import { type Journal, type JournalHeader, memoryJournal, openRecords } from "../../src/search/journal.ts";
import type { SearchOutcome } from "../../src/search/outcome.ts";
import { searchPlan } from "../../src/search/search.ts";
import { type Classifier, classifierOf } from "./classifier.ts";

const HEADER: JournalHeader = {
  model: "m",
  calibration: "c",
  validation: "v",
  options: { maxDrop: 0.01, cost: "macs" },
};

Deno.test("openRecords() gives back what was added", async () => {
  const journal = memoryJournal();
  const records = await openRecords(journal, HEADER);
  await records.add("a", { metric: 0.1 });
  await records.add("b", { metric: "Infinity" });
  const again = await openRecords(journal, HEADER);
  assert.equal(again.resumed, 2);
  assert.equal(again.find("a")!["metric"], 0.1);
  assert.equal(again.find("c"), undefined);
  assert.equal(journal.text().split("\n").length, 4);
});

Deno.test("openRecords() leaves out a last line that was cut", async () => {
  const journal = memoryJournal();
  await (await openRecords(journal, HEADER)).add("a", { metric: 1 });
  const cut = memoryJournal(journal.text() + '{"key":"b","met');
  assert.equal((await openRecords(cut, HEADER)).resumed, 1);
});

for (
  const [title, header, message] of [
    ["another model", { ...HEADER, model: "x" }, /another model$/],
    ["other data", { ...HEADER, validation: "x" }, /another validation set$/],
    ["other calibration items", { ...HEADER, calibration: "x" }, /another calibration set$/],
    [
      "another option",
      { ...HEADER, options: { maxDrop: 0.02, cost: "macs" } },
      /option "maxDrop" \(0.01 in the .* 0.02 now/,
    ],
    ["an option more", { ...HEADER, options: { ...HEADER.options, seed: 1 } }, /option "seed" \(not set in .* 1 now/],
    ["all of that", { ...HEADER, model: "x", options: {} }, /model, and another option "maxDrop".*, and .*"cost"/],
  ] as const
) {
  Deno.test(`openRecords() refuses a journal of ${title}`, async () => {
    const journal = memoryJournal();
    await openRecords(journal, HEADER);
    await assert.rejects(openRecords(journal, header), { name: "RangeError", message });
  });
}

Deno.test("openRecords() refuses what is no journal", async () => {
  await assert.rejects(openRecords(memoryJournal("hello\n"), HEADER), { name: "SyntaxError", message: /line 1 / });
  await assert.rejects(openRecords(memoryJournal("{}\n"), HEADER), { name: "SyntaxError", message: /first line/ });
});

function searchOn(classifier: Classifier, journal: Journal): Promise<SearchOutcome> {
  return openRecords(journal, HEADER).then((records) =>
    searchPlan({
      ...{ evaluator: classifier, records, prepare: () => classifier.groups, strategy: guided() },
      ...{ maxDrop: 0.01, dropType: "absolute", finish: (outcome) => outcome },
    })
  );
}

const NOISE = [0.005, 1.2, 0.01, 0.7, 0.005, 0.5, 0.01];

Deno.test("a search goes on from any line of its journal, and measures nothing again", async () => {
  const whole = memoryJournal();
  const first = classifierOf({ noise: NOISE });
  const wanted = await searchOn(first, whole);
  const lines = whole.text().split("\n").slice(0, -1);
  for (let kept = 0; kept <= lines.length; kept += 3) {
    const classifier = classifierOf({ noise: NOISE });
    const result = await searchOn(classifier, memoryJournal(lines.slice(0, kept).map((line) => `${line}\n`).join("")));
    assert.deepEqual({ ...result, seconds: 0, evaluations: [] }, { ...wanted, seconds: 0, evaluations: [] });
    assert.equal(classifier.calls(), first.calls() - Math.max(0, kept - 1));
  }
});

Deno.test("journalFile() appends lines, and takes off a last one that was cut", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "journal.jsonl");
  const journal = journalFile(path);
  assert.equal(await journal.read(), "");
  await journal.append("ä\n");
  Deno.writeTextFileSync(path, "torn", { append: true });
  assert.equal(await journal.read(), "ä\n");
  await journal.append("b\n");
  assert.equal(Deno.readTextFileSync(path), "ä\nb\n");
  await Deno.remove(folder, { recursive: true });
});
