/** Where Deno programs keep which kernels are fastest on a device. @module */
import { cpus } from "node:os";
import type { TuningStore } from "../runtime/tuning.ts";

/**
 * A file for `openBackend(name, { tuning })`: by default acqua/tuning.json in the user's cache folder. Needs `--allow-env`,
 * `--allow-read` and `--allow-write`; what is not allowed is as if nothing were stored. With `--allow-sys=cpus` a folder that
 * machines share keeps apart what was found on different processors.
 */
export function tuningFile(path?: string): TuningStore {
  return {
    machine: processor(),
    async read() {
      try {
        return await Deno.readTextFile(path ?? defaultPath());
      } catch {
        return null;
      }
    },
    async write(text) {
      const file = path ?? defaultPath();
      const folder = file.replace(/[^/\\]*$/, "");
      if (folder) await Deno.mkdir(folder, { recursive: true });
      // Renamed into place, so that processes side by side read a whole file.
      const temporary = `${file}.${crypto.randomUUID()}`;
      await Deno.writeTextFile(temporary, text);
      await Deno.rename(temporary, file);
    },
  };
}

/** The model of the processor; empty where it may not be read. */
function processor(): string {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "cpus" });
  return state === "granted" ? cpus()[0]?.model ?? "" : "";
}

function defaultPath(): string {
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE") ?? ".";
  const cache = Deno.build.os === "windows"
    ? Deno.env.get("LOCALAPPDATA") ?? home
    : Deno.build.os === "darwin"
    ? `${home}/Library/Caches`
    : Deno.env.get("XDG_CACHE_HOME") || `${home}/.cache`;
  return `${cache}/acqua/tuning.json`;
}
