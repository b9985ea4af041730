/** Journals of searches as files. @module */
import type { Journal } from "../search/journal.ts";

/**
 * A file for `quantizeWithAccuracyControl(..., { journal })`. Each line is on disk before the search goes on; a last line that
 * a kill cut short is taken off. Needs `--allow-read` and `--allow-write`. Its folder must exist.
 */
export function journalFile(path: string): Journal {
  return {
    async read() {
      const text = await readOrEmpty(path);
      const whole = text.slice(0, text.lastIndexOf("\n") + 1);
      if (whole.length < text.length) await Deno.truncate(path, new TextEncoder().encode(whole).length);
      return whole;
    },
    async append(line) {
      using file = await Deno.open(path, { create: true, append: true });
      const bytes = new TextEncoder().encode(line);
      for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
      await file.sync();
    },
  };
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
