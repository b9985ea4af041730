/** Profiles as text for a terminal. @module */
import { type Profile, type ProfiledLaunch, sumOf, type Work } from "../runtime/profile.ts";
import { cut, grid } from "./text.ts";

/** The numbers of a launch or of several together. */
const WORK = ["ms", "share", "MB", "GB/s", "G/s"];

/**
 * A profile as tables: its launches in order of execution, then the sums by kernel, then one line of totals.
 *
 * @param options.top Launches to list: those that take longest. Default: all.
 */
export function profileText(profile: Profile, options: { readonly top?: number } = {}): string {
  const { launches, kernels, total } = profile;
  const shown = longest(launches, options.top ?? launches.length);
  const listed = launches.filter((launch) => shown.has(launch));
  const left = launches.filter((launch) => !shown.has(launch));
  const rest = left.length === 0 ? [] : [[`... ${left.length} more`, "", "", ...workCells(sumOf(left), total)]];
  return [
    headText(profile),
    "",
    grid(["node", "operator", "kernel", ...WORK, "of peak"], [
      ...listed.map((launch) => launchCells(launch, total)),
      ...rest,
    ], 3),
    "",
    grid(
      ["kernel", "launches", ...WORK],
      kernels.map((kernel) => [kernel.name, String(kernel.launches), ...workCells(kernel, total)]),
      1,
    ),
    "",
    totalText(profile),
  ].join("\n");
}

function headText({ device, clock, peak }: Profile): string {
  const how = clock === "timestamps" ? "timestamps of the device" : "the clock of the host";
  const most = peak === null
    ? ""
    : `; measured peaks: f32 ${number(peak.f32)} G/s, int8 ${number(peak.i8)} G/s, copy ${number(peak.copy)} GB/s`;
  return `${device}, timed by ${how}${most}`;
}

function totalText({ launches, total, endToEndMs, rounds }: Profile): string {
  const rate = rateText(total);
  return `total: ${launches.length} launches, ${number(total.ms)} ms${rate === "" ? "" : `, ${rate} G/s`}, ` +
    `${number(total.bytes / 1e6)} MB; ` +
    `end to end ${number(endToEndMs)} ms (median of ${rounds} round${rounds === 1 ? "" : "s"})`;
}

function launchCells(launch: ProfiledLaunch, total: Work): string[] {
  const { node, operator, precision, kernel, variant, share } = launch;
  const kind = operator === null ? "(layout)" : precision === "float" ? operator : `${operator} ${precision}`;
  const names = [cut(node), kind, cut(`${kernel} ${variant}`.trim())];
  return [...names, ...workCells(launch, total), share === null ? "" : percent(share)];
}

/** Cells for the columns of {@linkcode WORK}. */
function workCells(work: Work, total: Work): string[] {
  const { ms, bytes } = work;
  const speed = ms > 0 ? number(bytes / (ms * 1e6)) : "";
  return [number(ms), total.ms > 0 ? percent(ms / total.ms) : "", number(bytes / 1e6), speed, rateText(work)];
}

/** G/s, or nothing where there are no multiply-adds. */
function rateText({ ms, macs }: Work): string {
  return macs > 0 && ms > 0 ? number(2 * macs / (ms * 1e6)) : "";
}

function longest(launches: readonly ProfiledLaunch[], count: number): ReadonlySet<ProfiledLaunch> {
  return new Set(launches.toSorted((a, b) => b.ms - a.ms).slice(0, count));
}

/** Three digits or more. */
function number(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
