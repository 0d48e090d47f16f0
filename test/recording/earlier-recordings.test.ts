// A gateway serves while a slow disk still reads the recordings of earlier processes. A named pipe is the slow disk: whoever reads it waits for
// its writer.
import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type RecordingFacts, renderFacts } from '../../src/recording/recording-facts.js';
import { newRecordingId } from '../../src/recording/recording-id.js';
import { ManualClock } from '../support/manual-clock.js';
import { runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { waitFor } from '../support/wait-for.js';
import { FakeStream, SOURCE } from './fake-stream.js';
import { finished, openRoom } from './open-room.js';

const HOUR = 3_600_000;

/** A finished recording that began so many hours ago. */
function factsOf(hoursAgo: number): RecordingFacts {
  const start = new ManualClock().wallClock() - hoursAgo * HOUR;
  return {
    ...{ version: 1, id: newRecordingId(start), app: 'live', name: 'cam', pinned: false, state: 'finished' },
    ...{ start, end: start + 1000, duration: 1, bytes: 1000, renditions: [{ name: 'source', video: true }], gaps: [] },
  };
}

it('G1.12 a slow disk delays neither the start nor the list, and retention waits until all recordings are known', async () => {
  const root = join(await temporaryDirectory(), 'recordings');
  const [oldest, newer] = [factsOf(2), factsOf(1)];
  const fileOf = ({ id }: RecordingFacts): string => join(root, 'live', 'cam', id, 'recording.json');
  for (const facts of [oldest, newer]) await mkdir(dirname(fileOf(facts)), { recursive: true });
  await runProgram('mkfifo', [fileOf(oldest)]);
  const slow = await open(fileOf(oldest), 'r+');
  onTestFinished(() => slow.close());
  await writeFile(fileOf(newer), renderFacts(newer));

  const clock = new ManualClock();
  const opening = openRoom({ root, clock, keepBytes: 1000 });
  await waitFor(() => expect(clock.pending).toHaveLength(1));
  clock.advance(500);
  const room = await opening;
  const { recordings } = room;
  const ids = (): string[] => recordings.list({ limit: 10 }).recordings.map(({ id }) => id);
  expect(recordings.isReading).toBe(true);
  expect((await recordings.seek(newer.id))?.facts).toEqual(newer);
  expect(ids()).toEqual([newer.id]);
  expect(await recordings.seek(newRecordingId(0))).toBeUndefined();
  // It is asked for by its id while it is read.
  const sought = recordings.seek(oldest.id);

  // The end of a recording asks for a round of retention, which would remove the newer one first.
  const stream = new FakeStream('other', room.live);
  const { id } = recordings.start(stream, { takes: () => true });
  stream.add(SOURCE, 100);
  stream.end();
  await finished(room, id);

  await slow.writeFile(renderFacts(oldest));
  await slow.close();
  expect((await sought)?.facts).toEqual(oldest);
  const removed = (): string[] =>
    room.news.filter(({ type }) => type === 'recording.removed').map(({ recording }) => recording.id);
  await waitFor(() => expect(removed()).toEqual([oldest.id, newer.id]));
  expect(recordings.isReading).toBe(false);
  expect(ids()).toEqual([id]);
});
