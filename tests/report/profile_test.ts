import assert from "node:assert/strict";
import { profileText } from "../../src/report/profile.ts";
import type { Profile, ProfiledLaunch } from "../../src/runtime/profile.ts";

const copy: ProfiledLaunch = {
  node: "conv",
  operator: null,
  precision: null,
  kernel: "copy_32",
  variant: "axes=3",
  ms: 0.25,
  macs: 0,
  bytes: 500_000,
  gops: null,
  share: null,
  gbps: 2,
};
const conv: ProfiledLaunch = {
  node: "conv",
  operator: "Conv",
  precision: "int8",
  kernel: "conv_i8",
  variant: "16x16",
  ms: 2,
  macs: 10_000_000,
  bytes: 4_000_000,
  gops: 10,
  share: 0.125,
  gbps: 2,
};
const relu: ProfiledLaunch = {
  ...copy,
  node: "a_name_that_is_too_long_for_a_column_of_a_table",
  operator: "Relu",
  precision: "float",
  kernel: "pointwise",
  variant: "",
  ms: 1.75,
};
const profile: Profile = {
  device: "a device",
  clock: "timestamps",
  rounds: 5,
  peak: { f32: 123.4, i8: 80, copy: 4.567 },
  launches: [copy, conv, relu],
  total: { ms: 4, macs: 10_000_000, bytes: 5_000_000 },
  endToEndMs: 12.34,
  nodes: [],
  kernels: [
    { name: "conv_i8", launches: 1, ms: 2, macs: 10_000_000, bytes: 4_000_000 },
    { name: "pointwise", launches: 1, ms: 1.75, macs: 0, bytes: 500_000 },
    { name: "copy_32", launches: 1, ms: 0.25, macs: 0, bytes: 500_000 },
  ],
};

Deno.test("profileText() lists launches in order, sums by kernel and totals", () => {
  assert.deepEqual(profileText(profile).split("\n"), [
    "a device, timed by timestamps of the device; measured peaks: f32 123 G/s, int8 80.0 G/s, copy 4.57 GB/s",
    "",
    "node                              operator   kernel             ms   share     MB   GB/s   G/s  of peak",
    "conv                              (layout)   copy_32 axes=3  0.250   6.3 %  0.500   2.00",
    "conv                              Conv int8  conv_i8 16x16    2.00  50.0 %   4.00   2.00  10.0   12.5 %",
    "a_name_that_is_too_long_for_a_c…  Relu       pointwise        1.75  43.8 %  0.500  0.286",
    "",
    "kernel     launches     ms   share     MB   GB/s   G/s",
    "conv_i8           1   2.00  50.0 %   4.00   2.00  10.0",
    "pointwise         1   1.75  43.8 %  0.500  0.286",
    "copy_32           1  0.250   6.3 %  0.500   2.00",
    "",
    "total: 3 launches, 4.00 ms, 5.00 G/s, 5.00 MB; end to end 12.3 ms (median of 5 rounds)",
  ]);
});

Deno.test("profileText() lists only the launches that take longest, still in order", () => {
  const lines = profileText({ ...profile, launches: [relu, copy, conv] }, { top: 1 }).split("\n");
  assert.match(lines[3]!, /^conv +Conv int8 /);
  assert.match(lines[4]!, /^\.\.\. 2 more +2\.00 +50\.0 % +1\.00 +0\.500$/);
  assert.equal(lines[5], "");
});

Deno.test("profileText() says where nothing is measured by the device", () => {
  const { launches, ...rest } = profile;
  const own = { ...rest, clock: "wall", peak: null, rounds: 1, launches: launches.slice(2) } as const;
  const lines = profileText({ ...own, total: { ms: 1.75, macs: 0, bytes: 500_000 }, kernels: [] }).split("\n");
  assert.equal(lines[0], "a device, timed by the clock of the host");
  assert.equal(lines.at(-1), "total: 1 launches, 1.75 ms, 0.500 MB; end to end 12.3 ms (median of 1 round)");
});
