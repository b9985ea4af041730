import assert from "node:assert/strict";
import { cpus } from "node:os";
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

Deno.test("tuningFile() tells machines apart by their processor", () => {
  assert.equal(tuningFile().machine, cpus()[0]?.model ?? "");
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

Deno.test("tuningFile() is empty where the environment may not be read", async () => {
  const module = new URL("../../src/commands/tuning_file.ts", import.meta.url).href;
  const code = `import { cpus } from "node:os";
import { tuningFile } from "${module}"; console.log(await tuningFile().read());`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, code);
  const args = ["run", "--no-prompt", "--no-config", "--no-lock", "--no-check", "--allow-read", file];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
  assert.equal(new TextDecoder().decode(stdout).trim(), "null", new TextDecoder().decode(stderr));
  await Deno.remove(file);
});
