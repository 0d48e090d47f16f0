// Recordings on a real disk, with a clock that the test controls.
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { RecordingFacts } from '../../src/recording/recording-facts.js';
import { type RecordingNews, Recordings, type RecordingsOptions } from '../../src/recording/recordings.js';
import { ManualClock } from '../support/manual-clock.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { waitFor } from '../support/wait-for.js';

export interface Room {
  readonly recordings: Recordings;
  readonly root: string;
  readonly live: string;
  readonly clock: ManualClock;
  readonly news: RecordingNews[];
  readonly warnings: string[];
  /** Called with each of the news. */
  onNews: (news: RecordingNews) => void;
}

export async function openRoom(options: Partial<RecordingsOptions> = {}): Promise<Room> {
  const directory = await temporaryDirectory();
  const root = options.root ?? join(directory, 'recordings');
  const clock = new ManualClock();
  const news: RecordingNews[] = [];
  const warnings: string[] = [];
  const recordings = new Recordings({
    ...{ root, path: '{app}/{name}/{id}', keepFor: undefined, keepBytes: undefined, keepStreamBytes: undefined },
    ...{ keepCount: undefined, keepFree: 0, split: undefined, clock },
    freeBytes: async () => Number.MAX_SAFE_INTEGER,
    logger: {
      debug: () => undefined,
      info: () => undefined,
      warn: (_fields, message) => void warnings.push(message),
      error: (fields, message) => {
        throw new Error(`${message} ${JSON.stringify(fields)}`);
      },
    },
    onEvent: (event) => {
      news.push(event);
      room.onNews(event);
    },
    ...options,
  });
  const live = join(directory, 'media');
  const room: Room = { recordings, root, live, clock, news, warnings, onNews: () => undefined };
  await recordings.open();
  onTestFinished(() => recordings.close());
  return room;
}

/** Resolves to the recording when it is finished. */
export function finished({ recordings }: Room, id: string): Promise<RecordingFacts> {
  const check = (): RecordingFacts => {
    const facts = recordings.find(id)?.facts;
    if (facts?.state !== 'finished') throw new Error(`${facts?.state}`);
    return facts;
  };
  return waitFor(check);
}
