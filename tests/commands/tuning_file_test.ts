import assert from "node:assert/strict";
import { tuningFile } from "../../src/commands/tuning_file.ts";

Deno.test("tuningFile() keeps a text in a file, whose folder it makes", async () => {
  const root = await Deno.makeTempDir();
  const store = tuningFile(`${root}/a/b/tuning.json`);
  assert.equal(await store.read(), null);
  await store.write("one");
  await store.write("two");
  assert.equal(await store.read(), "two");
  assert.deepEqual(Array.from(Deno.readDirSync(`${root}/a/b`), ({ name }) => name), ["tuning.json"]);
  await Deno.remove(root, { recursive: true });
});

Deno.test("tuningFile() lies in the user's cache folder", async () => {
  const root = await Deno.makeTempDir();
  const names = ["XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"];
  const before = names.map((name) => Deno.env.get(name));
  for (const name of names) Deno.env.set(name, root);
  try {
    await tuningFile().write("own");
    const folder = Deno.build.os === "darwin" ? `${root}/Library/Caches` : root;
    assert.equal(await Deno.readTextFile(`${folder}/acqua/tuning.json`), "own");
  } finally {
    names.forEach((name, i) => before[i] === undefined ? Deno.env.delete(name) : Deno.env.set(name, before[i]!));
    await Deno.remove(root, { recursive: true });
  }
});
