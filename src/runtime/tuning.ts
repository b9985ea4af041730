/**
 * Choosing between variants of kernels by timing them.
 *
 * Which tile is fastest differs by device and driver, so the estimate of the operators (the first variant that they offer)
 * is only where tuning starts. What was found is kept in a store, for each device and version of the kernels.
 *
 * @module
 */
import { type Clock, openClock, timeDispatches } from "../gpu/clock.ts";
import type { GpuContext } from "../gpu/context.ts";
import { allocateMemory } from "../gpu/memory.ts";
import { SHADERS } from "../gpu/shaders.ts";
import type { Target } from "../ops/op.ts";
import type { ExecutionPlan } from "./plan.ts";
import { type Schedule, schedule, type ScheduledLaunch } from "./schedule.ts";

/** Where choices are kept from one process to the next: a file, or a browser's local storage. */
export interface TuningStore {
  /**
   * What tells this machine from others that share the store, beside the name of the device: the model of its processor,
   * say, which is the device where an adapter computes in software. Default: nothing.
   */
  readonly machine?: string;
  /** What was written last; `null` where nothing was. */
  read(): Promise<string | null>;
  /** Keeps a text. */
  write(text: string): Promise<void>;
}

/** A variant that was found to be the fastest. */
interface Choice {
  readonly variant: string;
  /** Milliseconds of one launch. */
  readonly ms: number;
  /** When it was measured, in milliseconds since 1970. */
  readonly at: number;
}

/** The text in a store. */
interface Stored {
  readonly version: 1;
  readonly devices: Readonly<Record<string, Readonly<Record<string, Choice>>>>;
}

/** Choices older than this are made anew: drivers change under one name. */
const MAX_AGE_MS = 30 * 24 * 3600 * 1000;

/** What a variant must be faster by than the one that was estimated to be, for machines are noisy. */
const MARGIN = 0.95;

/** Rounds in which a variant is timed; the fastest counts. */
const ROUNDS = 3;

/** Milliseconds after which no further kernel is tuned while a model is prepared; what is left is tuned the next time. */
const BUDGET_MS = 4000;

/** The choices for one device. */
export class Tuning {
  readonly #store: TuningStore;
  readonly #device: string;
  readonly #choices: Map<string, Choice>;
  readonly #budgetMs: number;

  private constructor(store: TuningStore, device: string, choices: Map<string, Choice>, budgetMs: number) {
    this.#store = store;
    this.#device = device;
    this.#choices = choices;
    this.#budgetMs = budgetMs;
  }

  /**
   * Opens a store. What cannot be read, was made for another device or other kernels, or is too old, counts for nothing.
   *
   * @param device What tells the device from others.
   */
  static async open(store: TuningStore, device: string, budgetMs: number = BUDGET_MS): Promise<Tuning> {
    const machine = store.machine ? ` of ${store.machine}` : "";
    const own = `${device}${machine}, kernels ${kernelVersion()}`;
    const known = Object.entries(parse(await store.read().catch(() => null)).devices[own] ?? {});
    const young = known.filter(([, choice]) => isChoice(choice) && Date.now() - choice.at < MAX_AGE_MS);
    return new Tuning(store, own, new Map(young), budgetMs);
  }

