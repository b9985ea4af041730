/** Sharing memory between values that are not needed at the same time. @module */
import type { Place, Storage } from "./place.ts";

/** Memory for values whose lives do not overlap. */
export interface Region {
  /** Its size in bytes. */
  readonly bytes: number;
  /** Whether it is a texture rather than a buffer. */
  readonly texture: boolean;
}

/** A storage and how long it is needed: from launch number `first`, -1 for what is there before, to its last. */
export interface Life {
  /** What is needed. */
  readonly storage: Storage;
  /** The launch that writes it first. */
  readonly first: number;
}

/** Which storage lies where. */
export interface Assignment {
  /** The memory that is needed. */
  readonly regions: readonly Region[];
  /** The number of the region of each storage. */
  readonly numbers: ReadonlyMap<Storage, number>;
}

/**
 * How long the storages of launches in order are needed.
 *
 * @param written Those that are there before some launch, by its number; -1 from the start.
 */
export function livesOf(
  pending: readonly { readonly outputs: readonly Place[] }[],
  written: Iterable<readonly [Storage, number]>,
): Life[] {
  const first = new Map(written);
  pending.forEach(({ outputs }, index) => {
    for (const { storage } of outputs) if (!first.has(storage)) first.set(storage, index);
  });
  return Array.from(first, ([storage, first]) => ({ storage, first }));
}

/** The most bytes that are needed at one time: no assignment takes less. */
export function liveBytesOf(lives: readonly Life[]): number {
  const liveAt = (index: number): number =>
    lives.reduce((sum, { storage, first }) => sum + (first <= index && index <= storage.last ? storage.bytes : 0), 0);
  return Math.max(0, ...lives.map(({ first }) => liveAt(first)));
}

/**
 * Gives storages whose lives do not overlap the same region.
 *
 * The better of two greedy ways: the largest storage first, or in the order of their lives.
 *
 * @param textureBytes The most bytes of a storage that is kept in a texture; 0 for none.
 */
export function assignRegions(lives: readonly Life[], textureBytes: number): Assignment {
  const bySize = share(lives.toSorted((a, b) => b.storage.bytes - a.storage.bytes), textureBytes);
  const byTime = share(lives.toSorted((a, b) => a.first - b.first), textureBytes);
  return sizeOf(byTime) <= sizeOf(bySize) ? byTime : bySize;
}

function sizeOf({ regions }: Assignment): number {
  return regions.reduce((sum, { bytes }) => sum + bytes, 0);
}

function share(lives: readonly Life[], textureBytes: number): Assignment {
  const regions: { bytes: number; texture: boolean; lives: Life[] }[] = [];
  const numbers = new Map<Storage, number>();
  for (const life of lives) {
    const { bytes, inBlocks } = life.storage;
    const texture = inBlocks && bytes <= textureBytes;
    const free = regions.filter((own) => own.texture === texture && !own.lives.some((other) => meet(other, life)))
      .sort((a, b) => a.bytes - b.bytes);
    let region = free.find((own) => own.bytes >= bytes) ?? free.at(-1);
    if (!region) regions.push(region = { bytes, texture, lives: [] });
    region.bytes = Math.max(region.bytes, bytes);
    region.lives.push(life);
    numbers.set(life.storage, regions.indexOf(region));
  }
  return { regions: regions.map(({ bytes, texture }) => ({ bytes, texture })), numbers };
}

/** A launch must not write what it reads, so lives that end and begin with one launch meet. */
function meet(a: Life, b: Life): boolean {
  return a.first <= b.storage.last && b.first <= a.storage.last;
}
