// Recordings and their bucket, over a real disk and a real connection to a store.

import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../src/protocols/clock.js';
import { RecordingBucket, type RecordingBucketOptions } from '../../../src/recording/bucket/recording-bucket.js';
import { Catalogue } from '../../../src/recording/catalogue.js';
import type { RecordingFacts } from '../../../src/recording/recording-facts.js';
import { Recordings, type RecordingsOptions } from '../../../src/recording/recordings.js';
import { systemClock } from '../../../src/system-clock.js';
import { waitFor } from '../../support/wait-for.js';
import type { FakeStore } from './fake-store.js';

export interface BucketRoom {
  readonly recordings: Recordings;
  readonly bucket: RecordingBucket;
  readonly log: { readonly fields: Readonly<Record<string, unknown>>; readonly message: string }[];
  /** Closes as a stopping gateway does. */
  readonly close: () => Promise<void>;
}

/** A clock that runs a hundred times as fast, so that pauses between attempts are short. */
export const FAST_CLOCK: Clock = {
  now: () => systemClock.now() * 100,
  wallClock: () => systemClock.wallClock(),
  after: (delay, callback) => systemClock.after(delay / 100, callback),
};

/** @param root `recordDir` */
export async function openBucketRoom(
  store: Pick<FakeStore, 'endpoint'>,
  root: string,
  options: Partial<RecordingBucketOptions> = {},
  rules: Partial<RecordingsOptions> = {},
): Promise<BucketRoom> {
  const log: { fields: Record<string, unknown>; message: string }[] = [];
  const note = (fields: object, message: string) => void log.push({ fields: { ...fields }, message });
  const logger = { debug: note, info: note, warn: note, error: note };
  const bucket = new RecordingBucket({
    place: { endpoint: store.endpoint, bucket: 'bucket', prefix: 'tv', region: 'here-1', pathStyle: true },
    keys: { accessKeyId: 'key-id', secretAccessKey: 'secret-key' },
    ...{ ca: undefined, root, uploads: 'recordings', clock: FAST_CLOCK, logger, deadline: 500 },
    live: { maxLag: 30_000, windowSegments: 5, resumeWindow: 15_000 },
    ...options,
  });
  const recordings = new Recordings({
    ...{
      root,
      path: '{app}/{name}/{id}',
      keepStreamBytes: undefined,
      keepFor: undefined,
      keepBytes: undefined,
      keepCount: undefined,
      keepFree: 0,
      split: undefined,
    },
    ...{ clock: systemClock, logger, catalogue: new Catalogue(bucket.follower) },
    freeBytes: async () => Number.MAX_SAFE_INTEGER,
    onEvent: ({ type }) => {
      if (type === 'recording.removed') bucket.removeGone();
    },
    ...rules,
  });
  await recordings.open();
  bucket.removeGone();
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= recordings.close().then(() => bucket.close());
    return closed;
  };
  onTestFinished(close);
  return { recordings, bucket, log, close };
}

/** Polls until the check no longer throws. */
export function until<T>(check: () => T): Promise<T> {
  return waitFor(check);
}

/** Resolves to the recording when it is finished and completely in the bucket. */
export function uploaded({ recordings, bucket }: BucketRoom, id: string): Promise<RecordingFacts> {
  return until(() => {
    const facts = recordings.find(id)?.facts;
    if (facts?.state !== 'finished' && facts?.state !== 'interrupted') throw new Error(`it is ${facts?.state}`);
    if (bucket.stateOf(id) !== 'complete') throw new Error(`it is ${bucket.stateOf(id)} in the bucket`);
    return facts;
  });
}

export const liveDirectory = (directory: string): string => join(directory, 'media');
