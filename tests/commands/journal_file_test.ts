import assert from "node:assert/strict";
import { CONTROL, folder, run } from "./fixture.ts";

Deno.test("quantize goes on from its journal, and refuses that of another call", async () => {
  await using dir = await folder();
  const line = `${CONTROL} --json --quiet --journal @journal.jsonl`;
  const first = JSON.parse((await run(dir, line)).out[0]!);
  const journal = Deno.readTextFileSync(dir.path("journal.jsonl"));
  assert.ok(journal.split("\n").length > 4);
  const again = JSON.parse((await run(dir, line)).out[0]!);
  assert.deepEqual({ ...again, seconds: 0 }, { ...first, seconds: 0 });
  assert.equal(Deno.readTextFileSync(dir.path("journal.jsonl")), journal);
  const { code, errors } = await run(dir, `${line} --max-drop 0.02`);
  assert.equal(code, 1);
  assert.match(errors.at(-1)!, /option "maxDrop" \(0\.01 in the journal, 0\.02 now\)/);
});

Deno.test("quantize goes on from the journal of a call that was stopped", async () => {
  await using dir = await folder();
  const line = `${CONTROL} --json --quiet --journal @journal.jsonl`;
  const stopped = await run(dir, `${line} --budget evaluations=2`);
  assert.equal(stopped.code, 3);
  const whole = JSON.parse((await run(dir, line)).out[0]!);
  assert.deepEqual(whole.reverted, ["head"]);
  const again = JSON.parse((await run(dir, line)).out[0]!);
  assert.equal(again.metric, whole.metric);
  const other = await run(dir, `${line} --max-drop 0.5`);
  assert.equal(other.code, 1);
  assert.match(other.errors.join("\n"), /journal/);
});
