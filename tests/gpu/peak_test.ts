import assert from "node:assert/strict";
import { openGpu } from "../../src/gpu/device.ts";
import { measurePeak } from "../../src/gpu/peak.ts";
import { noGpu } from "../ops/harness.ts";

Deno.test({
  name: `measurePeak() measures rates that a device can have${noGpu === null ? "" : ` (${noGpu})`}`,
  ignore: noGpu !== null,
  fn: async () => {
    const gpu = (await openGpu())!;
    try {
      const { f32, i8, copy } = await measurePeak(gpu);
      for (const rate of [f32, i8, copy]) {
        assert(rate > 0.01 && rate < 1e7, `${rate}: beyond what any device does, so nothing was computed`);
      }
    } finally {
      gpu.device.destroy();
    }
  },
});
