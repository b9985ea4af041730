/**
 * Times acqua beside its peers, `deno task bench --help`: whole models and single operators, all in one process, in
 * interleaved rounds, each run from input in host memory to output in host memory. Results must agree before they are timed.
 */
import { parseArgs } from "@std/cli/parse-args";
import { openBackend } from "../../mod.ts";
import { sharedData } from "../data.ts";
import { measure } from "./measure.ts";
import { MODELS } from "./models.ts";
import { OPERATORS } from "./operators.ts";
import { type Peer, PEERS } from "./peers.ts";
import { goalsOf, goalTable, memoryTable, ratioTable, timeTable } from "./report.ts";
import type { Row } from "./row.ts";

const OUT = new URL("../../out/", import.meta.url);
const WORKLOADS = [...MODELS, ...OPERATORS];
const HELP = `deno task bench [--rounds 9] [--only NAME,...] [--peers NAME,...] [--list]

  --rounds N         rounds, of which the median counts; runners that need more than 3 seconds for all take part in fewer
  --only NAME,...    only these workloads; "models" and "operators" stand for all of a kind
  --peers NAME,...   only these peers; "none" for acqua alone
  --list             names all workloads and peers`;

const options = parseArgs(Deno.args, {
  string: ["rounds", "only", "peers"],
  boolean: ["list", "help"],
  alias: { h: "help" },
  default: { rounds: "9" },
  unknown: (argument: string) => fail(`"${argument}" is no option`),
});

function fail(message: string): never {
  console.error(`${message}\n\n${HELP}`);
  Deno.exit(2);
}

/** The names in a comma-separated option; all where it is not given. */
function chosen<T>(option: string, value: string | undefined, known: ReadonlyMap<string, readonly T[]>): T[] {
  if (value === undefined) return [...new Set([...known.values()].flat())];
  return [
    ...new Set(
      value.split(",").flatMap((name) =>
        known.get(name) ?? fail(`--${option} must name ${[...known.keys()].join(", ")}: current value is "${name}"`)
      ),
    ),
  ];
}

if (options.help) {
  console.log(HELP);
  Deno.exit();
}
if (options.list) {
  for (const { name, about } of WORKLOADS) console.log(`${name.padEnd(24)}${about}`);
  console.log();
  for (const [name, { about }] of Object.entries(PEERS)) console.log(`${name.padEnd(24)}${about}`);
  Deno.exit();
}
const rounds = Number(options.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  fail(`--rounds must be a positive whole number: current value is "${options.rounds}"`);
}
const workloads = chosen(
  "only",
  options.only,
  new Map([
    ...WORKLOADS.map((workload) => [workload.name, [workload]] as const),
    ["models", MODELS],
    ["operators", OPERATORS],
  ]),
);
const peers = Object.fromEntries(chosen(
  "peers",
  options.peers,
  new Map<string, [string, Peer][]>([
    ...Object.entries(PEERS).map((entry): [string, [string, Peer][]] => [entry[0], [entry]]),
    ["none", []],
  ]),
));

await using backend = await openBackend("webgpu");
console.log(`acqua on ${backend.device}, ${rounds} rounds, beside`);
for (const [name, { about }] of Object.entries(peers)) console.log(`  ${name}: ${about}`);
if (!sharedData("")) console.log("There is no ../shared/data folder: the models in it are left out");
const [load = 0] = Deno.loadavg();
if (load > 0.5) {
  console.log(
    `Load of the machine before the start: ${load.toFixed(1)}. Other work slows runners of many threads most.`,
  );
}
const start = performance.now();
const rows: Row[] = [];
const failures: string[] = [];
for (const workload of workloads) {
  const since = performance.now();
  try {
    const row = await measure(workload, { peers, rounds, backend });
    rows.push(row);
    console.log(`${row.name} (${row.about}): ${((performance.now() - since) / 1000).toFixed(0)} s`);
    for (const { who, precision, kind, reason } of row.remarks) {
      console.log(`  ${kind === "failed" ? "FAILED" : kind}: ${who} ${precision}: ${reason}`);
      if (kind === "failed") failures.push(`${row.name}: ${who} ${precision}: ${reason}`);
    }
  } catch (error) {
    console.error(`${workload.name}: FAILED`, error);
    failures.push(`${workload.name}: ${error instanceof Error ? error.message : error}`);
  }
  save();
}
const runners = ["acqua", ...Object.keys(peers)];
const sections = [timeTable(rows, runners), ratioTable(rows), memoryTable(rows), goalTable(goalsOf(rows))];
console.log(`\n${sections.join("\n\n")}\n\n${((performance.now() - start) / 1000).toFixed(0)} s`);
if (failures.length > 0) {
  console.error(`\nFAILED:\n  ${failures.join("\n  ")}`);
  Deno.exitCode = 1;
}

/** Written after every workload: nothing is lost where one ends the process. */
function save(): void {
  Deno.mkdirSync(OUT, { recursive: true });
  const about = Object.fromEntries(Object.entries(peers).map(([name, { about }]) => [name, about]));
  const machine = { device: backend.device, os: Deno.build.os, cores: navigator.hardwareConcurrency, load };
  const document = { ...machine, deno: Deno.version.deno, peers: about, rounds, failures, goals: goalsOf(rows), rows };
  Deno.writeTextFileSync(new URL("bench.json", OUT), JSON.stringify(document, null, 2) + "\n");
}
