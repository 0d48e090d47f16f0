// The interface of the store that gets finished media in addition to memory. It has only seven required methods, so that a disk, a bucket or a map in
// a test can implement it. `takeSteps` calls several of them in order.

import type { Milliseconds } from '../../protocols/units.js';

/** Path relative to the media root, always with `/`: `live/name/source/seg-7.m4s`. */
export type StorePath = string;

export interface SegmentStore {
  /**
   * Replaces the whole file: a reader sees the old bytes or the new ones, never a mixture.
   * @param bytes several buffers are concatenated
   * @param unlisted whether nobody reads this name before the promise resolves, so that the file may be written in place
   */
  write(path: StorePath, bytes: Buffer | readonly Buffer[], unlisted?: boolean): Promise<void>;
  /** Undefined if there is no such file. */
  read(path: StorePath): Promise<Buffer | undefined>;
  /**
   * Reads a piece of a file into the caller's buffer, which may be reused once the promise has settled.
   * @param start first byte to read
   * @returns the number of bytes read, less than the length of `into` at the end of the file; undefined if there is no such file
   */
  readInto(path: StorePath, start: number, into: Buffer): Promise<number | undefined>;
  /** Size in bytes; undefined if there is no such file. */
  size(path: StorePath): Promise<number | undefined>;
  /** Removes a file. Succeeds if the file does not exist. */
  remove(path: StorePath): Promise<void>;
  /** Removes the directory if it is empty; otherwise does nothing. */
  removeDirectory(path: StorePath): Promise<void>;
  /** All files below a directory, as paths relative to the root, sorted; empty if there is no such directory. */
  list(directory: StorePath): Promise<StorePath[]>;
  /** Does the same as `takeSteps`, at a lower cost than separate calls. */
  take?(steps: readonly StoreStep[]): Promise<TakenSteps>;
  /** If set, passes of different streams should begin at multiples of this time, because the store handles several at once more cheaply. */
  readonly gathers?: Milliseconds;
}

/** A call of the store's method of this name. */
export type StoreStep =
  | {
      readonly kind: 'write';
      readonly path: StorePath;
      readonly bytes: Buffer | readonly Buffer[];
      readonly unlisted: boolean;
    }
  | { readonly kind: 'remove' | 'size' | 'list'; readonly path: StorePath };

export interface TakenSteps {
  /** The results of the steps that succeeded. */
  readonly answers: readonly StepAnswer[];
  /** Why the next step failed; undefined if none did. Later steps were not tried. */
  readonly failure: { readonly cause: unknown } | undefined;
}

export type StepAnswer = number | readonly StorePath[] | undefined;

/** Performs the steps in order, up to the first that fails. Never rejects. */
export async function takeSteps(store: SegmentStore, steps: readonly StoreStep[]): Promise<TakenSteps> {
  if (store.take !== undefined) return store.take(steps);
  const answers: StepAnswer[] = [];
  try {
    for (const step of steps) answers.push(await takeStep(store, step));
    return { answers, failure: undefined };
  } catch (cause) {
    return { answers, failure: { cause } };
  }
}

async function takeStep(store: SegmentStore, step: StoreStep): Promise<StepAnswer> {
  if (step.kind !== 'write') return (await store[step.kind](step.path)) ?? undefined;
  await store.write(step.path, step.bytes, step.unlisted);
  return undefined;
}
