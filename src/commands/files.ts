/** Files of the command line. @module */
import { basename, dirname, join } from "node:path";
import type { Graph } from "../graph/graph.ts";
import { readOnnx } from "../onnx/read.ts";
import { OPS } from "../ops/mod.ts";

/**
 * The bytes of a file.
 *
 * @throws {Error} Where it cannot be read; the message names it.
 */
export async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(file);
  } catch (error) {
    throw new Error(`Cannot read "${file}": ${reasonOf(error)}`, { cause: error });
  }
}

/** The graph in an ONNX file whose operators can all be run. */
export async function readModel(file: string): Promise<Graph> {
  return readOnnx(await readBytes(file), { file, supports: (op) => Object.hasOwn(OPS, op) });
}

/**
 * Checks, before long work begins, that a file can be written later.
 *
 * @throws {Error} Where its folder does not exist or cannot be written to, or a folder has its name.
 */
export async function checkWritable(file: string): Promise<void> {
  const folder = dirname(file);
  const found = await Deno.stat(folder).catch((error: unknown) => {
    throw new Error(`Cannot write "${file}": ${reasonOf(error)}: "${folder}"`, { cause: error });
  });
  if (!found.isDirectory) throw new Error(`Cannot write "${file}": "${folder}" is no folder`);
  const old = await Deno.stat(file).catch(() => null);
  if (old?.isDirectory) throw new Error(`Cannot write "${file}": it is a folder`);
  const trial = temporaryFor(file);
  try {
    await Deno.writeFile(trial, new Uint8Array(), { createNew: true });
    await Deno.remove(trial);
  } catch (error) {
    throw new Error(`Cannot write "${file}": ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * Writes a file as a whole or not at all.
 *
 * @throws {Error} Where it cannot be written; the file is then as it was.
 */
export async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = temporaryFor(file);
  try {
    await Deno.writeFile(temporary, bytes, { createNew: true });
    await Deno.rename(temporary, file);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw new Error(`Cannot write "${file}": ${reasonOf(error)}`, { cause: error });
  }
}

function temporaryFor(file: string): string {
  return join(dirname(file), `.${basename(file)}.${crypto.randomUUID()}.tmp`);
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file or folder";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return error instanceof Error ? error.message : String(error);
}
