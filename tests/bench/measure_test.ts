import assert from "node:assert/strict";
import { openBackend } from "../../mod.ts";
import { measure } from "./measure.ts";
import { subjectOf } from "./operators.ts";
import type { Peer } from "./peers.ts";
import type { Runner } from "./runner.ts";
import type { Workload } from "./workload.ts";

const workload: Workload = {
  name: "small",
  kind: "operator",
  about: "[3,8] x [8,4]",
  load: () => subjectOf({ op: "product", rows: 3, inner: 8, columns: 4, bias: false }),
};
const zeros = (count: number): Runner => ({
  run: () => Promise.resolve(new Float32Array(count)),
  [Symbol.asyncDispose]: () => Promise.resolve(),
});
const peer = (open: Peer["open"]): Peer => ({ about: "", open });
const PEERS: Record<string, Peer> = {
  absent: peer(() => Promise.resolve(null)),
  broken: peer(() => Promise.reject(new Error("no such kernel"))),
  wrong: peer(() => Promise.resolve(zeros(12))),
  excused: { ...peer(() => Promise.resolve(zeros(12))), inexact: () => Promise.resolve("of its own ways") },
};

Deno.test({
  name: "measure() goes on where peers are broken or wrong",
  ignore: !(await navigator.gpu?.requestAdapter()),
  fn: async () => {
    await using backend = await openBackend("webgpu");
    const row = await measure(workload, { peers: PEERS, rounds: 4, backend });
    assert.deepEqual(
      row.timings.map(({ who, precision, rounds }) => `${who} ${precision} ${rounds}`),
      ["acqua FP32 4", "excused FP32 4", "acqua INT8 4", "excused INT8 4"],
    );
    assert(row.timings.every(({ medianMs, bestMs }) => bestMs > 0 && bestMs <= medianMs));
    assert.deepEqual(
      row.remarks.map(({ who, precision, kind }) => `${who} ${precision} ${kind}`).sort(),
      [
        "broken FP32 missing",
        "broken INT8 missing",
        "excused FP32 inexact",
        "excused INT8 inexact",
        "wrong FP32 failed",
        "wrong INT8 failed",
      ],
    );
    assert.match(row.remarks.find(({ who }) => who === "broken")!.reason, /no such kernel/);
    assert.match(row.remarks.find(({ who }) => who === "wrong")!.reason, /beside acqua differs by 1\.0e\+0/);
    const { FP32, INT8 } = row.memory;
    assert(FP32!.activations > 0 && FP32!.constants > 0 && INT8!.constants < FP32!.constants);
    assert(row.int8!.decibels > 25 && row.int8!.sameTop === null);
    assert(row.fileBytes.FP32! > 4 * 8 * 4);
  },
});
