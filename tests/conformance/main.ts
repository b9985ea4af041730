/**
 * The ONNX backend node tests, on the GPU and on the CPU backend: `deno task conformance [--backend cpu] [name ...]`.
 *
 * Prints a table by operator, then each failure; ends with status 1 where a test fails that is not in the skip list.
 */
import { parseArgs } from "@std/cli/parse-args";
import type { Backend } from "../../src/runtime/backend.ts";
import { openBackend } from "../../src/runtime/open.ts";
import { sharedData } from "../data.ts";
import { type NodeTest, readNodeTests } from "./node_tests.ts";
import { failureOf } from "./run.ts";
import { reasonToSkip } from "./skipped.ts";

/** The name of the archive below ../shared/data. */
const ARCHIVE = "onnx_tests/node_tests_v1.22.0.tgz";

interface Outcome {
  readonly test: NodeTest;
  /** What is wrong, by backend. */
  readonly failures: ReadonlyMap<string, string>;
  /** Why it is not run. */
  readonly skipped: string | null;
}

async function outcomesOf(tests: readonly NodeTest[], backends: readonly Backend[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const test of tests) {
    const skipped = reasonToSkip(test);
    const failures = new Map<string, string>();
    for (const backend of skipped ? [] : backends) {
      const failure = await failureOf(test, backend);
      if (failure) failures.set(backend.name, failure);
    }
    outcomes.push({ test, failures, skipped });
  }
  return outcomes;
}

function count(outcomes: readonly Outcome[], backend: string): { passed: number; failed: number; skipped: number } {
  const skipped = outcomes.filter((own) => own.skipped !== null).length;
  const failed = outcomes.filter((own) => own.failures.has(backend)).length;
  return { passed: outcomes.length - skipped - failed, failed, skipped };
}

function print(outcomes: readonly Outcome[], backends: readonly string[]): void {
  const heads = backends.flatMap((name) => [`${name} passed`, "failed"]);
  const rows = [...Map.groupBy(outcomes, ({ test }) => test.operator)].sort(([a], [b]) => a < b ? -1 : 1);
  const line = (name: string, own: readonly Outcome[]): string[] => {
    const counts = backends.map((backend) => count(own, backend));
    return [name, ...counts.flatMap(({ passed, failed }) => [passed, failed]).map(String), `${count(own, "").skipped}`];
  };
  const table = [
    ["operator", ...heads, "skipped"],
    ...rows.map(([operator, own]) => line(operator, own)),
    line("all", outcomes),
  ];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table) {
    console.log(row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  "));
  }
  console.log("\nSkipped, by reason:");
  const reasons = Map.groupBy(outcomes.filter((own) => own.skipped !== null), (own) => own.skipped!);
  for (const [reason, own] of [...reasons].sort((a, b) => b[1].length - a[1].length)) {
    console.log(`${String(own.length).padStart(5)}  ${reason}`);
  }
  for (const { test, failures } of outcomes) {
    for (const [backend, failure] of failures) console.log(`FAILED ${test.name} (${backend}): ${failure}`);
  }
}

const start = performance.now();
const args = parseArgs(Deno.args, { string: ["backend"] });
const archive = sharedData(ARCHIVE);
if (!archive) {
  console.log(`No ../shared/data/${ARCHIVE}: nothing is run.`);
} else {
  const wanted: string[] = args._.map(String);
  const tests = (await readNodeTests(Deno.readFileSync(archive)))
    .filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  const names = args.backend === "cpu" || args.backend === "webgpu" ? [args.backend] : ["webgpu", "cpu"] as const;
  const backends = await Promise.all(names.map((name) => openBackend(name)));
  const outcomes = await outcomesOf(tests, backends);
  print(outcomes, names);
  for (const name of names) {
    const { passed, failed, skipped } = count(outcomes, name);
    console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped of ${tests.length}`);
  }
  console.log(`in ${((performance.now() - start) / 1000).toFixed(0)} s`);
  for (const backend of backends) await backend[Symbol.asyncDispose]();
  if (outcomes.some(({ failures }) => failures.size > 0)) Deno.exit(1);
}