  /** The index of the variant to take: the one found to be the fastest, else the first. */
  choose(key: string, variants: readonly string[]): number {
    return Math.max(0, variants.indexOf(this.#choices.get(key)?.variant ?? ""));
  }

  /** Schedules a plan with the fastest variants, after timing those that are not known yet as long as the budget lasts. */
  async schedule(plan: ExecutionPlan, target: Target, context: GpuContext): Promise<Schedule> {
    const offered = new Map<string, readonly string[]>();
    const chosen = (): Schedule => {
      const choose = (key: string, variants: readonly string[]): number => {
        if (!this.#choices.has(key) && variants.length > 1) offered.set(key, variants);
        return this.choose(key, variants);
      };
      return schedule(plan, { ...target, choose }, context.gpu.textureBytes);
    };
    const known = chosen();
    if (offered.size === 0) return known;
    const found = await timeVariants(plan, target, context, offered, this.#budgetMs);
    if (found.size === 0) return known;
    for (const [key, timed] of found) this.#choices.set(key, { ...fastest(timed), at: Date.now() });
    await this.#save();
    return chosen();
  }

  /** Adds the choices to those that other processes have stored meanwhile. */
  async #save(): Promise<void> {
    try {
      const { devices } = parse(await this.#store.read());
      const own = { ...devices[this.#device], ...Object.fromEntries(this.#choices) };
      const stored: Stored = { version: 1, devices: { ...devices, [this.#device]: own } };
      await this.#store.write(JSON.stringify(stored, null, 1));
    } catch {
      // A store that cannot be written costs the next process some time, and this one nothing.
    }
  }
}

/** A variant with the milliseconds that it took; Infinity where the device refused it. */
export interface TimedVariant {
  readonly variant: string;
  readonly ms: number;
}

/** The fastest variant, if it is so by a margin; else the first. */
export function fastest(timed: readonly TimedVariant[]): TimedVariant {
  const [first] = timed as [TimedVariant];
  const best = timed.reduce((a, b) => b.ms < a.ms ? b : a);
  return best.ms < MARGIN * first.ms ? best : first;
}

/** Times all variants of one key after the other, so that what the budget allows is known whole. */
async function timeVariants(
  plan: ExecutionPlan,
  target: Target,
  context: GpuContext,
  offered: ReadonlyMap<string, readonly string[]>,
  budgetMs: number,
): Promise<Map<string, TimedVariant[]>> {
  const deadline = performance.now() + budgetMs;
  const most = Math.max(...Array.from(offered.values(), (variants) => variants.length));
  const schedules = Array.from({ length: most }, (_, turn) => {
    const choose = (_key: string, variants: readonly string[]): number => Math.min(turn, variants.length - 1);
    return schedule(plan, { ...target, choose }, context.gpu.textureBytes);
  });
  const found = new Map<string, TimedVariant[]>();
  await using clock = openClock(context.gpu.device);
  for (const [key, variants] of offered) {
    if (performance.now() > deadline) break;
    const timed: TimedVariant[] = [];
    for (const [turn, variant] of variants.entries()) {
      const { launches, regions } = schedules[turn]!;
      const own = launches.find(({ launch }) => launch.tuned === key);
      if (own) timed.push({ variant, ms: await timeLaunch(own, regions, context, clock) });
    }
    if (timed.length > 0) found.set(key, timed);
  }
  return found;
}

/** Milliseconds of a launch on memory of its own; Infinity where the device refuses it. */
async function timeLaunch(
  { launch, inputs, outputs }: ScheduledLaunch,
  regions: readonly { readonly bytes: number; readonly texture: boolean }[],
  context: GpuContext,
  clock: Clock,
): Promise<number> {
  const { device } = context.gpu;
  using resources = new DisposableStack();
  const memory = new Map([...inputs, ...outputs].flatMap((region) => {
    if (region === null) return [];
    const { bytes, texture } = regions[region]!;
    const own = allocateMemory(device, bytes, texture ? "2d" : "buffer", "tuning");
    resources.defer(() => own.destroy());
    return [[region, own] as const];
  }));
  device.pushErrorScope("validation");
  let ms = Infinity;
  try {
    const { dispatches, uniforms, release } = await context.bind([launch], () => ({
      inputs: inputs.map((region) => region === null ? null : memory.get(region)!),
      outputs: outputs.map((region) => memory.get(region)!),
    }));
    resources.defer(() => uniforms?.destroy());
    resources.defer(release);
    const [times] = await timeDispatches(clock, dispatches, ROUNDS);
    ms = Math.min(...times!);
  } catch {
    // A variant that does not compile loses.
  }
  return await device.popErrorScope() ? Infinity : ms;
}

function parse(text: string | null): Stored {
  try {
    const stored = JSON.parse(text ?? "") as Partial<Stored> | null;
    if (stored?.version === 1 && typeof stored.devices === "object" && stored.devices) return stored as Stored;
  } catch {
    // What is no JSON is replaced.
  }
  return { version: 1, devices: {} };
}

function isChoice(value: unknown): value is Choice {
  const { variant, ms, at } = (value ?? {}) as Partial<Choice>;
  return typeof variant === "string" && typeof ms === "number" && typeof at === "number";
}

/** A number that changes with the source of any kernel (FNV-1a). */
function kernelVersion(): string {
  let hash = 0x811c9dc5;
  for (const source of Object.values(SHADERS)) {
    for (let i = 0; i < source.length; i++) hash = Math.imul(hash ^ source.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0).toString(16);
}
