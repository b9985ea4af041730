import assert from "node:assert/strict";
import { join } from "node:path";
import { randomFrom } from "../../src/search/order.ts";

const PROGRAM = new URL("killed_search.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** Runs the search until it has printed `lines` lines and a moment more, then kills it; to its end where that is `null`. */
async function run(path: string, lines: number | null, random: () => number): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--config", CONFIG, "--allow-read", "--allow-write", PROGRAM, path, path ? "8" : "0"],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (lines !== null && text.split("\n").length > lines) {
      await new Promise((resolve) => setTimeout(resolve, 10 * random()));
      try {
        child.kill("SIGKILL");
      } catch {
        // It was faster.
      }
      lines = null;
    }
  }
  await child.status;
  return text.split("\n").slice(0, -1);
}

Deno.test("a search that is killed ten times ends as an undisturbed one, and repeats one measurement for each kill at most", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "journal.jsonl");
  const random = randomFrom(Date.now());
  const wanted = await run("", null, random);
  assert.ok(wanted.length > 40, `${wanted.length} measurements`);
  let done: string[] = [];
  let kills = 0;
  for (let killed = true; killed;) {
    const lines = kills < 10 ? 1 + Math.floor(random() * (wanted.length / 8)) : null;
    const own = await run(path, lines, random);
    killed = !own.at(-1)?.startsWith("result");
    if (killed) kills++;
    done = [...done, ...own];
  }
  assert.equal(done.at(-1), wanted.at(-1));
  const measured = done.filter((line) => line.startsWith("measure"));
  assert.equal(new Set(measured).size, wanted.length - 1);
  assert.ok(measured.length <= wanted.length - 1 + kills, `${measured.length} measurements, ${kills} kills`);
  await Deno.remove(folder, { recursive: true });
});
